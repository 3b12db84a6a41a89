"""The folder of labs on the host: whose it is, which labs live, which one is meant."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.agent.presence import folder, witness
from lab.errors import MachineError, UsageError
from lab.kernel.sandbox.cgroups import grouping


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Labs of this test only."""
    own = tmp_path / "hoplab"
    own.mkdir(mode=0o700)
    monkeypatch.setattr(folder, "candidates", lambda: (own,))
    monkeypatch.setattr(witness, "seen", tuple)
    monkeypatch.setattr(witness, "told_folder", lambda _lab: "")
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


@pytest.mark.usefixtures("running")
def test_what_is_no_lab_s_folder_is_left_alone(base: Path) -> None:
    (base / "file").touch()
    (base / "link").symlink_to("/nonexistent")
    (base / "other").symlink_to(base / "one")
    (base / "strange").mkdir()
    (base / "strange" / folder.LOCK).mkdir()
    assert folder.running() == ("one", "two")
    assert sorted(path.name for path in base.iterdir()) == ["file", "link", "one", "other", "strange", "two"]


@pytest.mark.parametrize(
    "what", ["file", "dangling link", "link to a folder", "lock that is a folder", "lock that leads away"]
)
def test_what_is_in_the_way_of_a_lab_is_named(base: Path, what: str) -> None:
    match what:
        case "file":
            (base / "lab").touch()
        case "dangling link":
            (base / "lab").symlink_to("/nonexistent")
        case "link to a folder":
            (base / "lab").symlink_to(base)
        case "lock that is a folder":
            (base / "lab" / folder.LOCK).mkdir(parents=True)
        case _:
            (base / "lab").mkdir()
            (base / "lab" / folder.LOCK).symlink_to(base / "elsewhere")
    with pytest.raises(MachineError, match="/lab cannot be a lab's folder"):
        folder.lock("lab")


@pytest.mark.usefixtures("base")
def test_a_lab_whose_lock_is_gone_lives_as_long_as_its_agent_has_its_name(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (base / "lab").mkdir()
    (base / "lab" / "kubeconfig").touch()
    monkeypatch.setattr(witness, "seen", lambda: ("lab", "vanished"))
    assert folder.running() == ("lab", "vanished")
    assert (base / "lab" / "kubeconfig").exists()


def test_a_lab_is_looked_for_wherever_one_may_have_been_started(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    later = base.parent / "later"
    (later / "lab").mkdir(parents=True)
    (later / "lab" / folder.SOCKET).touch()
    later.chmod(0o700)
    foreign = base.parent / "foreign"
    (foreign / "lab").mkdir(parents=True)
    (foreign / "lab" / folder.SOCKET).touch()
    foreign.chmod(0o755)
    monkeypatch.setattr(folder, "candidates", lambda: (base, foreign, later))
    assert folder.of("lab") == later / "lab"
    assert folder.new("lab") == base / "lab"
    assert folder.bases() == (base, later)


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


def test_only_the_groups_of_labs_that_nobody_holds_are_swept(
    base: Path, running: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lab in another network namespace, or one that is just starting, is known by its lock alone."""
    removed: list[str] = []
    groups = {name: [f"/sys/fs/cgroup/hoplab-{name}"] for name in ("one", "two", "own", "gone", "named", "No Lab")}
    monkeypatch.setattr(grouping, "there", lambda: groups)
    monkeypatch.setattr(grouping, "remove", lambda _, lab: removed.append(lab))
    monkeypatch.setattr(witness, "is_named", lambda lab: lab == "named")
    assert running
    folder.sweep("own")
    assert removed == ["gone"]
    assert sorted(path.name for path in base.iterdir()) == ["one", "two"]
