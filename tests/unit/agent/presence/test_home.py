"""The lab's folder as its agent holds it: whatever of it vanishes is made anew, where its owner looks for it."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.agent.presence import folder
from lab.agent.presence.home import Home


@pytest.fixture
def bases(tmp_path: Path) -> tuple[Path, Path]:
    """A runtime folder and another one, with a folder of labs in the first."""
    for name in ("runtime", "tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "runtime" / "hoplab").mkdir(mode=0o700)
    return tmp_path / "runtime" / "hoplab", tmp_path / "tmp" / "hoplab-0"


@pytest.fixture
def home(bases: tuple[Path, Path]) -> Iterator[Home]:
    lock = folder.lock_in(bases[0] / "lab")
    assert lock is not None
    made = Home("lab", bases[0] / "lab", bases, lock)
    made.keep("kubeconfig", "token")
    yield made
    made.listening.close()
    os.close(made.lock)


def is_whole(where: Path) -> bool:
    """Whether the lab is held there, answers there, and has its files."""
    with socket.socket(socket.AF_UNIX) as connection:
        directory = os.open(where, os.O_PATH)
        connection.connect(f"/proc/self/fd/{directory}/{folder.SOCKET}")
        os.close(directory)
    modes = {path.name: path.stat().st_mode & 0o777 for path in where.iterdir()}
    assert modes == {"lock": 0o600, "agent.sock": 0o600, "kubeconfig": 0o600}
    return folder.lock_in(where) is None and (where / "kubeconfig").read_text() == "token"


def test_nothing_is_missing_of_a_whole_one(home: Home) -> None:
    assert home.missing() == ""
    assert is_whole(home.folder)


@pytest.mark.parametrize(("name", "told"), [("lock", "lock"), ("agent.sock", "socket"), ("kubeconfig", "kubeconfig")])
def test_what_was_removed_is_made_anew(home: Home, name: str, told: str) -> None:
    (home.folder / name).unlink()
    assert home.missing() == told
    home.make_anew()
    assert home.missing() == ""
    assert is_whole(home.folder)


def test_what_is_just_being_written_for_the_first_time_is_not_missing(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever made it anew would write it under the same name, at the same time."""
    missing: list[str] = []
    replace = Path.replace

    def looking(path: Path, target: Path) -> Path:
        missing.append(home.missing())
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", looking)
    home.keep("other", "content")
    assert missing == [""]
    (home.folder / "other").unlink()
    assert home.missing() == "other"


def test_a_file_in_the_place_of_another_counts_for_nothing(home: Home) -> None:
    for name in ("lock", "agent.sock"):
        (home.folder / name).unlink()
        (home.folder / name).touch(mode=0o600)
        assert home.missing() != ""
        home.make_anew()
    assert is_whole(home.folder)


def test_the_folder_is_made_anew_with_all_that_was_in_it(home: Home, bases: tuple[Path, Path]) -> None:
    shutil.rmtree(bases[0])
    assert home.missing() == "folder"
    home.make_anew()
    assert home.missing() == ""
    assert home.folder == bases[0] / "lab"
    assert is_whole(home.folder)


def test_where_the_runtime_folder_has_gone_there_is_another_one(home: Home, bases: tuple[Path, Path]) -> None:
    shutil.rmtree(bases[0].parent)
    home.make_anew()
    assert home.folder == bases[1] / "lab"
    assert is_whole(home.folder)


def test_where_there_is_no_place_for_it_that_is_told(home: Home, bases: tuple[Path, Path]) -> None:
    shutil.rmtree(bases[0].parent)
    bases[1].mkdir(mode=0o755)
    bases[1].chmod(0o755)
    with pytest.raises(OSError, match=r".*"):
        home.make_anew()
    bases[1].chmod(0o700)
    home.make_anew()
    assert is_whole(bases[1] / "lab")


def test_who_has_the_lock_for_a_moment_is_waited_for(home: Home) -> None:
    (home.folder / folder.LOCK).unlink()
    taken = folder.lock_in(home.folder)
    assert taken is not None
    with pytest.raises(BlockingIOError):
        home.make_anew()
    os.close(taken)
    home.make_anew()
    assert is_whole(home.folder)
