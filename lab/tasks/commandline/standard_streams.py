"""The three streams that a command is given: whether they are there, and letters that the terminal does not have."""

from __future__ import annotations

import codecs
import io
import os
import sys

from lab.errors import MachineError

STANDARD_INPUT, STANDARD_OUTPUT, STANDARD_ERROR = 0, 1, 2
LETTERS = "hoplab-letters"
# Signs of our own, for terminals and locales that have ASCII alone: of the same width, for the columns' sake.
PLAIN = {
    "→": ">",
    "←": "<",
    "…": "~",
    "└": "`",
    "├": "|",
    "│": "|",
    "µ": "u",
    "\N{MULTIPLICATION SIGN}": "x",
    "\N{EN DASH}": "-",
    "─": "-",
    "·": ".",
    "≤": "<",
    "█": "#",
    "░": ".",
}


def prepare() -> bool:
    """Make the streams fit to be used, and say whether there is a standard output.

    What is opened next would else take the number of one that was closed (`>&-`), and be written into.
    """
    missing = [number for number in (STANDARD_INPUT, STANDARD_OUTPUT, STANDARD_ERROR) if not _is_open(number)]
    for number in missing:
        opened = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
    _take_up()
    codecs.register_error(LETTERS, _in_plain_letters)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=LETTERS)
    return STANDARD_OUTPUT not in missing


def closed() -> MachineError:
    """What to say to who has closed standard output: the answer could not be told, so nothing is asked."""
    return MachineError("standard output is closed, so nothing was done", "for no output: >/dev/null")


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _take_up() -> None:
    """Python has no object for a stream that was closed when it began."""
    if sys.stdin is None:
        sys.stdin = os.fdopen(STANDARD_INPUT, encoding="utf-8", closefd=False)
    if sys.stdout is None:
        sys.stdout = os.fdopen(STANDARD_OUTPUT, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(STANDARD_ERROR, "w", encoding="utf-8", closefd=False)


def _in_plain_letters(error: UnicodeError) -> tuple[str, int]:
    """For a stream whose encoding lacks them: our own signs by their likes, all else by number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    told = "".join(PLAIN.get(letter) or letter.encode("ascii", "backslashreplace").decode() for letter in lacking)
    return told, error.end
