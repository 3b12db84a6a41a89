"""A recorded loss in two-subnet, and what the places hold: the design, but for what a test breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from lab.network.design import design
from lab.network.ipam import assign
from lab.network.objects import Network, Object
from lab.plan import plan
from lab.plan.drift import drifts
from lab.topology import load_topology
from lab.trace.ask.exchange import parts
from lab.trace.explain.loss.classify import explain
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.facts import Facts, PlaceFacts
from lab.trace.explain.loss.stopped import Stopped
from lab.trace.explain.passage import Passage
from lab.trace.explain.queries.neighbour import Neighbour
from lab.trace.journey import DATA, DNS, Decision, Hop, Loss
from lab.trace.witness.counters import Counted
from tests.clusters import cluster_of
from tests.unit.trace import recordings

ROOT = Path(__file__).parents[5]
Change = Callable[[Object], Object | None]


@cache
def designed() -> Network:
    """What two-subnet's places should hold."""
    file = ROOT / "topologies" / "two-subnet.yaml"
    loaded = load_topology(file.read_text(encoding="utf-8"), str(file), lambda _: "")
    cluster = cluster_of(loaded)
    return design(loaded.topology, cluster, assign(loaded.topology, cluster))


def passage(name: str) -> Passage:
    """The exchange of a recording that failed."""
    told = recordings._read(name + recordings.SUFFIX)
    journey, exchanges = recordings.journey(name), [recordings._exchange(one) for one in told["exchanges"]]
    last = [one for phase in (DNS, DATA) for one in exchanges if one.phase == phase][-1]
    return Passage(recordings.labmap(told["map"]), last, tuple(parts(last, journey.seen)))


def unchanged(item: Object) -> Object:
    return item


def facts(
    change: Change = unchanged,
    *,
    more: Iterable[Object] = (),
    grew: Mapping[str, Mapping[str, int]] | None = None,
    links: Mapping[str, Mapping[str, Mapping[str, int]]] | None = None,
    neighbours: Mapping[str, tuple[Neighbour, ...]] | None = None,
) -> Facts:
    """Every place holds what `change` makes of each object of the design (None: it is gone), and `more`.

    Counters that `grew` are by place and name; those of `links` by place, device and name.
    """
    held: dict[str, list[Object]] = {}
    wanted: dict[str, list[Object]] = {}
    for item in designed():
        wanted.setdefault(item.place, []).append(item)
        left = change(item)
        if left is not None:
            held.setdefault(item.place, []).append(left)
    for item in more:
        held[item.place].append(item)
    return Facts(
        {
            place: PlaceFacts(
                place,
                Network(tuple(held.get(place, ()))),
                Network(tuple(objects)),
                (neighbours or {}).get(place, ()),
                tuple(drifts(plan(Network(tuple(objects)), Network(tuple(held.get(place, ())))))),
                Counted(place, (grew or {}).get(place, {}), (links or {}).get(place, {})),
            )
            for place, objects in wanted.items()
        }
    )


def without(**members: Any) -> Change:
    """Takes away the objects that have these values."""

    def change(item: Object) -> Object | None:
        return None if _has(item, members) else item

    return change


def _has(item: Object, members: Mapping[str, Any]) -> bool:
    return all(getattr(item, name, None) == value for name, value in members.items())


def explained(
    name: str, known: Facts, *decisions: tuple[str, str, Decision], stopped: tuple[Stopped, ...] = ()
) -> Loss:
    """The recorded loss, explained. `decisions` are (place, way, decision), given to the last such hop."""
    lost = recordings.journey(name).lost
    assert lost is not None
    told = passage(name)
    return explain(lost, told, tuple(_decided(list(told.hops()), decisions)), known, stopped)


def _decided(hops: list[Hop], decisions: Iterable[tuple[str, str, Decision]]) -> list[Hop]:
    for place, way, decision in decisions:
        number = max(index for index, hop in enumerate(hops) if (hop.place, hop.way) == (place, way))
        hops[number] = replace(hops[number], decisions=(*hops[number].decisions, decision))
    return hops


def case(name: str) -> Case:
    return Case(passage(name), (), Facts())
