"""Long work as pieces, between which whoever does it may serve others. Nothing is half done between two of them."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

Pieces = Generator[None, None, T]
"""Work that is done as far as somebody goes on with it; it gives its result at its end."""


def at_once(work: Pieces[T]) -> T:
    """All of it, and its result."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: T = end.value
            return result
