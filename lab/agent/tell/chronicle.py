"""What happened in the lab, and what followed from it: the story that `events` tells."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

REMEMBERED = 1_000

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, and its consequences in order. `time` is in seconds since the epoch; `took` is from the
    cause until everything had followed, in milliseconds.
    """

    number: int
    time: float
    what: tuple[str, ...]
    followed: tuple[str, ...] = ()
    took: float = 0.0

    def to_json(self) -> Json:
        return {
            "number": self.number,
            "time": self.time,
            "what": list(self.what),
            "followed": list(self.followed),
            "took_ms": round(self.took, 1),
        }


class Chronicle:
    """The latest entries. Whoever listens is told of each new one."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._entries: deque[Entry] = deque(maxlen=REMEMBERED)
        self._number = 0
        self._listeners: list[Callable[[Entry], None]] = []

    def write(self, what: tuple[str, ...], followed: tuple[str, ...] = (), *, since: float | None = None) -> None:
        """`since` is when the cause was, if it was not just now."""
        self._number += 1
        now = self._clock()
        began = now if since is None else since
        entry = Entry(self._number, began, what, followed, (now - began) * 1000)
        self._entries.append(entry)
        for listener in tuple(self._listeners):
            listener(entry)

    def entries(self) -> tuple[Entry, ...]:
        return tuple(self._entries)

    def listen(self, listener: Callable[[Entry], None]) -> Callable[[], None]:
        """Gives what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)
