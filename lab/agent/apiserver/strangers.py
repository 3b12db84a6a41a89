"""Connections whose client has not shown yet who it is: so many are there, and one more drives out the oldest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MOST = 256
HEAD_SECONDS = 10.0
"""So long may a handshake take, and then the lines of a request's head."""


class Strangers:
    """Those of one socket. A stranger is whatever stands for the connection, with what ends it."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._there: dict[Any, Callable[[], object]] = {}

    def __len__(self) -> int:
        return len(self._there)

    def come(self, stranger: object, end: Callable[[], object]) -> None:
        """Another one. Where there are too many the oldest goes: whoever means well needs milliseconds to be known."""
        while len(self._there) >= self._most:
            self._there.pop(next(iter(self._there)))()
        self._there[stranger] = end

    def go(self, stranger: object) -> None:
        """It has ended, or its client is known now."""
        self._there.pop(stranger, None)

    def end(self) -> None:
        """All of them."""
        for end in tuple(self._there.values()):
            end()
        self._there.clear()
