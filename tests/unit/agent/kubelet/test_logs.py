"""Reading logs: the last lines, those since a moment, those that come."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lab.agent.kubelet.logs import Wanted, read
from lab.kernel.programs import logfile
from lab.kernel.programs.logfile import LogFile, stamp

SECOND = 1_000_000_000
LINES = b"".join(b"%s line %d\n" % (stamp(number * SECOND), number) for number in range(5))


async def everything(path: Path, wanted: Wanted) -> bytes:
    return b"".join([block async for block in read(path, wanted)])


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted(), b"line 0\nline 1\nline 2\nline 3\nline 4\n"),
        (Wanted(tail=2), b"line 3\nline 4\n"),
        (Wanted(tail=0), b""),
        (Wanted(tail=99, since=4 * SECOND), b"line 4\n"),
        (Wanted(since=4 * SECOND, timestamps=True), b"1970-01-01T00:00:04.000000000Z line 4\n"),
        (Wanted(limit=9), b"line 0\nli"),
        (Wanted(tail=1, limit=100), b"line 4\n"),
    ],
)
def test_what_is_wanted_of_it(tmp_path: Path, wanted: Wanted, said: bytes) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(LINES)
    assert asyncio.run(everything(path, wanted)) == said
    Path(f"{path}.1").write_bytes(LINES[: LINES.index(b"\n") + 1])
    assert asyncio.run(everything(path, Wanted(tail=6))).startswith(b"line 0\nline 0\n"), (
        "what was turned over is first"
    )


def test_without_a_log_nothing_is_said(tmp_path: Path) -> None:
    assert asyncio.run(everything(tmp_path / "none.log", Wanted())) == b""


def test_it_is_followed_into_new_files(tmp_path: Path) -> None:
    """Not there yet, then written, turned over, begun anew; and to the last line when the container has ended."""
    path = tmp_path / "x.log"
    heard: list[bytes] = []

    async def hear() -> None:
        log, alive = LogFile(str(path)), True

        async def follow() -> None:
            async for block in read(path, Wanted(tail=1), lambda: alive):
                heard.extend(block.splitlines())

        following = asyncio.create_task(follow())
        await asyncio.sleep(0)
        for number in range(600):
            log.write(b"%d " % number + b"x" * 2000)
            if number % 100 == 99:
                await until(lambda last=number: heard and heard[-1].startswith(b"%d " % last))
        log.close()
        logfile.put_aside(str(path))
        LogFile(str(path)).write(b"anew")
        await until(lambda: heard[-1] == b"anew")
        LogFile(str(path)).write(b"last words")
        alive = False
        await following

    asyncio.run(hear())
    assert [line.split()[0] for line in heard[:600]] == [b"%d" % number for number in range(600)], (
        "none lost, none twice"
    )
    assert heard[600:] == [b"anew", b"last words"]


async def until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)
