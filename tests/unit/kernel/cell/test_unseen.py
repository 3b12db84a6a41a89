"""Why a program of this machine was not found in a place: said only where it is so."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.kernel.cell import unseen


@pytest.fixture
def program(tmp_path: Path) -> Path:
    made = tmp_path / "own" / "mine"
    made.parent.mkdir()
    made.write_text("#!/nowhere/interpreter\n", encoding="utf-8")
    made.chmod(0o755)
    return made


def test_one_outside_of_what_places_show(program: Path) -> None:
    told = unseen.reason("mine", "/usr/bin", str(program.parent), ())
    assert f"{program} is not seen in places" in told
    assert told.endswith(f"up --share {program.parent}\n")


def test_one_that_the_given_path_hides() -> None:
    told = unseen.reason("ls", "/opt", "/usr/bin:/bin", ())
    assert told == "hoplab: ls: not found there with PATH=/opt\nhint: it is /usr/bin/ls\n"


@pytest.mark.parametrize("by", ["path", "name"])
def test_one_that_is_there_and_cannot_begin(program: Path, by: str) -> None:
    folder = str(program.parent)
    told = unseen.reason(str(program) if by == "path" else "mine", folder, folder, (folder,))
    assert f"{program} is there, but what runs it is not" in told


def test_one_that_nobody_has() -> None:
    assert unseen.reason("no-such-program", "/usr/bin", "/usr/bin:/bin", ()) == ""
