"""Bytes as JSON has them: base64, judged as Go does, so that the place it names is the one that kubectl's users see."""

from __future__ import annotations

import re
from string import ascii_letters, digits

_ALPHABET = frozenset(f"{ascii_letters}{digits}+/")
_RIGHT = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_BREAKS = str.maketrans("", "", "\r\n")


def corrupt_at(text: str) -> int | None:
    """Where it stops being base64, as encoding/base64's CorruptInputError counts; None when it can be read."""
    return None if _RIGHT.fullmatch(text.translate(_BREAKS)) else _fault(text)


def _fault(text: str) -> int | None:
    held = 0  # characters of the group of four that is being read
    position = 0
    while position < len(text):
        letter, position = text[position], position + 1
        if letter in "\r\n":
            continue
        if letter in _ALPHABET:
            held = (held + 1) % 4
        elif letter == "=" and held >= 2:
            return _padding_fault(text, position, held)
        else:
            return position - 1
    return position - held if held else None


def _padding_fault(text: str, position: int, held: int) -> int | None:
    """`position` is behind the first sign of padding, `held` how many characters stood before it."""
    position = _behind_breaks(text, position)
    if held == 2:
        if position == len(text):
            return position
        if text[position] != "=":
            return position - 1
        position = _behind_breaks(text, position + 1)
    return position if position < len(text) else None


def _behind_breaks(text: str, position: int) -> int:
    while position < len(text) and text[position] in "\r\n":
        position += 1
    return position
