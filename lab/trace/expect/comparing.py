"""Whether a journey is the expected one. Pure: what is meant by names is found out before anything is asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.map.labmap import LabMap
from lab.topology.expect.expectation import Expectation
from lab.trace.ask.reference import places_called
from lab.trace.expect.outcome import Mismatch
from lab.trace.journey import DATA, Journey

NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Meant:
    """An expectation and the places that its names mean: sets, for a Deployment's pods are several."""

    expectation: Expectation
    ends: frozenset[str]
    answering: frozenset[str]
    through: tuple[frozenset[str], ...]
    avoids: tuple[frozenset[str], ...]

    @classmethod
    def of(cls, labmap: LabMap, it: Expectation) -> Meant:
        """UsageError for a place that is not there."""
        none: frozenset[str] = frozenset()
        return cls(
            it,
            places_called(labmap, it.place) if it.place else none,
            places_called(labmap, it.answered_by) if it.answered_by else none,
            tuple(places_called(labmap, one) for one in it.through),
            tuple(places_called(labmap, one) for one in it.avoids),
        )

    def compare(self, journey: Journey) -> tuple[Mismatch, ...]:
        """What is otherwise. Of a request that ended in another way than expected, nothing else is told."""
        it = self.expectation
        if journey.verdict != it.verdict:
            return (Mismatch("verdict", it.verdict, journey.verdict),)
        return tuple(self._compared(journey))

    def _compared(self, journey: Journey) -> Iterator[Mismatch]:
        it, lost = self.expectation, journey.lost
        if it.cause and lost is not None and it.cause != lost.cause:
            yield Mismatch("cause", it.cause, lost.cause)
        if it.place and lost is not None:
            ended = dict.fromkeys((lost.place, lost.object_place or lost.place))
            if not self.ends & ended.keys():
                yield Mismatch("place", it.place, " and ".join(ended))
        if it.answered_by and journey.answered_by not in self.answering:
            yield Mismatch("answeredBy", it.answered_by, journey.answered_by or NOBODY)
        passed = passed_by(journey)
        way = ", ".join(passed)
        for text, places in zip(it.through, self.through, strict=True):
            if places.isdisjoint(passed):
                yield Mismatch("through", text, way)
        for text, places in zip(it.avoids, self.avoids, strict=True):
            if not places.isdisjoint(passed):
                yield Mismatch("avoids", text, way)


def passed_by(journey: Journey) -> tuple[str, ...]:
    """The places that the request and its answer passed, in order, each once; questions to DNS before it left out."""
    return tuple(dict.fromkeys(hop.place for hop in journey.hops if hop.phase == DATA))
