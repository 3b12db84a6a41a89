"""A lab stays where its owner looks for it, or ends."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from lab.agent.presence import folder, keeping
from lab.agent.presence.home import Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """In a hurry."""
    monkeypatch.setattr(keeping, "LOOK_EVERY_SECONDS", 0.001)
    monkeypatch.setattr(keeping, "PATIENCE_SECONDS", 0.05)
    base = tmp_path / "run" / "hoplab"
    base.mkdir(parents=True, mode=0o700)
    lock = folder.lock_in(base / "lab")
    assert lock is not None
    return Home("lab", base / "lab", (base,), lock)


def test_what_can_be_made_anew_is_and_is_told(home: Home) -> None:
    told: list[str] = []

    async def until_told_twice() -> None:
        again = asyncio.Event()

        async def anew(missing: str) -> None:
            told.append(missing)
            shutil.rmtree(home.folder) if len(told) == 1 else again.set()

        keeper = asyncio.ensure_future(keeping.keep(home, anew))
        (home.folder / folder.LOCK).unlink()
        await asyncio.wait_for(again.wait(), 10)
        keeper.cancel()

    asyncio.run(until_told_twice())
    assert told == ["lock", "folder"]
    assert home.missing() == ""


def test_what_cannot_ends_the_lab(home: Home) -> None:
    async def never(_missing: str) -> None:
        raise AssertionError("nothing is there again")

    shutil.rmtree(home.folder.parent.parent)
    told = asyncio.run(asyncio.wait_for(keeping.keep(home, never), 10))
    assert told == f"its folder {home.folder} vanished and cannot be made anew: No such file or directory"
