"""What files of the topology's author say of a machine, where that is why a packet was lost.

By the design it is right, for the file wins over the lab's components: no row that compares the kernel with the design
finds it. So the same rows compare the kernel with what the components alone would have made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from lab.network.objects import Network, Object, Route, Sysctl
from lab.network.underlay.saved_machine import Saved, held_by
from lab.trace.explain.loss import remedies
from lab.trace.explain.loss.facts import Facts, PlaceFacts
from lab.trace.explain.loss.printed import printed

if TYPE_CHECKING:
    from lab.trace.explain.loss.cause import Finding
    from lab.trace.explain.loss.examination import Case


Rows = tuple[Callable[["Case"], "Finding | None"], ...]


def near(case: Case, rows: Rows) -> Finding | None:
    """What these rows find where the packet was last, or left its path, of which a file holds the object."""
    return _differs(case, rows, (case.astray, case.last.place if case.last else case.origin))


def on_the_way(case: Case, rows: Rows) -> Finding | None:
    """What they find in any place that it passed: for one that nothing else explains."""
    return _differs(case, rows, (case.origin, *(one.place for one in case.seen)))


def _differs(case: Case, rows: Rows, suspected: tuple[str, ...]) -> Finding | None:
    places = tuple(dict.fromkeys(one for one in suspected if one))
    if not any(_of(case.facts.of(place)) for place in places):
        return None
    alone = replace(case, facts=_components_alone(case.facts))
    for row in rows:
        found = row(alone)
        if found is not None and found.place in places and (origin := _origin(case.facts.of(found.place), found)):
            return replace(found, why=f"{found.why} The topology's author wants it so: {origin}.")
    return None


def holding(facts: PlaceFacts, line: str) -> str:
    """The file and line that would bring back at the next `up` what this command mends; "" for none."""
    return next((held_by(item.intent) for item in _of(facts) if _is_about(item, line)), "")


def _of(facts: PlaceFacts) -> Iterator[Saved]:
    """What the author's files say of the place."""
    return (item for item in facts.desired if isinstance(item, Saved) and held_by(item.intent))


def _components_alone(facts: Facts) -> Facts:
    return replace(
        facts,
        places={
            place: replace(one, desired=Network(tuple(_alone(one.desired))), alone=True)
            for place, one in facts.places.items()
        },
    )


def _alone(desired: Network) -> Iterator[Object]:
    for item in desired:
        if not isinstance(item, Saved) or not held_by(item.intent):
            yield item
            continue
        instead = getattr(item, "instead", None)
        if instead is not None:
            yield item if isinstance(item, Route) and _same_way(item, instead) else instead


def _same_way(one: Route, other: Route) -> bool:
    return (one.type, one.via, one.device, one.hops) == (other.type, other.via, other.device, other.hops)


def _origin(facts: PlaceFacts, found: Finding) -> str:
    """The line that holds what was found."""
    named = (held_by(item.intent) for item in _of(facts) if printed(item) == found.object)
    return next(named, "") or next((origin for line in found.fix if (origin := holding(facts, line))), "")


def _is_about(item: Saved, line: str) -> bool:
    if isinstance(item, Sysctl):
        (told,) = remedies.mended("change", item)
        return line.startswith("sysctl ") and _name(line) == _name(told)
    instead = getattr(item, "instead", None)
    lines = (*remedies.mended("remove", item), *remedies.mended("change", item))
    return line in lines or (instead is not None and line in remedies.mended("change", instead))


def _name(line: str) -> str:
    return line.partition("=")[0].rpartition(" ")[2].strip("'")
