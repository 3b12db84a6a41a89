"""Where between two sightings a packet vanished: the devices and directions that it had to pass unseen.

A packet socket sees what comes in before any hook does, and what goes out after the last one. So what was seen coming
in and no more met the hooks of that device; what should have gone out by a device and was not seen there, that one's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lab.map.path import OUT
from lab.network.tunnels import SEALED
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.queries.neighbour import FAILING
from lab.trace.journey import REQUEST
from lab.trace.witness.packet import Packet

VXLAN_BYTES = 50  # IP, UDP and VXLAN headers, and the inner Ethernet header
WIREGUARD_BYTES = 60  # IP and UDP headers, WireGuard's, and its tag; the padding left out
INGRESS, EGRESS = "ingress", "egress"


@dataclass(frozen=True, slots=True)
class Gap:
    """A device's hooks that the packet passed unseen, in the form that the packet has there."""

    place: str
    device: str
    hook: str
    packet: Packet


def gaps(case: Case) -> Iterator[Gap]:
    """In the order in which the packet would have passed them; none when it was not lost between two sightings."""
    packet, last, following = case.packet, case.last, case.following
    if packet is None:
        packet = _first(case)
    elif last is not None and last.way != OUT:
        yield Gap(last.place, last.interface, INGRESS, outermost(packet))
    place = last.place if last else case.origin
    for device, wrapped in _onward(case, place):
        yield Gap(place, device, EGRESS, _wrapped(case, place, packet) if wrapped else replace(packet, outer=None))
    if packet is not None and case.direction == REQUEST and last is not None and last.place == case.there.end:
        answer = Packet(packet.protocol, packet.dst, packet.dport, packet.src, packet.sport, packet.length)
        for device in case.links(last.place):
            yield Gap(last.place, device, EGRESS, answer)
    if following is not None and following.place == place and following.way == OUT:
        onward = _wrapped(case, place, packet) if following.tunnel else replace(packet, outer=None)
        yield Gap(place, following.interface, EGRESS, onward)


def arp_gaps(case: Case) -> Iterator[Gap]:
    """The hooks that a question for the MAC of a next hop and its answer pass, of each that nobody answers."""
    question = Packet("arp")
    for place in case.suspects:
        for one in case.about(place).neighbours:
            owner, link = case.answering(place, one.device, one.address)
            if one.state in FAILING and owner is not None and link is not None:
                yield Gap(place, one.device, EGRESS, question)
                yield Gap(owner.name, link.name, INGRESS, question)
                yield Gap(owner.name, link.name, EGRESS, question)
                yield Gap(place, one.device, INGRESS, question)


def _onward(case: Case, place: str) -> Iterator[tuple[str, bool]]:
    """By which devices the kernel says that it goes on."""
    for asked in case.about(place).answers.asked:
        if asked.answer.route is not None and asked.answer.route.device:
            yield asked.answer.route.device, asked.wrapped


def _first(case: Case) -> Packet:
    """The packet of which nothing was seen at all."""
    exchange = case.passage.exchange
    return Packet(exchange.protocol, exchange.address, exchange.sport, exchange.destination, exchange.dport)


def outermost(packet: Packet) -> Packet:
    """As the place that it passes sees it: a tunnel's packet from outside."""
    outer = packet.outer
    if outer is None:
        return packet
    protocol = outer.kind if outer.kind == "ipip" else "udp"
    length = outer.length or packet.length + (VXLAN_BYTES if outer.kind == "vxlan" else 20)
    return Packet(protocol, outer.src, outer.sport, outer.dst, outer.dport, length, outer.ttl)


def _wrapped(case: Case, place: str, packet: Packet) -> Packet:
    """As it leaves the place in its tunnel: as it was seen, else as the tunnel's settings have it."""
    if packet.outer is not None:
        return outermost(packet)
    remote = next(iter(case.ends), "")
    for tunnel in case.tunnels(place):
        if tunnel.vxlan is not None:
            length = packet.length + VXLAN_BYTES
            return Packet("udp", tunnel.vxlan.local, 0, remote, tunnel.vxlan.port, length)
    links = (case.link(place, name) for name in case.links(place))
    end = next((link for link in links if link is not None and link.local), None)
    if end is not None and end.kind == SEALED:
        return Packet("udp", end.local, end.port, remote, end.port, packet.length + WIREGUARD_BYTES)
    return Packet("ipip", end.local if end is not None else "", 0, remote, 0, packet.length + 20)
