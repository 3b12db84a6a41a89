"""How many of a pod's connections are told: all, until telling them costs more than the machine has to spare.

What is told must not slow what it is told of: a busy machine's clients lose a few hundredths of its time, an idle one
gives half of what it has left. Few connections are told whole in any case.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt

from lab.trace.witness.filter.sample import LARGEST

WHOLE = 50.0  # connections a second, of which none is left out as long as they can be kept up with
LEAST = 2.0  # a second, however busy the machine is
BEHIND_SECONDS = 5.0  # nobody watches what happened so long ago
_SHARE_OF_ALL, _SHARE_OF_SPARE, _MOST = 0.03, 0.5, 0.25  # of the processors; of what is left; processors
CYCLE_SECONDS, BEGIN_SECONDS = 4.0, 0.5
"""Of a sample, connections that begin in the first part of each cycle are told; then nobody listens until the next."""
TURNS = round(CYCLE_SECONDS / BEGIN_SECONDS)
_COST, _HIDDEN_COST = 0.012, 0.00006  # seconds of a processor, for a connection and for a packet, until measured
_LEAST_COST = 0.003
_HIDDEN_SHARE = 0.3  # of all that may be spent
_HIDDEN_WHOLE = 500.0  # packets a second
_ENOUGH = 5  # connections tell their cost well enough
_SLACK, _PATIENCE = 0.6, 2  # it must be well within its limit for so many looks before more is told
_MEMORY = 0.7


@dataclass(frozen=True, slots=True)
class Load:
    """What happened between two looks, all of it of the samples only: `connections` a second, which are so many that
    `began`; `hidden`, the packets a second that were looked at because a NAT may have made them; processor time that
    was `spent` in the `wall` clock's seconds. How many of the `processors` were to `spare`, also while nobody listened:
    idle, or this process's own. `behind` are the seconds since that was captured which is being told.
    """

    began: int
    connections: float
    hidden: float
    spent: float
    wall: float
    spare: float
    processors: int
    behind: float = 0.0


@dataclass(slots=True)
class Pace:
    """One of `near` of the pod's connections is listened to, of those that a NAT hides one of `hidden` if that is more;
    if not all are, `TURNS` times less is told.
    """

    near: int = 1
    hidden: int = 1
    _cost: float = _COST
    _calm: dict[str, int] = field(default_factory=dict)

    def follow(self, load: Load, *, missed: bool) -> bool:
        """Take account of what happened since the last look, and whether something of it came faster than it could be
        read. Gives whether the samples are others now.
        """
        before = (self.near, self.hidden)
        if load.began >= _ENOUGH and not missed:
            measured = (load.spent - load.hidden * load.wall * _HIDDEN_COST) / load.began
            self._cost = _MEMORY * self._cost + (1 - _MEMORY) * max(measured, _LEAST_COST)
        late = missed or load.behind > BEHIND_SECONDS
        budget = _budget(load)
        most = max(budget * (1 - _HIDDEN_SHARE) / self._cost, LEAST)
        connections = load.connections * self.near
        # Of a sample, what is spent in a part of the time is spared in the rest.
        self.near = self._next("near", self.near, connections, (most, most * TURNS), 0 if late else WHOLE)
        packets = load.hidden * max(before)
        looked_at = budget * _HIDDEN_SHARE / _HIDDEN_COST * (TURNS if self.near > 1 else 1)
        self.hidden = self._next("hidden", self.hidden, packets, (looked_at, looked_at), _HIDDEN_WHOLE)
        if late and (self.near, self.hidden) == before:
            self.near = min(self.near * 2, LARGEST)
        return (self.near, self.hidden) != before

    def _next(self, name: str, now: int, rate: float, most: tuple[float, float], whole: float) -> int:
        """The sample's size for a rate of which so much may be told at `most`: without a sample, and of one. Up to
        `whole` all of it is.
        """
        wanted, lower = (_size(one, most, whole) for one in (rate, rate / _SLACK))
        if wanted > now:
            self._calm[name] = 0
            return wanted
        self._calm[name] = self._calm.get(name, 0) + 1 if lower < now else 0
        if self._calm[name] < _PATIENCE:
            return now
        self._calm[name] = 0
        return lower


def _size(rate: float, most: tuple[float, float], whole: float) -> int:
    return 1 if rate <= max(most[0], whole) else max(2, _power(rate / most[1]))


def _budget(load: Load) -> float:
    """Processors that may be spent."""
    return min(max(_SHARE_OF_SPARE * load.spare, _SHARE_OF_ALL * load.processors), _MOST)


def _power(times: float) -> int:
    """The power of two that is nearest to it."""
    size = 1
    while size * sqrt(2) < times and size < LARGEST:
        size *= 2
    return size
