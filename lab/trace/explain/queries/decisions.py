"""The route, neighbour, FDB entry or bridge port by which each hop left its place, as the kernel tells afterwards.

An outgoing hop is compared with the answer: where interface, MAC or tunnel endpoint are others than the captured ones,
the decision's verdict says so, for then the answer does not explain what happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lab.kernel.sandbox.sandbox import Sandbox
from lab.map.labmap import LabMap
from lab.map.place import Link
from lab.network.objects import NextHop
from lab.network.tunnels import SEALED, TUNNELS
from lab.trace.explain.queries import neighbour, route
from lab.trace.explain.queries.inquiry import Inquiry, asking
from lab.trace.explain.queries.sighting import OUT, Sighting, sightings
from lab.trace.journey import QUERIED, Decision, Hop
from lab.trace.witness.observation import Observation
from lab.trace.witness.packet import Packet

MATCHES = ""
ARP = "arp"


def decisions(
    labmap: LabMap, sandbox: Sandbox, hops: Sequence[Hop], seen: Iterable[Observation]
) -> dict[int, tuple[Decision, ...]]:
    """By the hops' position. Each place is asked once, over one socket; only outgoing hops have an answer."""
    by_place: dict[str, list[tuple[int, Sighting]]] = {}
    for number, sighting in enumerate(sightings(hops, seen)):
        if sighting.hop.way == OUT and sighting.hop.packet.protocol != ARP:
            by_place.setdefault(sighting.hop.place, []).append((number, sighting))
    found: dict[int, tuple[Decision, ...]] = {}
    for place, asked in by_place.items():
        with asking(sandbox, place) as inquiry:
            answers = _Answers(labmap, inquiry)
            for number, sighting in asked:
                found[number] = tuple(answers.about(sighting))
    return found


@dataclass(frozen=True, slots=True)
class _Answers:
    """What one place says about its hops."""

    labmap: LabMap
    inquiry: Inquiry

    def about(self, sighting: Sighting) -> Iterator[Decision]:
        link = self._link(sighting.hop.interface)
        if link is not None and link.master:
            yield from self._port(sighting, link.master)
            return
        answer = self._route(sighting, link)
        yield Decision(
            "route",
            answer.text,
            QUERIED,
            table=answer.table or "main",
            verdict=self._routed(sighting, answer),
            intent=self._saved(answer.route.key if answer.route else ()) or self._purpose(sighting, link),
        )
        ways = answer.route.through(sighting.hop.interface) if answer.route else ()
        if ways:
            yield from self._next_hop(sighting, link, self._taken(sighting, ways))

    def _link(self, device: str) -> Link | None:
        place = self.labmap.by_name.get(self.inquiry.place)
        return place.link(device) if place else None

    def _route(self, sighting: Sighting, link: Link | None) -> route.Answer:
        packet, before = sighting.hop.packet, sighting.before
        bound = sighting.hop.interface if sighting.wrapped and before is None and link is not None else ""
        lookup = route.Lookup(
            sighting.destination,
            sighting.source,
            incoming=before.interface if before else "",
            outgoing=bound,
            protocol="" if sighting.wrapped else packet.protocol,
            sport=before.packet.sport if before else packet.sport,
            dport=packet.dport,
            mark=self._own_mark(packet) if before is None else 0,
        )
        answer = route.ask(self.inquiry, lookup)
        if answer.route is None and lookup.source:
            # With a source the kernel wants it to be its own, or the interface to be one it would come by.
            unbound = route.ask(self.inquiry, route.Lookup(sighting.destination))
            return unbound if unbound.route else answer
        return answer

    def _own_mark(self, packet: Packet) -> int:
        """What a tunnel of the place puts on what it sends itself."""
        place, outer = self.labmap.by_name.get(self.inquiry.place), packet.outer
        if place is None or outer is None:
            return 0
        return next((link.mark for link in place.links if link.kind == outer.kind), 0)

    def _routed(self, sighting: Sighting, answer: route.Answer) -> str:
        if answer.route is None:
            return "not what was seen: the kernel refuses it now"
        # What a place sends to itself goes through lo, whichever device has the address.
        left, own = sighting.hop.interface, answer.route.type == "local"
        if (left == "lo") if own else answer.route.through(left):
            return MATCHES
        return f"not what was seen: it left through {left}"

    def _taken(self, sighting: Sighting, ways: Sequence[NextHop]) -> str:
        """The address that it was sent to by one of the ways: where there are several, the one behind the MAC."""
        for way in ways if len(ways) > 1 else ():
            entry = neighbour.neighbour(self.inquiry, way.device, way.via) if way.via else None
            if entry is not None and entry.mac == sighting.mac:
                return way.via
        return ways[0].via or sighting.destination

    def _next_hop(self, sighting: Sighting, link: Link | None, address: str) -> Iterator[Decision]:
        device = sighting.hop.interface
        if not sighting.mac:
            return
        entry = neighbour.neighbour(self.inquiry, device, address)
        if entry is None:
            yield Decision("neighbour", f"{address} dev {device}: no entry", QUERIED, verdict=f"sent to {sighting.mac}")
        else:
            yield Decision(
                "neighbour",
                entry.text,
                QUERIED,
                verdict=_same(entry.mac, sighting.mac),
                intent=self._saved(("neighbour", self.inquiry.place, device, address)) or self._owner(address),
            )
        if link is not None and link.kind == "vxlan":
            yield self._tunnel(sighting, device)

    def _tunnel(self, sighting: Sighting, device: str) -> Decision:
        entry = neighbour.remote(self.inquiry, device, sighting.mac)
        if entry is None:
            return Decision("fdb", f"{sighting.mac} dev {device}: no entry", QUERIED, verdict="dropped")
        owner = self._owner(entry.remote)
        told = self._saved(("fdb", self.inquiry.place, device, sighting.mac))
        end = f"the tunnel's other end: {owner}" if owner else ""
        return Decision("fdb", entry.text, QUERIED, intent=told or end)

    def _port(self, sighting: Sighting, bridge: str) -> Iterator[Decision]:
        entry = neighbour.port(self.inquiry, bridge, sighting.mac) if sighting.mac else None
        if entry is None:
            text = f"{sighting.mac or 'the MAC'} dev {bridge}: no entry, sent to all ports"
            yield Decision("fdb", text, QUERIED)
            return
        device = sighting.hop.interface
        verdict = MATCHES if entry.device == device else f"not what was seen: it left through {device}"
        yield Decision("fdb", entry.text, QUERIED, verdict=verdict)

    def _saved(self, key: tuple[str, ...]) -> str:
        """What a file of the topology's author says that it is for; "" where none holds it."""
        place = self.labmap.by_name.get(self.inquiry.place)
        return place.purpose(key) if place else ""

    def _owner(self, address: str) -> str:
        owner = self.labmap.owners.get(address)
        return f"{owner[1].name} of {owner[0].name}" if owner else ""

    def _purpose(self, sighting: Sighting, link: Link | None) -> str:
        """What the way is for, from the design."""
        if link is not None and link.kind == SEALED:
            return "to another node: encrypted by WireGuard"
        if link is not None and link.kind in TUNNELS:
            return f"to another subnet: through the {link.kind.upper()} tunnel"
        peer = link.peer_place if link is not None else ""
        if peer in self.labmap.by_name and self.labmap.by_name[peer].kind == "pod":
            return f"to {peer}, on this node"
        owner = self.labmap.owners.get(sighting.destination)
        return f"to {owner[0].name}" if owner else ""


def _same(told: str, captured: str) -> str:
    return MATCHES if told == captured else f"not what was seen: it was sent to {captured}"
