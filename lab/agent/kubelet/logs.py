"""Reading a pod's log as `kubectl logs` asks for it, from the files that lab.kernel.programs.logfile writes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.kernel.programs.logfile import TIME_LENGTH, stamp

LOOK_EVERY_SECONDS = 0.1
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines, and how: the last `tail`, those since a moment (in ns since 1970), at most `limit` bytes."""

    tail: int | None = None
    since: int = 0
    timestamps: bool = False
    limit: int | None = None


async def read(path: Path, wanted: Wanted, follow: Callable[[], bool] = lambda: False) -> AsyncIterator[bytes]:
    """The lines that are there, then, for as long as `follow()` is true, those that come; as they come, in blocks.

    Nothing where there is no log. A log that is turned over or begun anew meanwhile is followed into the new file.
    """
    left = wanted.limit
    following = _File(path)
    try:
        lines = [line for line in [*_file_lines(Path(f"{path}.1")), *following.lines()] if _is_since(line, wanted)]
        if wanted.tail is not None:
            lines = lines[len(lines) - min(wanted.tail, len(lines)) :]
        while True:
            block = b"".join(_shown(line, wanted) for line in lines)[:left]
            if block:
                yield block
            if left is not None:
                left -= len(block)
                if left <= 0:
                    return
            goes_on = follow()
            if goes_on:
                await asyncio.sleep(LOOK_EVERY_SECONDS)
            lines = [line for line in following.lines() if _is_since(line, wanted)]
            if not goes_on and not lines:
                return
    finally:
        following.close()


class _File:
    """A log's file by its name: what has come since the last look, whichever file has the name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1
        self._begun = b""

    def lines(self) -> Iterator[bytes]:
        """Whole lines, without their ends."""
        if self._fd >= 0:
            yield from self._rest()
        if self._fd < 0 or self._is_another():
            self.close()
            try:
                self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return
            self._begun = b""
            yield from self._rest()

    def _rest(self) -> Iterator[bytes]:
        while data := os.read(self._fd, _CHUNK):
            *lines, self._begun = (self._begun + data).split(b"\n")
            yield from lines

    def _is_another(self) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        here = os.fstat(self._fd)
        return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _file_lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines()
    except FileNotFoundError:
        return []


def _is_since(line: bytes, wanted: Wanted) -> bool:
    return not wanted.since or line[:TIME_LENGTH] >= stamp(wanted.since)


def _shown(line: bytes, wanted: Wanted) -> bytes:
    return (line if wanted.timestamps else line[TIME_LENGTH + 1 :]) + b"\n"
