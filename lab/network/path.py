"""The way that a packet should take through a lab, walked over the design's routes, bridges and tunnels.

Nothing is asked of the kernel: this is what a trace compares its captures with. Each crossing is what an observer in
that place would see: on which interface, coming in or going out, and inside which tunnel.
"""

from __future__ import annotations

from dataclasses import dataclass
from socket import inet_aton, inet_ntoa

from lab.network.labmap import LabMap, Link, Place, Way
from lab.network.objects import UNDERLAY

IN, OUT = "in", "out"
TTL = 64  # a packet crosses no more places than this


@dataclass(frozen=True, slots=True)
class Crossing:
    """A packet seen on an interface of a place. `tunnel` is what wraps it there: vxlan, ipip, or "" for nothing."""

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


def round_trip(labmap: LabMap, source: str, destination: str, endpoint: str = "") -> RoundTrip:
    """There and back from the place `source`. `endpoint` is the pod's address when `destination` is a ClusterIP."""
    request = walk(labmap, source, destination, endpoint)
    if not request.end:
        return RoundTrip(request, Path(()))
    if _is_masqueraded(labmap, source, request):
        return RoundTrip(request, mirrored(request, source))
    return RoundTrip(request, walk(labmap, request.end, labmap.by_name[source].address))


def mirrored(path: Path, source: str) -> Path:
    """The same way backwards, as conntrack forces it on the answers to a request whose source was rewritten."""
    back = {IN: OUT, OUT: IN}
    crossings = tuple(Crossing(one.place, one.interface, back[one.way], one.tunnel) for one in reversed(path.crossings))
    return Path(crossings, source)


def walk(labmap: LabMap, source: str, destination: str, endpoint: str = "") -> Path:
    """From a place to an address; the first node on the way turns a Service's `destination` into its `endpoint`.

    Without an endpoint, a Service's way ends there.
    """
    walker = _Walker(labmap)
    end = walker.forward(labmap.by_name[source], destination, endpoint)
    return Path(tuple(walker.crossings), end.name if end else "")


def lookup(place: Place, destination: str) -> Way | None:
    """The place's route for an address: the longest prefix that matches, connected ones included."""
    table = {way.destination: way for way in place.routes}
    for link in place.links:
        for address in link.addresses:
            host, _, bits = address.partition("/")
            if bits not in ("", "32"):
                prefix = _prefix(_number(host), int(bits))
                table.setdefault(prefix, Way(prefix, device=link.name))
    number = _number(destination)
    for length in range(32, 0, -1):
        if way := table.get(_prefix(number, length)):
            return way
    return table.get("default")


class _Walker:
    """Collects the crossings of one packet; `tunnel` is what wraps it at the moment."""

    def __init__(self, labmap: LabMap) -> None:
        self.labmap = labmap
        self.services = {service.cluster_ip for service in labmap.services if service.cluster_ip}
        self.crossings: list[Crossing] = []
        self.tunnel = ""

    def forward(self, start: Place, destination: str, endpoint: str = "") -> Place | None:
        """Go on from `start` until a place holds the destination; gives that place, or None where there is no way."""
        place = start
        for _ in range(TTL):
            if place.kind == "node" and destination in self.services:
                if not endpoint:
                    return None
                destination = endpoint
            if _holds(place, destination):
                if place is start and not self.tunnel:
                    self.see(place, "lo", OUT)
                    self.see(place, "lo", IN)
                return place
            way = lookup(place, destination)
            device = place.link(way.device) if way and way.type == "unicast" else None
            onward = self.leave(place, device, way.via or destination) if way and device else None
            if onward is None:
                return None
            place = onward
        return None

    def leave(self, place: Place, device: Link, next_hop: str) -> Place | None:
        """Out of `place` by `device` to the neighbour `next_hop`; gives the place entered."""
        self.see(place, device.name, OUT)
        if device.kind in ("vxlan", "ipip"):
            return self.through_tunnel(place, device, next_hop)
        if device.kind == "bridge":
            return self.across_bridge(place, device.name, next_hop)
        peer_place = self.labmap.by_name.get(device.peer_place)
        peer = peer_place.link(device.peer_name) if peer_place else None
        if peer_place is None or peer is None:
            return None
        self.see(peer_place, peer.name, IN)
        return self.across_bridge(peer_place, peer.master, next_hop) if peer.master else peer_place

    def across_bridge(self, place: Place, bridge: str, next_hop: str) -> Place | None:
        """To whoever has the address `next_hop`: the bridge's own place, or the place behind one of its ports."""
        owner, link = self.labmap.owners.get(next_hop, (None, None))
        if owner is None or link is None:
            return None
        if owner is place and link.name == bridge:
            self.see(place, bridge, IN)
            return place
        behind = (owner.name, link.name)
        for port in place.links:
            if port.master == bridge and (port.peer_place, port.peer_name) == behind:
                self.see(place, port.name, OUT)
                self.see(owner, link.name, IN)
                return owner
        return None

    def through_tunnel(self, place: Place, device: Link, next_hop: str) -> Place | None:
        """The outer packet's whole way and out of the other end.

        A VXLAN's next hop is the address of the other node's tunnel device; an IPIP's is the other node itself.
        """
        owner, link = self.labmap.owners.get(next_hop, (None, None))
        if owner is None or link is None:
            return None
        self.tunnel = device.kind
        end = self.forward(place, link.local if device.kind == "vxlan" else next_hop)
        self.tunnel = ""
        if end is not None:
            for link in end.links:
                if (link.kind, link.vni) == (device.kind, device.vni):
                    self.see(end, link.name, IN)
                    return end
        return None

    def see(self, place: Place, interface: str, way: str) -> None:
        """Nobody looks at the underlay's own bridges: they are the wire between the places."""
        if place.name != UNDERLAY:
            self.crossings.append(Crossing(place.name, interface, way, self.tunnel))


def _is_masqueraded(labmap: LabMap, source: str, request: Path) -> bool:
    """Whether the answer's destination is not the client: hairpin, the way outside, or a node's own request."""
    kinds = {labmap.by_name[place].kind for place in request.places}
    return request.end == source or "gateway" in kinds or labmap.by_name[source].kind != "pod"


def _holds(place: Place, address: str) -> bool:
    return any(one.partition("/")[0] == address for link in place.links for one in link.addresses)


def _number(address: str) -> int:
    return int.from_bytes(inet_aton(address), "big")


def _prefix(number: int, length: int) -> str:
    network = number >> (32 - length) << (32 - length)
    return f"{inet_ntoa(network.to_bytes(4, 'big'))}/{length}"
