"""How long the agent's loop was away: the time between two of its looks at who asks for something."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from lab.control.pieces import Pieces

T = TypeVar("T")

TURN_SECONDS = 0.004
"""So long is worked in one go by whoever gives way."""

LONG_SECONDS = 0.01
"""A pause from which on it counts as one."""


@dataclass(slots=True)
class Pulse:
    """The longest pause in seconds, when it ended (since the epoch), how many were long; `back` is when the loop looked
    last (perf_counter).
    """

    longest: float = 0.0
    at: float = 0.0
    long: int = 0
    back: float = field(default_factory=time.perf_counter)
    _queue: asyncio.Lock = field(default_factory=asyncio.Lock)

    def away(self, seconds: float) -> None:
        if seconds > LONG_SECONDS:
            self.long += 1
        if seconds > self.longest:
            self.longest, self.at = seconds, time.time()

    async def give_way(self) -> None:
        """Let others be served first, where the loop has been away from them for long enough already."""
        if self._is_late():
            async with self._queue:  # in the order in which they came: nobody is overtaken again and again
                while self._is_late():
                    await asyncio.sleep(0)

    def _is_late(self) -> bool:
        return time.perf_counter() - self.back > TURN_SECONDS

    async def finish(self, work: Pieces[T]) -> T:
        """All of the work, with others served in between."""
        while True:
            try:
                next(work)
            except StopIteration as end:
                result: T = end.value
                return result
            await self.give_way()

    async def in_turns(self, work: Iterable[T]) -> AsyncIterator[T]:
        """What the work gives, piece by piece, with others served in between."""
        for piece in work:
            yield piece
            await self.give_way()

    def to_json(self) -> dict[str, float]:
        """For people and tests, in milliseconds."""
        return {"longest_ms": round(self.longest * 1000, 1), "at": round(self.at, 3), "over_10_ms": self.long}


class _Watched(selectors.EpollSelector):
    """A selector that tells how long nobody asked it."""

    def __init__(self, pulse: Pulse) -> None:
        super().__init__()
        self._pulse = pulse

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._pulse.away(time.perf_counter() - self._pulse.back)
        found = super().select(timeout)
        self._pulse.back = time.perf_counter()
        return found


def watched_loop(pulse: Pulse) -> asyncio.AbstractEventLoop:
    """A loop that tells its pauses to that one."""
    return asyncio.SelectorEventLoop(_Watched(pulse))
