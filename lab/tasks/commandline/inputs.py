"""What a command reads: a file, or standard input for `-`. Never more than it can be asked to understand."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from lab.errors import UsageError

STANDARD = "-"
MOST = 64 << 20  # bytes
_PIECE = 1 << 20
_NULL = os.makedev(1, 3)  # /dev/null: a device that ends


def read(file: str, hint: str, *, most: int = MOST) -> bytes:
    """All of it. UsageError, with the hint, if it cannot be read, never ends (/dev/zero), or has more bytes than
    `most`.
    """
    try:
        if file == STANDARD:
            return _all(sys.stdin.fileno(), "standard input", hint, most)
        # A pipe is waited for; a disk's or a terminal's device is not what anybody means.
        with Path(file).open("rb", buffering=0) as stream:
            status = os.fstat(stream.fileno())
            is_device = stat.S_ISCHR(status.st_mode) and not stream.isatty() and status.st_rdev != _NULL
            if is_device or stat.S_ISBLK(status.st_mode):
                raise UsageError(f"{file} cannot be read: it is a device, and no file", hint)
            return _all(stream.fileno(), file, hint, most)
    except OSError as error:
        raise UsageError(f"{name(file)} cannot be read: {os.strerror(error.errno or 0)}", hint) from error


def text(file: str, hint: str, *, most: int = MOST) -> str:
    """The same as text. UsageError if it is not UTF-8."""
    try:
        return read(file, hint, most=most).decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{name(file)} cannot be read: it is not UTF-8 text", hint) from error


def name(file: str) -> str:
    """As people call it."""
    return "standard input" if file == STANDARD else file


def _all(descriptor: int, named: str, hint: str, most: int) -> bytes:
    found, length = [], 0
    while piece := os.read(descriptor, _PIECE):
        found.append(piece)
        length += len(piece)
        if length > most:
            raise UsageError(f"{named} cannot be read: it has more than {most >> 20} MiB", hint)
    return b"".join(found)
