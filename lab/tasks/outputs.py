"""Where a command's output goes: `-` is standard output, anything else a file."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lab import terminal
from lab.errors import UsageError

STANDARD = "-"


def require(**files: str) -> None:
    """UsageError, before anything is done, if one of these options' files cannot be written, or if standard output
    would have to be two of them. "" is an option that was not given.
    """
    standard = [f"--{option}" for option, file in files.items() if file == STANDARD]
    if len(standard) > 1:
        raise UsageError(f"{' and '.join(standard)} cannot both go to standard output", "give one of them a file")
    for file in files.values():
        if file not in ("", STANDARD):
            _require_writable(Path(file))


def _require_writable(file: Path) -> None:
    problem = 0
    if file.is_dir():
        problem = errno.EISDIR
    elif not file.parent.is_dir():
        problem = errno.ENOENT
    elif not os.access(file if file.exists() else file.parent, os.W_OK):
        problem = errno.EACCES
    if problem:
        raise UsageError(f"{file} cannot be written: {os.strerror(problem)}", "choose another file")


def write(file: str, text: str) -> None:
    """The text to that file, or to standard output exactly as it is. UsageError if the file cannot be written."""
    if file == STANDARD:
        terminal.data(text)
        return
    with opened(file) as stream:
        stream.write(text.encode())


@contextmanager
def opened(file: str) -> Iterator[BinaryIO]:
    """The file, or standard output, to be written piece by piece. UsageError if the file cannot be written."""
    if file == STANDARD:
        terminal.flush()
        yield sys.stdout.buffer
        return
    _require_writable(Path(file))
    with Path(file).open("wb") as stream:
        yield stream
