"""Many journeys of one request in a few figures: who answered how often, what was lost where, how long it took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, TypeVar

from lab.trace.journey import DELIVERED, LOST, REFUSED, UNRESOLVED, Journey, Request

SCHEMA = "hoplab.trace-summary/v1"

Key = TypeVar("Key", bound=Hashable)
VERDICTS = (DELIVERED, REFUSED, LOST, UNRESOLVED)


@dataclass(frozen=True, slots=True)
class Latency:
    """Of the delivered ones, from the request's first packet to the end of its answer; DNS is not counted."""

    min_us: int
    median_us: int
    max_us: int


@dataclass(frozen=True, slots=True)
class Ending:
    """So many ended in the same way in the same place."""

    verdict: str
    place: str
    cause: str
    why: str
    count: int


@dataclass(frozen=True, slots=True)
class Summary:
    """`answered` has who answered, most often first; `endings` those that were not delivered, likewise."""

    lab: str
    request: Request
    verdicts: dict[str, int]
    answered: dict[str, int]
    endings: tuple[Ending, ...] = ()
    latency: Latency | None = None

    @property
    def count(self) -> int:
        return sum(self.verdicts.values())

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists and scalars for json.dumps."""
        took = self.latency
        return {
            "schema": SCHEMA,
            "lab": self.lab,
            "request": self.request.to_json(),
            "count": self.count,
            "verdicts": self.verdicts,
            "answered_by": self.answered,
            "endings": [
                {"verdict": one.verdict, "place": one.place, "cause": one.cause, "why": one.why, "count": one.count}
                for one in self.endings
            ],
            "latency_us": took and {"min": took.min_us, "median": took.median_us, "max": took.max_us},
        }


def summarize(journeys: Sequence[Journey]) -> Summary:
    """The figures of one request sent again and again; of at least one journey."""
    first = journeys[0]
    delivered = [one for one in journeys if one.verdict == DELIVERED]
    ended = [(one.verdict, one.lost.place, one.lost.cause, one.lost.why) for one in journeys if one.lost]
    took = [one.duration_us for one in delivered]
    verdicts = Counter(one.verdict for one in journeys)
    return Summary(
        lab=first.lab,
        request=first.request,
        verdicts={verdict: verdicts[verdict] for verdict in VERDICTS},
        answered=_ranked(one.answered_by for one in delivered),
        endings=tuple(Ending(*what, count=count) for what, count in _ranked(ended).items()),
        latency=Latency(min(took), round(median(took)), max(took)) if took else None,
    )


def tell(summary: Summary) -> tuple[str, ...]:
    """The figures as lines for the terminal."""
    asked = summary.request
    to = f"{asked.to}{f':{asked.port}' if asked.port else ''}"
    lines = [f"{asked.source} asks {to} ({asked.protocol}) {summary.count} times, lab {summary.lab}", ""]
    for verdict, number in summary.verdicts.items():
        if number or verdict in (DELIVERED, LOST, REFUSED):
            lines.append(f"{verdict:<10} {number:>5}")
        if verdict == DELIVERED:
            lines += [
                f"{'':4}{count:>12}  {100 * count // number:>3} %  {who}" for who, count in summary.answered.items()
            ]
        lines += [
            f"{'':4}{one.count:>12}  {one.cause} at {one.place}: {one.why}"
            for one in summary.endings
            if one.verdict == verdict
        ]
    if summary.latency:
        took = summary.latency
        figures = (f"{figure / 1000:.1f}" for figure in (took.min_us, took.median_us, took.max_us))
        lines.append(f"latency    {' / '.join(figures)} ms (minimum / median / maximum)")
    return tuple(lines)


def _ranked(found: Iterable[Key]) -> dict[Key, int]:
    """How often each is there, most often first, equals in their own order."""
    return dict(sorted(Counter(found).items(), key=lambda one: (-one[1], str(one[0]))))
