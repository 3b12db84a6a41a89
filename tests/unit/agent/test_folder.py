"""The folder of labs on the host: whose it is, which labs live, which one is meant."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.agent import folder
from lab.errors import MachineError, UsageError


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Labs of this test only."""
    own = tmp_path / "hoplab"
    own.mkdir(mode=0o700)
    monkeypatch.setattr(folder, "base", lambda: own)
    monkeypatch.delenv("HOPLAB_LAB", raising=False)
    return own


@pytest.fixture
def running(base: Path) -> Iterator[list[int]]:
    """Locks of labs "one" and "two", held as their agents would."""
    assert base.is_dir()
    held = [folder.lock(name) for name in ("one", "two")]
    locks = [descriptor for descriptor in held if descriptor is not None]
    assert len(locks) == 2
    yield locks
    for descriptor in locks:
        os.close(descriptor)


@pytest.mark.usefixtures("base")
def test_a_lab_can_be_held_once() -> None:
    held = folder.lock("lab")
    assert held is not None
    assert folder.lock("lab") is None
    os.close(held)
    again = folder.lock("lab")
    assert again is not None
    os.close(again)


@pytest.mark.usefixtures("running")
def test_the_dead_are_tidied_away_and_the_living_are_not(base: Path) -> None:
    (base / "dead").mkdir()
    (base / "dead" / "agent.sock").touch()
    assert folder.running() == ("one", "two")
    assert sorted(path.name for path in base.iterdir()) == ["one", "two"]


def test_a_lock_on_a_file_that_was_tidied_away_is_none(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between opening the file and locking it, somebody removed the folder of the dead lab, and another agent came."""
    real = fcntl.flock
    calls: list[int] = []

    def tidied_meanwhile(descriptor: int, how: int) -> None:
        if not calls:
            (base / "lab" / folder.LOCK).unlink()
            (base / "lab" / folder.LOCK).touch()
        calls.append(descriptor)
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", tidied_meanwhile)
    held = folder.lock("lab")
    assert held is not None
    assert len(calls) == 2, "the first lock was on a file that is not there any more"
    assert os.path.samestat(os.fstat(held), (base / "lab" / folder.LOCK).stat())
    os.close(held)


@pytest.mark.usefixtures("running")
def test_which_lab_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    assert folder.choose("two") == "two"
    with pytest.raises(UsageError, match="several labs are running: one, two"):
        folder.choose(None)
    monkeypatch.setenv("HOPLAB_LAB", "one")
    assert folder.choose(None) == "one"
    assert folder.choose("two") == "two"
    with pytest.raises(UsageError, match="no lab 'three' is running"):
        folder.choose("three")


@pytest.mark.usefixtures("base")
def test_the_only_one_running_is_meant() -> None:
    with pytest.raises(UsageError, match="no lab is running"):
        folder.choose(None)
    held = folder.lock("only")
    assert held is not None
    assert folder.choose(None) == "only"
    os.close(held)


@pytest.mark.usefixtures("base")
@pytest.mark.parametrize("name", ["../x", "a/b", ".", "..", "", ";rm -rf", "x" * 64, "Ü", "-x", "x-", "a b", "a\n"])
def test_what_cannot_be_a_name(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a lab's name"):
        folder.of(name)


def test_a_folder_that_others_may_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hoplab").mkdir(mode=0o755)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    real = os.getuid() or 12345
    monkeypatch.setattr(os, "geteuid", lambda: real)
    with pytest.raises(MachineError, match="not a folder of yours alone"):
        folder.base()
