"""Takes what the witnesses hear out of their sockets as it comes, in a thread: while a journey is being explained, the
kernel goes on telling, and an ordinary user's sockets hold no more than a few hundred packets.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Event as Flag
from threading import Thread
from types import TracebackType
from typing import Self

from lab.kernel.connections import Event
from lab.trace.netfilter.event import TraceEvent
from lab.trace.observation import Capture
from lab.trace.witnesses import Witnesses

TICK = 0.02  # seconds; a round is at most so long when nothing comes


@dataclass(frozen=True, slots=True)
class Round:
    """All that was in the sockets when each was read once; `ended_ns` is the wall clock behind that."""

    captures: tuple[Capture, ...] = ()
    events: tuple[TraceEvent, ...] = ()
    translations: tuple[Event, ...] = ()
    ended_ns: int = field(default_factory=time.time_ns)


class Hearing:
    """The thread, as a context manager; only it touches the witnesses' sockets meanwhile."""

    def __init__(self, witnesses: Witnesses) -> None:
        self._witnesses = witnesses
        self._rounds: SimpleQueue[Round | Exception] = SimpleQueue()
        self._wanted: deque[tuple[str, ...]] = deque()
        self._end = Flag()
        self._thread = Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def open(self, places: Iterable[str]) -> None:
        """Have the witnesses listen in these places as well, from the next round on."""
        self._wanted.append(tuple(places))

    def take(self) -> list[Round]:
        """The rounds since the last time; waits for one. Raises what the thread failed with."""
        found = []
        try:
            one = self._rounds.get(timeout=1.0)
            while True:
                if isinstance(one, Exception):
                    raise one
                found.append(one)
                one = self._rounds.get_nowait()
        except Empty:
            return found

    def _listen(self) -> None:
        witnesses = self._witnesses
        try:
            while not self._end.is_set():
                while self._wanted:
                    witnesses.open(self._wanted.popleft())
                captures = witnesses.captures.read(TICK)
                events = witnesses.netfilter.news()
                self._rounds.put(Round(tuple(captures), tuple(events), tuple(witnesses.translations.read())))
        except Exception as error:  # it is the other thread's to say
            self._rounds.put(error)
