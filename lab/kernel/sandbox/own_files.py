"""The files of /etc that are a place's own, below OWN_FILES: whoever is in the place may have written anything there.

Their file system is the lab's, and all places share it.
"""

from __future__ import annotations

import os
from pathlib import Path

from lab.network.place_names import OWN_FILES

SIZE = 128 << 20
"""Bytes of all of them together."""

LARGEST = 1 << 20
"""So much is read of one: it may seem to have any length."""

_OF_A_NAME = 256
_TOO_LARGE = 64 * 1024


def part(path: str, most: int = LARGEST) -> bytes:
    """What the file holds, of a longer one its beginning. OSError."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, min(max(os.fstat(file).st_size, 1), most))
    finally:
        os.close(file)


def hostname(path: str) -> str:
    """What such a file says, as far as that can be a host's name. OSError."""
    return part(path, _OF_A_NAME).decode("ascii", "ignore").strip()


def make_room() -> None:
    """Empty those that somebody has filled: there must be room for those of other places."""
    for path in Path(OWN_FILES).glob("*/*"):
        if path.lstat().st_blocks * 512 > _TOO_LARGE:
            os.truncate(path, 0)
