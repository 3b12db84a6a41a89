"""docs/services.md names golden files and tests that are there for each of kube-proxy's rules, and leaves none out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.integration.service_table import OPTIONS, SUBJECTS

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden" / "kubeproxy"
_, _, PART = (ROOT / "docs" / "services.md").read_text(encoding="utf-8").partition("| rule | golden files | packets |")
ROWS = [[cell.strip() for cell in line.split("|")[1:-1]] for line in PART.splitlines()[2:] if line.startswith("|")]


def golden(cell: str) -> list[str]:
    """Names of files; one that begins with an ellipsis goes on where the first one ends."""
    names = re.findall(r"`([^`]+)`", cell)
    return [name.replace("…", names[0]) for name in names]


@pytest.mark.parametrize("mode", ["iptables", "nftables"])
def test_golden_files_are_there(mode: str) -> None:
    named = [name for _, cell, _ in ROWS for name in golden(cell)]
    assert len(named) > 20, "the table was not understood"
    assert [name for name in named if not (GOLDEN / mode / f"{name}.txt").exists()] == []


def test_packets_are_those_of_a_test_and_no_subject_is_left_out() -> None:
    told = {re.sub(r" \(.*\)", "", one) for _, _, cell in ROWS for one in cell.split("; ")}
    files = {name for one in told for name in re.findall(r"`([^`]+)`", one)}
    assert [name for name in files if not (ROOT / "tests" / "integration" / name).exists()] == []
    subjects = (*SUBJECTS, *OPTIONS)
    for one in (one for one in told if "`" not in one):
        assert any(subject.startswith(one) for subject in subjects), f"{one!r} is no subject of service_table.py"
    missing = [subject for subject in subjects if not any("`" not in one and subject.startswith(one) for one in told)]
    assert missing == []
