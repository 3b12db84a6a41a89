"""What is known about a place when a loss is explained: what it holds, what it should hold, what its counters said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from lab.network.ipv4 import Prefix, number
from lab.network.objects import (
    Address,
    FdbEntry,
    Interface,
    Neighbour,
    Network,
    Object,
    Route,
    RoutingRule,
    Sysctl,
)
from lab.plan.drift import Drift
from lab.trace.explain.loss.kernel_answers import Answers
from lab.trace.explain.queries.neighbour import Neighbour as Seen
from lab.trace.explain.queries.route_table import prefix
from lab.trace.witness.counters import Counted

T = TypeVar("T", bound=Object)


@dataclass(frozen=True)
class PlaceFacts:
    """`held` is what the kernel holds now, `desired` the design; `neighbours` has those that ARP learned as well,
    `drifts` what differs, rules and sets included, and `answers` what the kernel says about this very packet. `alone`:
    the design is without what files of the topology's author say of the machine.
    """

    place: str
    held: Network = field(default_factory=Network)
    desired: Network = field(default_factory=Network)
    neighbours: tuple[Seen, ...] = ()
    drifts: tuple[Drift, ...] = ()
    counted: Counted = field(default_factory=lambda: Counted(""))
    answers: Answers = field(default_factory=Answers)
    alone: bool = False

    def interface(self, name: str) -> tuple[Interface | None, Interface | None]:
        """The interface as it is and as it should be."""
        key = ("link", self.place, name)
        return _only(self.held, key, Interface), _only(self.desired, key, Interface)

    def setting(self, name: str) -> tuple[str, str]:
        """A sysctl's value as it is and as it should be; "" for one that is not known."""
        key = ("sysctl", self.place, name)
        held, desired = _only(self.held, key, Sysctl), _only(self.desired, key, Sysctl)
        return held.value if held else "", desired.value if desired else ""

    def neighbour(self, device: str, address: str) -> tuple[Neighbour | None, Neighbour | None]:
        """The permanent entry as it is and as it should be."""
        key = ("neighbour", self.place, device, address)
        return _only(self.held, key, Neighbour), _only(self.desired, key, Neighbour)

    def forwarding(self, device: str, mac: str) -> tuple[FdbEntry | None, FdbEntry | None]:
        """The FDB entry of a tunnel device as it is and as it should be."""
        key = ("fdb", self.place, device, mac)
        return _only(self.held, key, FdbEntry), _only(self.desired, key, FdbEntry)

    def routes(self, address: str) -> tuple[Route | None, Route | None]:
        """The route that an address matches, the longest prefix: as it is and as it should be."""
        return self._held_table(address), self._desired_table(address)

    def every(self, network: Network, kind: type[T]) -> Iterator[T]:
        return (item for item in network if isinstance(item, kind))

    @cached_property
    def _held_table(self) -> Callable[[str], Route | None]:
        return _table(self.held)

    @cached_property
    def _desired_table(self) -> Callable[[str], Route | None]:
        return _table(self.desired)


@dataclass(frozen=True)
class Facts:
    """By place. Of a place that was not asked, nothing is known. `had` says which Service had an address before."""

    places: Mapping[str, PlaceFacts] = field(default_factory=dict)
    had: Mapping[str, str] = field(default_factory=dict)

    def of(self, place: str) -> PlaceFacts:
        return self.places.get(place, PlaceFacts(place))


def _only(network: Network, key: tuple[str, ...], kind: type[T]) -> T | None:
    found = network.by_key.get(key)
    return found if isinstance(found, kind) else None


def _table(network: Network) -> Callable[[str], Route | None]:
    """Of the tables that rules for all packets lead to, then of the main one: the longest prefix; the routes that the
    kernel makes of the addresses of interfaces that are up come last of their length.
    """
    up = {item.name for item in network if isinstance(item, Interface) and item.up}
    routes = [(prefix(item), item) for item in network if isinstance(item, Route)]
    rules = sorted((one for one in network if isinstance(one, RoutingRule) and one.for_all), key=_priority)
    first = [_sorted([one for one in routes if one[1].table == rule.table]) for rule in rules]
    entries = [one for one in routes if not one[1].table]
    entries += [
        (connected, Route(item.place, str(connected), device=item.device, proto="kernel", scope="link"))
        for item in network
        if isinstance(item, Address) and item.device in up and (connected := Prefix.of(item.address)).size > 1
    ]
    tables = (*first, _sorted(entries))

    def lookup(address: str) -> Route | None:
        wanted = number(address)
        for table in tables:
            found = next((route for prefix, route in table if wanted in prefix), None)
            if found is not None and found.type != "throw":
                return found
        return None

    return lookup


def _sorted(entries: list[tuple[Prefix, Route]]) -> list[tuple[Prefix, Route]]:
    return sorted(entries, key=lambda entry: (-entry[0].length, entry[1].metric))


def _priority(rule: RoutingRule) -> int:
    return rule.priority
