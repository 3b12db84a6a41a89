"""A running lab whole, as what a file needs that gives it back: `export` asks for it.

The kernel is compared with what that file would have designed, so that whatever else is found is drift: what people did
by hand, and what hidden faults are made of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lab.agent.design.blueprint import Design
from lab.agent.lab import Lab
from lab.agent.protocol import Message
from lab.drift.told import told as told_drift
from lab.faults.fault import Placed, Rewrite, Stopping
from lab.network.components import Stop
from lab.network.underlay.netem import Live
from lab.topology.consistency import cables
from lab.topology.impairment import FIELDS, SHARES, TIMES, rate, share, time

if TYPE_CHECKING:
    from lab.agent.follow.control import Control


@dataclass(frozen=True, slots=True)
class Whole:
    """What the agent's loop knows of a lab at one moment, for its writer to compare the kernel with."""

    standing: Design
    faults: tuple[Placed, ...]
    stops: tuple[Stop, ...]
    unbroken: tuple[Message, ...]
    """objects of the API without what faults that the file names have changed of them"""

    @classmethod
    def of(cls, control: Control) -> Whole:
        faults = control.faults.all
        unbroken = control.faults.objects.without(one for one in faults if not one.hidden)
        return cls(control.lab.standing(), faults, control.stops.all, tuple(unbroken))

    @property
    def in_links(self) -> tuple[Live, ...]:
        """What was set live on cables, of which the file has a list."""
        known = {end for ends in cables(self.standing.topology.spec).values() for end in ends}
        return tuple(one for one in self.standing.impairments.live if f"{one.place}/{one.device}" in known)

    @property
    def in_faults(self) -> tuple[Placed, ...]:
        """The faults that the file names: of those that are hidden what neither the network nor an object has."""
        return tuple(
            one
            for one in self.faults
            if not (one.hidden and (one.fault.is_of_objects or isinstance(one.fault.effect, Rewrite)))
        )

    def designed(self) -> Design:
        """What the file would have designed, without its drift."""
        impairments = replace(self.standing.impairments, live=self.in_links)
        faults = tuple(one for one in self.in_faults if isinstance(one.fault.effect, Rewrite))
        return replace(self.standing, stale={}, impairments=impairments, faults=faults)

    def stopped(self) -> Iterator[Message]:
        """Components that were stopped, but by a fault."""
        by_faults = {
            (one.fault.effect.component, one.place) for one in self.faults if isinstance(one.fault.effect, Stopping)
        }
        for one in self.stops:
            if (one.component, one.place) not in by_faults:
                yield {"on": one.place, "stopped": [one.component]}


def told(lab: Lab, whole: Whole) -> Message:
    """Its parts as JSON, each as the file has it: the topology's document, texts of files that it names, the links,
    faults and drift; and which pod has which node and address.
    """
    standing = whole.standing
    base = whole.designed()
    drift = told_drift(base.with_faults(base.faults), lab.comparison.everything(standing.held))
    return {
        "lab": lab.name,
        "file": standing.file,
        "written": standing.read.written,
        "files": dict(standing.read.beside),
        "links": [*_links(whole.in_links)],
        "faults": [_fault(one) for one in whole.in_faults],
        "unbroken": list(whole.unbroken),
        "drift": _joined((*drift, *whole.stopped())),
        "kept": {
            "nodes": standing.addresses.nodes,
            "blocks": {node: list(blocks) for node, blocks in standing.addresses.blocks.items()},
            "pods": {
                pod.place: {"node": pod.node, "address": standing.addresses.pods[pod.place]}
                for pod in sorted(standing.cluster.pods, key=lambda pod: pod.place)
            },
        },
    }


def _links(live: Iterable[Live]) -> Iterator[Message]:
    for one in live:
        yield {"on": f"{one.place}/{one.device}", **_impairment(one)}


def _impairment(one: Live) -> Message:
    words = {**dict.fromkeys(SHARES, share), **dict.fromkeys(TIMES, time), "rate": rate}
    given = {name: getattr(one.impairment, name) for name in FIELDS}
    return {name: words[name](value) for name, value in given.items() if value}


def _fault(one: Placed) -> Message:
    given = {"with": {name: int(value) for name, value in one.given}} if one.given else {}
    return {"name": one.fault.name, "on": one.place, **given, **({"hidden": True} if one.hidden else {})}


def _joined(entries: Iterable[Message]) -> list[Message]:
    """One entry for each place."""
    found: dict[str, Message] = {}
    for one in entries:
        before = found.setdefault(one["on"], {"on": one["on"]} if one["on"] else {})
        before |= {**one, "stopped": [*before.get("stopped", ()), *one["stopped"]]} if "stopped" in one else one
    return list(found.values())
