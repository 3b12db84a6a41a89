"""What happens around a pod that is watched, in figures: how much of it comes, and what watching costs."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Sequence

from lab.kernel.host import processors
from lab.trace.follow.hearing import Round
from lab.trace.follow.throttle import Load
from lab.trace.witness.observation import Observation

LOOK_SECONDS, FLOODED_LOOK_SECONDS, LONGEST_LOOK_SECONDS = 0.5, 0.1, 3.0  # so often the figures are looked at
ENOUGH = 12  # connections tell the rate well enough
_NS = 1_000_000_000


class Meter:
    """Counts between one look and the next. `clients` are the pod's addresses."""

    def __init__(self, source: str, clients: Sequence[str]) -> None:
        self._source, self._clients = source, frozenset(clients)
        self._idleness = processors.Idleness()
        self._spared = (time.monotonic(), time.process_time())  # since when it is looked at what is to spare
        self.begin_again()

    def begin_again(self) -> None:
        """Forget what was counted so far."""
        self._begin(time.time_ns())

    def _begin(self, now_ns: int) -> None:
        self._since_ns, self._looked, self._spent = now_ns, time.monotonic(), time.process_time()
        self._began = self._covered_ns = 0
        self._shorter_ns: defaultdict[str, int] = defaultdict(int)  # than all rounds together, by place
        self._hidden: Counter[str] = Counter()
        self._flooded = False

    def count(self, began: int, seen: Sequence[Observation], one: Round) -> None:
        """So many connections began, and this was captured. Where more came than a round holds, the packets' own time
        stamps say how long it lasted.
        """
        lasted_ns = max(one.ended_ns - self._since_ns, 0)
        self._since_ns = one.ended_ns
        self._covered_ns += lasted_ns
        stamps: defaultdict[str, list[int]] = defaultdict(list)
        for observation in seen:
            capture, packet = observation.capture, observation.packet
            stamps[capture.place].append(capture.t_ns)
            if packet.protocol and packet.src not in self._clients and packet.dst not in self._clients:
                self._hidden[capture.place] += 1
        for place, times in stamps.items():
            if place in one.flooded:
                self._shorter_ns[place] += lasted_ns - (times[-1] - times[0])
                self._flooded = True
        self._began += began

    def load(self, until_ns: int, *, anyway: bool = False) -> Load | None:
        """Since the last time, but for what was missed; None while it is too early to say, unless `anyway`."""
        wall = time.monotonic() - self._looked
        if not anyway and wall < (FLOODED_LOOK_SECONDS if self._flooded else LOOK_SECONDS):
            return None
        if not anyway and not self._flooded and self._began < ENOUGH and wall < LONGEST_LOOK_SECONDS:
            return None
        spent = time.process_time() - self._spent
        load = Load(
            began=self._began,
            connections=self._began / self._seconds(self._source),
            hidden=sum(count / self._seconds(place) for place, count in self._hidden.items()),
            spent=spent,
            wall=wall,
            spare=self._spare(),
            processors=processors.COUNT,
            behind=(time.time_ns() - until_ns) / _NS,
        )
        self._begin(until_ns)
        return load

    def _spare(self) -> float:
        """Processors that nobody else wanted since the last time."""
        (began, spent), self._spared = self._spared, (time.monotonic(), time.process_time())
        return self._idleness.since() + (self._spared[1] - spent) / max(self._spared[0] - began, 1e-3)

    def _seconds(self, place: str) -> float:
        return max((self._covered_ns - self._shorter_ns[place]) / _NS, 1e-3)
