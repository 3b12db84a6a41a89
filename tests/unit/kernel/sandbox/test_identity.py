"""Whose ids root's lab has."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.kernel.sandbox.identity import COUNT, ELSEWHERE, Ids, of_root


@pytest.mark.parametrize(
    ("subuid", "subgid", "expected"),
    [
        ("", "", Ids(ELSEWHERE, ELSEWHERE, COUNT)),
        ("me:100000:65536\n", "me:100000:65536\n", Ids(ELSEWHERE, ELSEWHERE, COUNT)),
        ("root:231072:65536\n", "root:331072:65536\n", Ids(231072, 331072, COUNT)),
        ("0:231072:131072\n", "", Ids(231072, ELSEWHERE, COUNT)),
        ("root:231072:1000\n", "root:x:65536\n", Ids(ELSEWHERE, ELSEWHERE, COUNT)),
        ("root:0:65536\n", "nonsense\n::\n", Ids(ELSEWHERE, ELSEWHERE, COUNT)),
    ],
)
def test_a_range_that_root_was_given_else_one_that_nobody_has(
    tmp_path: Path, subuid: str, subgid: str, expected: Ids
) -> None:
    files = tmp_path / "subuid", tmp_path / "subgid"
    for file, text in zip(files, (subuid, subgid), strict=True):
        file.write_text(text, encoding="utf-8")
    assert of_root(files) == expected


def test_without_the_files(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert of_root((missing, missing)) == Ids(ELSEWHERE, ELSEWHERE, COUNT)
