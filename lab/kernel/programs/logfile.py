"""The log of one program in a pod: a time and a line, kept in two files of bounded size, as a kubelet rotates them.

    2026-11-22T20:20:51.123456789Z listening on 8080

`PATH` is being written, `PATH.1` is what came before it, `PATH.previous` the log of the program that ran before a
restart. It imports little on purpose: the built-in server's memory counts for every lab.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress

MOST_BYTES = 512 * 1024  # of each of the two files
MOST_OF_A_LINE = 16 * 1024
TIME_LENGTH = len("2026-11-22T20:20:51.123456789Z")


class LogFile:
    """The writing end; the file is opened with the first line. What cannot be written (a full disk) is left out."""

    __slots__ = ("_file", "_size", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self._file = -1
        self._size = 0

    def write(self, *lines: bytes) -> None:
        """These lines, without their ends, as said now."""
        if not lines:
            return
        said = stamp(time.time_ns())
        text = b"".join([b"%s %s\n" % (said, line) for line in lines])
        try:
            if self._file >= 0 and self._size + len(text) > MOST_BYTES:
                self.close()
                os.replace(self.path, f"{self.path}.1")
            if self._file < 0:
                self._open()
            self._size += os.write(self._file, text)
        except OSError:
            return

    def _open(self) -> None:
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._size = os.fstat(self._file).st_size

    def close(self) -> None:
        """Let go of the file; another line would open it again."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def stamp(nanoseconds: int) -> bytes:
    """The moment as a log line begins with it, in UTC."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return b"%s.%09dZ" % (time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)).encode(), rest)


def put_aside(path: str) -> None:
    """A program begins anew: what the last one said is the previous log from now on. Nothing to do without a log."""
    with suppress(FileNotFoundError):
        os.replace(path, f"{path}.previous")
        os.unlink(f"{path}.1")


def remove_all(folder: str) -> None:
    """The folder of a place that is gone goes. Nothing to do where nobody has said anything."""
    with suppress(FileNotFoundError):
        for name in os.listdir(folder):
            os.unlink(f"{folder}/{name}")
        os.rmdir(folder)


def last_said(path: str, number: int) -> list[tuple[str, str]]:
    """What was said last, each line behind the moment at which it was; nothing where there is no log."""
    try:
        with open(path, "rb") as file:
            text = file.read()
    except FileNotFoundError:
        return []
    lines = (line.decode(errors="replace") for line in text.split(b"\n")[:-1][-number:])
    return [(line[:TIME_LENGTH], line[TIME_LENGTH + 1 :]) for line in lines]


def last_lines(path: str, number: int) -> list[str]:
    """The same without the times."""
    return [line for _, line in last_said(path, number)]
