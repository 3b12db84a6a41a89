"""A loss as it is examined: how far the packet came, where it should have come next, and the facts about the places."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from lab.map.labmap import LabMap
from lab.map.path import OUT, Crossing, Path
from lab.map.place import Link, Place
from lab.network.kubeproxy.nftables.drawn import chosen_address, without_choice
from lab.network.objects import Interface
from lab.network.place_names import UNDERLAY
from lab.trace.ask.exchange import ERROR, Part
from lab.trace.explain.loss.facts import Facts, PlaceFacts
from lab.trace.explain.loss.stopped import Stopped
from lab.trace.explain.passage import Leg, Passage, crossing
from lab.trace.journey import DNS, REQUEST, Hop
from lab.trace.witness.packet import Packet

_MOST_ENDS = 8
_CHOSEN = re.compile(r"(?:-j DNAT --to-destination|\bdnat to) ([0-9.]+)")


@dataclass(frozen=True)
class Case:
    """`hops` are the journey's of the same phase, with their decisions."""

    passage: Passage
    hops: tuple[Hop, ...]
    facts: Facts
    stopped: tuple[Stopped, ...] = ()

    @property
    def labmap(self) -> LabMap:
        return self.passage.labmap

    @cached_property
    def direction(self) -> str:
        """Of the packet that did not arrive; a refused one is the request."""
        return REQUEST if self.passage.refused else self.passage.broken

    @cached_property
    def leg(self) -> Leg:
        return self.passage.request if self.direction == REQUEST else self.passage.reply

    @cached_property
    def path(self) -> Path:
        expected = self.passage.expected
        return expected.request if self.direction == REQUEST else expected.reply

    @cached_property
    def seen(self) -> tuple[Crossing, ...]:
        return tuple(crossing(part) for part in self.leg)

    @cached_property
    def last(self) -> Crossing | None:
        return self.seen[-1] if self.seen else None

    @cached_property
    def following(self) -> Crossing | None:
        """Where it should have been seen after it was last seen on its path."""
        on_path = [one for one in self.seen if one in self.path.crossings]
        if not on_path:
            return self.path.crossings[0] if self.path.crossings else None
        after = self.path.crossings.index(on_path[-1]) + 1
        return self.path.crossings[after] if after < len(self.path.crossings) else None

    @cached_property
    def astray(self) -> str:
        """The place that sent it where it should not be: the one before the first sighting off the path; or ""."""
        if not self.path.end:
            return ""
        for before, one in zip(("", *(one.place for one in self.seen)), self.seen, strict=False):
            if one not in self.path.crossings:
                return one.place if one.way == OUT else before
        return ""

    @cached_property
    def suspects(self) -> tuple[str, ...]:
        """Places in the order in which they are to be doubted: where it left its path, where it was last, where it
        should be next, then the rest of its path from there backwards, and who asked.
        """
        last, following = self.last, self.following
        near = (self.astray, last.place if last else self.origin, following.place if following else "")
        way = (*reversed(self.seen), *reversed(self.path.crossings))
        return tuple(
            dict.fromkeys(place for place in (*near, *(one.place for one in way), *self._ends, self.client) if place)
        )

    @property
    def _ends(self) -> tuple[str, ...]:
        """The places that it may have been bound for; several when a choice was not seen."""
        owners = (self.labmap.owners.get(address) for address in self.destinations[:_MOST_ENDS])
        return tuple(owner[0].name for owner in owners if owner is not None)

    @property
    def client(self) -> str:
        return self.passage.exchange.source

    @property
    def there(self) -> Path:
        """The request's way, whichever packet was lost."""
        return self.passage.expected.request

    @property
    def asked(self) -> Leg:
        """Where the request was seen, whichever packet was lost."""
        return self.passage.request

    @property
    def origin(self) -> str:
        """Where the lost packet began."""
        return self.client if self.direction == REQUEST else self.there.end

    def about(self, place: str) -> PlaceFacts:
        return self.facts.of(place)

    def place(self, name: str) -> Place | None:
        return self.labmap.by_name.get(name)

    def links(self, place: str) -> tuple[str, ...]:
        """The interfaces of a place that the packet passes or should pass."""
        crossings = (*self.seen, *self.path.crossings)
        names = [one.interface for one in crossings if one.place == place]
        if not any(one.way == OUT for one in crossings if one.place == place):
            # Which way it should go on was not seen: what its routes say.
            ways = (self.about(place).routes(address)[0] for address in self.routed(place))
            names += [way.device for way in ways if way is not None and way.device]
        return tuple(dict.fromkeys(names))

    @property
    def wires(self) -> tuple[str, ...]:
        """The underlay's ports that the packet passes or should pass, then their bridges: the cables between places."""
        links = (self.link(one.place, one.interface) for one in (*self.seen, *self.path.crossings))
        ends = (one.peer_name for one in links if one is not None and one.peer_place == UNDERLAY)
        ports = [port for end in dict.fromkeys(ends) if (port := self.link(UNDERLAY, end)) is not None]
        return tuple(dict.fromkeys((*(one.name for one in ports), *(one.master for one in ports if one.master))))

    def tunnels(self, place: str) -> Iterator[Interface]:
        """The place's VXLAN devices on the way, as they are."""
        for name in self.links(place):
            held, _ = self.about(place).interface(name)
            if held is not None and held.vxlan is not None:
                yield held

    def link(self, place: str, name: str) -> Link | None:
        found = self.place(place)
        return found.link(name) if found else None

    def answering(self, place: str, device: str, address: str) -> tuple[Place, Link] | tuple[None, None]:
        """Who is asked there for the MAC of an address: who has it; or, of one that nobody has, who is at the other end
        of the cable (proxy_arp).
        """
        own = self.link(place, device)
        peer = self.place(own.peer_place) if own is not None else None
        link = peer.link(own.peer_name) if peer is not None and own is not None else None
        at_the_end = (peer, link) if peer is not None and link is not None else (None, None)
        return self.labmap.owners.get(address, at_the_end)

    @cached_property
    def packet(self) -> Packet | None:
        """As it was seen last."""
        return self.leg[-1].observation.packet if self.leg else None

    @cached_property
    def destinations(self) -> tuple[str, ...]:
        """The addresses that it may be bound for behind its client's node; several when a choice was not seen."""
        exchange, endpoint = self.passage.exchange, self.passage.endpoint
        if self.direction != REQUEST:
            return tuple(dict.fromkeys((exchange.address, *(part.observation.packet.dst for part in self.leg))))
        if endpoint != exchange.destination:
            return (endpoint,)
        told = (chosen_address(text) or ((found := _CHOSEN.search(text)) and found[1]) for text in self.rules)
        chosen = [address for address in told if address]
        return tuple(dict.fromkeys(chosen[-1:])) or self._ready or (endpoint,)

    @property
    def first_destinations(self) -> tuple[str, ...]:
        """The address to which its client sent it."""
        return (self.passage.exchange.destination,)

    @cached_property
    def rules(self) -> tuple[str, ...]:
        """The texts of all that was decided about the request, in order."""
        return tuple(decision.text for hop in self.hops if hop.direction == REQUEST for decision in hop.decisions)

    def met(self, place: str) -> frozenset[str]:
        """The texts of the rules that the packet, or the other direction's, met in a place."""
        found = [one for hop in self.hops if hop.place == place for one in hop.decisions]
        found += [one for stopped in self.stopped if stopped.place == place for one in stopped.decisions]
        return frozenset(without_choice(one.text) for one in found)

    @property
    def chooser(self) -> str:
        """The node that turns a Service's address into an endpoint's."""
        if self.passage.asked_node:
            return self.passage.asked_node.name
        source = self.place(self.passage.exchange.source)
        return source.node if source and source.node else self.passage.exchange.source

    @property
    def untranslated(self) -> bool:
        """Whether a Service was asked, and nobody was seen to turn its address into an endpoint's."""
        return self.passage.asked is not None and self.passage.endpoint == self.passage.exchange.destination

    @property
    def _ready(self) -> tuple[str, ...]:
        """The endpoints of the Service that was asked which it may have been sent to."""
        service, port = self.passage.asked or (None, None)
        ports = (port,) if port else service.ports if service else ()
        return tuple(one.address for port in ports for one in port.preferred)

    def routed(self, place: str) -> tuple[str, ...]:
        """The addresses by which a place routes it: the packet's own, and its wrapping's where that passes."""
        if place == self.origin and self.direction == REQUEST:
            return self.first_destinations
        if self._before_asked_node(place):
            return self.first_destinations
        crossings = [one for one in (*self.seen, *self.path.crossings) if one.place == place]
        plain = any(not one.tunnel for one in crossings) or place == self.origin
        wrapped = any(one.tunnel for one in crossings)
        return (*(self.destinations if plain else ()), *(self.ends if wrapped else ()))

    def _before_asked_node(self, place: str) -> bool:
        """Whether a request for a node port only passes a place on its way to the node that is asked."""
        node, places = self.passage.asked_node, self.path.places
        if node is None or self.direction != REQUEST or place not in places or node.name not in places:
            return False
        behind = [one.place for one in self.path.crossings]
        return place not in behind[behind.index(node.name) :]

    @cached_property
    def ends(self) -> tuple[str, ...]:
        """The tunnel's endpoints that its wrapping should be bound for."""
        found = []
        for one in self.path.crossings:
            link = self.link(one.place, one.interface)
            if one.way != OUT and link is not None and link.local:
                found.append(link.local)
        return tuple(found)

    @cached_property
    def errors(self) -> tuple[Part, ...]:
        """The ICMP errors about the exchange that were captured."""
        return tuple(part for part in self.passage.parts if part.role == ERROR)

    @property
    def name(self) -> str:
        """The lost packet in words."""
        if self.passage.exchange.phase == DNS:
            return "DNS question" if self.direction == REQUEST else "DNS answer"
        return "request" if self.direction == REQUEST else "reply"
