"""A request's whole way through a lab by its design: every interface it passes, with its addresses there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from bench.losses.configuration import Plan
from bench.losses.request import Request
from lab.map.labmap import LabMap
from lab.map.path import IN, OUT, Crossing, Path, Walker
from lab.map.place import Link, Place
from lab.network.objects import Network, Object

DNS_PORT = 53
REQUEST, REPLY = "request", "reply"


@dataclass(frozen=True, slots=True)
class Pass:
    """A packet on an interface. `source` and `destination` are the inner ones; `ports` is (protocol, server's port).

    `ends` is whether the packet begins or ends in this place; of a tunnel's packet, whether the tunnel does.
    """

    place: str
    interface: str
    way: str
    tunnel: str
    direction: str
    source: str
    destination: str
    protocol: str
    port: int
    ends: bool
    next_hop: str = ""


@dataclass(frozen=True)
class Scene:
    """What a kind of break may look at: the lab's design and the request's way in it."""

    plan: Plan
    request: Request
    resolver: str = ""

    @property
    def labmap(self) -> LabMap:
        return self.plan.labmap

    @property
    def network(self) -> Network:
        return self.plan.network

    @cached_property
    def walker(self) -> Walker:
        return Walker(self.labmap)

    @cached_property
    def source(self) -> Place:
        return self.labmap.by_name[self.request.source]

    @cached_property
    def chooser(self) -> str:
        """The node that turns a Service's address into an endpoint's, "" where none does."""
        if not self.request.via:
            return ""
        owner = self.labmap.owners.get(self.request.address)
        return owner[0].name if owner else self.source.node

    @cached_property
    def passes(self) -> tuple[Pass, ...]:
        """In order, the request's before the reply's, those of a DNS question before both."""
        request = self.request
        asked: tuple[Pass, ...] = ()
        if request.is_named:
            resolver = self.labmap.by_name[self.resolver].address
            asked = tuple(self._trip(self.labmap.dns.service_ip, resolver, "udp", DNS_PORT, self.source.node))
        port = 0 if request.protocol == "icmp" else request.port
        behind = "" if request.endpoint == request.address else request.endpoint
        return (*asked, *self._trip(request.address, behind, request.protocol, port, self.chooser))

    def _trip(self, address: str, endpoint: str, protocol: str, port: int, chooser: str) -> Iterator[Pass]:
        trip = self.walker.round_trip(self.request.source, address, endpoint)
        inner = port if not endpoint or port == DNS_PORT else 8080
        at, chosen = address, not endpoint
        for one, ends in _with_ends(trip.request):
            if not chosen and one.place == chooser and one.way == OUT:
                at, port, chosen = endpoint, inner, True
            yield self._pass(one, REQUEST, self.source.address, at, protocol, port, ends=ends)
        at, port = endpoint or address, inner
        for one, ends in _with_ends(trip.reply):
            if endpoint and one.place == chooser and one.way == OUT and one.tunnel == "":
                at = address
            yield self._pass(one, REPLY, at, self.source.address, protocol, port, ends=ends)

    def _pass(
        self, one: Crossing, direction: str, source: str, destination: str, protocol: str, port: int, *, ends: bool
    ) -> Pass:
        place = self.labmap.by_name[one.place]
        way = self.walker.lookup(place, destination) if one.way == OUT and not one.tunnel else None
        hop = (way.via or destination) if way else ""
        return Pass(
            one.place, one.interface, one.way, one.tunnel, direction, source, destination, protocol, port, ends, hop
        )

    def place(self, name: str) -> Place:
        return self.labmap.by_name[name]

    def link(self, one: Pass) -> Link:
        """The interface that is passed."""
        found = self.place(one.place).link(one.interface)
        assert found is not None, one
        return found

    def held(self, place: str) -> tuple[Object, ...]:
        """What a place should hold."""
        return tuple(item for item in self.network if item.place == place)

    def opposite(self, one: Pass) -> str:
        """Of a tunnel's packet: the underlay address of the other end, "" of any other."""
        if not one.tunnel:
            return ""
        return next(
            link.local
            for other in self.passes
            if other.tunnel and other.direction == one.direction and other.place != one.place and other.ends
            for link in self.place(other.place).links
            if link.local
        )


def _with_ends(path: Path) -> Iterator[tuple[Crossing, bool]]:
    """Every crossing, and whether its packet, or the tunnel's, begins or ends in that place."""
    places = {crossing.place for crossing in path.crossings if not crossing.tunnel}
    first = path.crossings[0].place if path.crossings else ""
    for one in path.crossings:
        yield one, one.place in places if one.tunnel else one.place in (first, path.end)


__all__ = ["IN", "OUT", "REPLY", "REQUEST", "Pass", "Scene"]
