"""Whose packet a visit is about: netfilter reports to every listener of a place whatever anybody has reported there.

Somebody follows the pod in whose name another one asks, say, or two ask at once. What is certainly another's is left
out; what has no ports, or is an ICMP error, stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.kernel.netlink.conntrack_entry import Event
from lab.map.labmap import LabMap
from lab.map.path import OUT
from lab.network.tunnels import TUNNELS
from lab.trace.ask.exchange import DNS_PORT
from lab.trace.explain.passage import Passage
from lab.trace.explain.rules.visit import Visit
from lab.trace.explain.translation import flow as conntrack
from lab.trace.journey import REQUEST
from lab.trace.witness.packet import ECHO_REPLY, ECHO_REQUEST, Outer, Packet

End = tuple[str, str, int]  # protocol, address, port
Tunnel = tuple[str, int, str, int]  # of an outer packet, source and destination
PORTED = ("tcp", "udp")


@dataclass(frozen=True, slots=True)
class Own:
    """What the packets of one request have, and nobody else's.

    `ends` are the client's, as each place knows them; `home` those of its own place, where a port is enough: it has no
    address before it is sent. `tunnels` are those around its packets, whose UDP ports are `carrying`, `wrapping` where
    some went into one: what is dropped there was captured by nobody. `servers` are the cluster's DNS servers, of whose
    own questions nobody can say for whom they are asked.
    """

    ends: frozenset[End]
    home: frozenset[tuple[str, str, int]]
    tunnels: frozenset[Tunnel]
    wrapping: frozenset[str]
    carrying: frozenset[int]
    servers: frozenset[str]

    def has(self, visit: Visit) -> bool:
        """Whether it may be about one of them."""
        packet = visit.first.packet
        if packet.protocol == "icmp" and packet.icmp_type not in (ECHO_REPLY, ECHO_REQUEST):
            return True
        if packet.protocol == "ipip" or (packet.protocol, packet.dport) in {("udp", one) for one in self.carrying}:
            return _five(packet) in self.tunnels or (not visit.arrived and visit.place in self.wrapping)
        if packet.protocol not in (*PORTED, "icmp") or not packet.sport:
            return True
        return self._has_ports_of(visit) or self._is_a_servers_question(packet)

    def surely_has(self, visit: Visit) -> bool:
        """Whether it is about one of them. In a tunnel that is known of VXLAN alone, by its source port."""
        packet = visit.first.packet
        if packet.protocol == "ipip" or (packet.protocol, packet.dport) in {("udp", one) for one in self.carrying}:
            return _five(packet) in self.tunnels and packet.sport not in (0, packet.dport)
        return packet.protocol in (*PORTED, "icmp") and bool(packet.sport) and self._has_ports_of(visit)

    def _has_ports_of(self, visit: Visit) -> bool:
        packet = visit.first.packet
        near, far = (packet.protocol, packet.src, packet.sport), (packet.protocol, packet.dst, packet.dport)
        return near in self.ends or far in self.ends or (visit.place, packet.protocol, packet.sport) in self.home

    def _is_a_servers_question(self, packet: Packet) -> bool:
        if packet.protocol not in PORTED:
            return False
        return (packet.src in self.servers and packet.dport == DNS_PORT) or (
            packet.dst in self.servers and packet.sport == DNS_PORT
        )


def own(labmap: LabMap, passages: Sequence[Passage], translations: Sequence[Event]) -> Own:
    """Of all exchanges of a request."""
    ends: set[End] = set()
    tunnels: set[Tunnel] = set()
    wrapping: set[str] = set()
    devices = {(place.name, link.name) for place in labmap.places for link in place.links if link.kind in TUNNELS}
    for passage in passages:
        exchange = passage.exchange
        ends.add((exchange.protocol, exchange.address, exchange.sport))
        ends.update((exchange.protocol, *alias) for alias in exchange.aliases)
        for event in conntrack.flow(exchange, translations).inner:
            ends.add((exchange.protocol, event.onward.source, event.onward.sport))
        for part in passage.parts:
            packet, capture = part.observation.packet, part.observation.capture
            if capture.way == OUT and (capture.place, capture.interface) in devices:
                wrapping.add(capture.place)
            if packet.outer is not None:
                tunnels.add(_around(packet.outer))
                if packet.outer.handshake:  # without the other end's answer nothing is sent
                    tunnels.add(_answering(packet.outer))
            if packet.cause is None:
                near, far = (packet.src, packet.sport), (packet.dst, packet.dport)
                ends.add((packet.protocol, *(near if part.direction == REQUEST else far)))
    pods = (labmap.by_name[pod].address for pod in labmap.dns.pods if pod in labmap.by_name)
    return Own(
        frozenset(ends),
        frozenset((one.exchange.source, one.exchange.protocol, one.exchange.sport) for one in passages),
        frozenset(tunnels),
        frozenset(wrapping),
        labmap.vxlan_ports | labmap.wireguard_ports,
        frozenset(pods),
    )


def _around(outer: Outer) -> Tunnel:
    return outer.src, outer.sport, outer.dst, outer.dport


def _answering(outer: Outer) -> Tunnel:
    return outer.dst, outer.dport, outer.src, outer.sport


def _five(packet: Packet) -> Tunnel:
    return packet.src, packet.sport, packet.dst, packet.dport
