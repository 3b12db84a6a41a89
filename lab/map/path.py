"""The way that a packet should take through a lab, walked over the design's routes, bridges and tunnels.

Nothing is asked of the kernel: this is what a trace compares its captures with. Each crossing is what an observer in
that place would see: on which interface, coming in or going out, and inside which tunnel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab.map.labmap import LabMap
from lab.map.place import Link, Place, Way
from lab.network.ipv4 import Prefix, dotted, number
from lab.network.place_names import UNDERLAY
from lab.network.tunnels import SEALED, TUNNELS

IN, OUT = "in", "out"
TTL = 64  # a packet crosses no more places than this


@dataclass(frozen=True, slots=True)
class Crossing:
    """A packet seen on an interface of a place. `tunnel` is what wraps it there, one of TUNNELS, or "" for nothing."""

    place: str
    interface: str
    way: str
    tunnel: str = ""


@dataclass(frozen=True, slots=True)
class Path:
    """Crossings in order. `end` is the place that it arrives in, "" when the design has no way there."""

    crossings: tuple[Crossing, ...]
    end: str = ""

    @property
    def places(self) -> tuple[str, ...]:
        """Every place on it, once, in order."""
        return tuple(dict.fromkeys(crossing.place for crossing in self.crossings))


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """The request's way and its answer's. The answer's is empty when the request should not arrive."""

    request: Path
    reply: Path

    @property
    def places(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.request.places, *self.reply.places)))


def mirrored(path: Path, source: str) -> Path:
    """The same way backwards, as conntrack forces it on the answers to a request whose source was rewritten."""
    back = {IN: OUT, OUT: IN}
    crossings = tuple(Crossing(one.place, one.interface, back[one.way], one.tunnel) for one in reversed(path.crossings))
    return Path(crossings, source)


class Walker:
    """Walks packets through one lab. It keeps what it has made of a place's routes, for the next packet."""

    def __init__(self, labmap: LabMap) -> None:
        self.labmap = labmap
        # An address that some place has is not taken by every node, but by that one.
        self._services = labmap.by_address.keys() - labmap.owners.keys()
        self._tables: dict[str, tuple[dict[str, Way], dict[str, Way]]] = {}

    def round_trip(self, source: str, destination: str, endpoint: str = "", client: str = "") -> RoundTrip:
        """There and back from the place `source`. `endpoint` is the address that a Service stands for, when
        `destination` is one of its addresses, or that of a node that is asked on a node port. `client` is the address
        that the source asks with, its own first one if none is given.
        """
        request = self.walk(source, destination, endpoint)
        if not request.end:
            return RoundTrip(request, Path(()))
        if self._is_masqueraded(source, destination, request):
            return RoundTrip(request, mirrored(request, source))
        return RoundTrip(request, self.walk(request.end, client or self.labmap.by_name[source].address))

    def walk(self, source: str, destination: str, endpoint: str = "") -> Path:
        """From a place to an address; the first node on the way turns a Service's `destination` into its `endpoint`.

        Of a node port it is the node that has the address `destination`. Without an endpoint, the way ends there.
        """
        crossings: list[Crossing] = []
        end = self._forward(_Packet(destination, endpoint, crossings), self.labmap.by_name[source])
        return Path(tuple(crossings), end.name if end else "")

    def untranslated(self, source: str, destination: str) -> Path:
        """The same where no node's rules know the address as a Service's: it is routed like any other."""
        crossings: list[Crossing] = []
        end = self._forward(_Packet(destination, "", crossings, known=False), self.labmap.by_name[source])
        return Path(tuple(crossings), end.name if end else "")

    def lookup(self, place: Place, destination: str, *, sealed: bool = False) -> Way | None:
        """The place's route for an address: the longest prefix that matches, connected ones included. What is `sealed`,
        WireGuard's own packets, is looked up in the main table alone.
        """
        tables = self._tables.get(place.name)
        if tables is None:
            tables = self._tables[place.name] = _tables(place)
        for table in tables[1:] if sealed else tables:
            way = self._longest(table, destination) if table else None
            if way is not None and way.type != "throw":
                return way
        return None

    @staticmethod
    def _longest(table: Mapping[str, Way], destination: str) -> Way | None:
        address = number(destination)
        for length in range(32, 0, -1):
            network = address >> (32 - length) << (32 - length)
            if way := table.get(f"{dotted(network)}/{length}"):
                return way
        return table.get("default")

    def _forward(self, packet: _Packet, start: Place) -> Place | None:
        """Go on from `start` until a place holds the destination; gives that place, or None where there is no way."""
        place = start
        for _ in range(TTL):
            if packet.known and place.kind == "node" and packet.destination in self._services:
                if not packet.endpoint:
                    return None
                packet.destination = packet.endpoint
            if self.labmap.owners.get(packet.destination, (None,))[0] is place:
                if place.kind == "node" and packet.endpoint not in ("", packet.destination):
                    packet.destination, packet.endpoint = packet.endpoint, ""
                    continue
                if not packet.crossings:
                    packet.see(place, "lo", OUT)
                    packet.see(place, "lo", IN)
                return place
            way = self.lookup(place, packet.destination, sealed=packet.tunnel == SEALED)
            device = place.link(way.device) if way and way.type == "unicast" else None
            onward = self._leave(packet, place, device, way.via or packet.destination) if way and device else None
            if onward is None:
                return None
            place = onward
        return None

    def _leave(self, packet: _Packet, place: Place, device: Link, next_hop: str) -> Place | None:
        """Out of `place` by `device` to the neighbour `next_hop`; gives the place entered."""
        packet.see(place, device.name, OUT)
        if device.kind in TUNNELS:
            return self._through_tunnel(packet, place, device, next_hop)
        if device.kind == "bridge":
            return self._across_bridge(packet, place, device.name, next_hop)
        peer_place = self.labmap.by_name.get(device.peer_place)
        peer = peer_place.link(device.peer_name) if peer_place else None
        if peer_place is None or peer is None:
            return None
        packet.see(peer_place, peer.name, IN)
        return self._across_bridge(packet, peer_place, peer.master, next_hop) if peer.master else peer_place

    def _across_bridge(self, packet: _Packet, place: Place, bridge: str, next_hop: str) -> Place | None:
        """To whoever has the address `next_hop`: the bridge's own place, or the place behind one of its ports."""
        owner, link = self.labmap.owners.get(next_hop, (None, None))
        if owner is None or link is None:
            return None
        if owner is place and link.name == bridge:
            packet.see(place, bridge, IN)
            return place
        behind = (owner.name, link.name)
        for port in place.links:
            if port.master == bridge and (port.peer_place, port.peer_name) == behind:
                packet.see(place, port.name, OUT)
                packet.see(owner, link.name, IN)
                return owner
        return None

    def _through_tunnel(self, packet: _Packet, place: Place, device: Link, next_hop: str) -> Place | None:
        """The outer packet's whole way and out of the other end.

        A VXLAN's next hop is the address of the other node's tunnel device; an IPIP's is the other node itself; of
        WireGuard it is who shall get the packet, and whose node its peers' prefixes tell.
        """
        owner, link = self.labmap.owners.get(next_hop, (None, None))
        if device.kind == SEALED:
            owner, link = self.labmap.wireguard_end(next_hop) or (None, None)
        if owner is None or link is None:
            return None
        remote = next_hop if device.kind == "ipip" else link.local
        end = self._forward(_Packet(remote, "", packet.crossings, device.kind), place)
        if end is not None:
            for link in end.links:
                if (link.kind, link.vni) == (device.kind, device.vni):
                    packet.see(end, link.name, IN)
                    return end
        return None

    def _is_masqueraded(self, source: str, destination: str, request: Path) -> bool:
        """Whether the answer is not sent to the client's own address.

        So it is on the hairpin, unless both ends are pods, and behind a node port.
        """
        asked, _ = self.labmap.owners.get(destination, (None, None))
        kinds = {self.labmap.by_name[place].kind for place in (source, request.end)}
        by_node_port = asked is not None and asked.kind == "node"
        return request.end == source or kinds != {"pod"} or by_node_port


@dataclass(slots=True)
class _Packet:
    """A packet on its way: where it is bound for, what it has crossed, what wraps it, and whether nodes know its
    destination for a Service's.
    """

    destination: str
    endpoint: str
    crossings: list[Crossing]
    tunnel: str = ""
    known: bool = True

    def see(self, place: Place, interface: str, way: str) -> None:
        """Nobody looks at the underlay's own bridges: they are the wire between the places."""
        if place.name != UNDERLAY:
            self.crossings.append(Crossing(place.name, interface, way, self.tunnel))


def _tables(place: Place) -> tuple[dict[str, Way], dict[str, Way]]:
    """The place's routes by prefix: those that are asked first, then the main table's, with those that the kernel makes
    from the addresses.
    """
    # Of several for one destination the first counts: it has the least metric.
    first = {way.destination: way for way in reversed(place.routes) if way.table}
    table = {way.destination: way for way in reversed(place.routes) if not way.table}
    for link in place.links:
        for address in link.addresses:
            connected = Prefix.of(address)
            if connected.size > 1:
                table.setdefault(str(connected), Way(str(connected), device=link.name))
    return first, table
