"""Takes what the witnesses hear out of their sockets as it comes, in a thread: while a journey is being explained, the
kernel goes on telling, and an ordinary user's sockets hold no more than a few hundred packets.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from queue import Empty, SimpleQueue
from threading import Event as Flag
from threading import Thread
from types import TracebackType
from typing import Self

from lab.kernel.netlink.conntrack_entry import Event
from lab.trace.witness.filter.selection import Selection
from lab.trace.witness.netfilter.trace_message import TraceEvent
from lab.trace.witness.observation import Capture
from lab.trace.witness.witnesses import Witnesses

TICK = 0.02  # seconds; a round is at most so long when nothing comes
MOST = 250  # of each place in one round, so that a round ends where more comes than can be read


@dataclass(frozen=True)
class Round:
    """What was in the sockets when each was read once; `ended_ns` is the wall clock behind that. `missed`: before that,
    more came than they could hold. From one with a `selection` on, which says nothing else, all comes by it.
    """

    captures: tuple[Capture, ...] = ()
    events: tuple[TraceEvent, ...] = ()
    translations: tuple[Event, ...] = ()
    ended_ns: int = field(default_factory=time.time_ns)
    missed: bool = False
    selection: Selection | None = None

    @cached_property
    def flooded(self) -> frozenset[str]:
        """The places in which more was to be read."""
        counts = Counter(capture.place for capture in self.captures)
        return frozenset(place for place, count in counts.items() if count >= MOST)


class Hearing:
    """The thread, as a context manager; only it touches the witnesses' sockets meanwhile."""

    def __init__(self, witnesses: Witnesses) -> None:
        self._witnesses = witnesses
        self._rounds: SimpleQueue[Round | Exception] = SimpleQueue()
        self._wanted: deque[Callable[[], None]] = deque()
        self._selection: Selection | None = None
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
        named = tuple(places)
        self._wanted.append(lambda: self._witnesses.open(named))

    def select(self, chosen: Selection) -> None:
        """Have the witnesses tell of other packets from some round on."""
        self._wanted.append(lambda: self._select(chosen))

    def rest(self, seconds: float) -> None:
        """Have the witnesses hear nothing for so long. A round with the selection says that they hear again."""
        self._wanted.append(lambda: self._rest(seconds))

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
                    self._wanted.popleft()()
                captures = witnesses.captures.read(TICK, MOST)
                events = witnesses.netfilter.news(MOST)
                translations = tuple(witnesses.translations.read(MOST))
                missed = any(witnesses.missed())
                self._rounds.put(Round(tuple(captures), tuple(events), translations, missed=missed))
        except Exception as error:  # it is the other thread's to say
            self._rounds.put(error)

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        self._witnesses.pause()
        self._end.wait(max(until - time.monotonic(), 0))
        if not self._end.is_set():
            self._witnesses.resume()
            self._rounds.put(Round(selection=self._selection))

    def _select(self, chosen: Selection) -> None:
        self._selection = chosen
        self._witnesses.select(chosen)
        self._witnesses.missed()  # what was thrown away as well
        self._rounds.put(Round(selection=chosen))
