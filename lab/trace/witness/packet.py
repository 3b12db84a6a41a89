"""Reads captured frames: Ethernet, ARP, IPv4, UDP, TCP, SCTP, ICMP with the packet that it answers, VXLAN, IPIP.

Never raises: a frame that is cut short or is something else becomes a packet that says as much as could be read.
Formats: RFC 791 (IPv4), 768 (UDP), 9293 (TCP), 792 (ICMP), 9260 (SCTP), 826 (ARP), 7348 (VXLAN), 2003 (IPIP).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from socket import inet_ntoa
from struct import Struct
from typing import Any

from lab.map.labmap import VXLAN_PORTS
from lab.network.tunnels import SEALED

ETHERTYPE_IPV4, ETHERTYPE_ARP, ETHERTYPE_VLAN = 0x0800, 0x0806, 0x8100
PROTOCOLS = {1: "icmp", 4: "ipip", 6: "tcp", 17: "udp", 132: "sctp"}
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
FLAG_NAMES = ((SYN, "SYN"), (FIN, "FIN"), (RST, "RST"), (PSH, "PSH"), (URG, "URG"), (ACK, "ACK"))
ECHO_REPLY, UNREACHABLE, ECHO_REQUEST, TIME_EXCEEDED = 0, 3, 8, 11
UNREACHABLE_NAMES = {
    0: "network-unreachable",
    1: "host-unreachable",
    2: "protocol-unreachable",
    3: "port-unreachable",
    4: "fragmentation-needed",
    9: "network-prohibited",
    10: "host-prohibited",
    13: "administratively-prohibited",
}
ICMP_NAMES = {ECHO_REPLY: "echo reply", ECHO_REQUEST: "echo request", TIME_EXCEEDED: "time exceeded"}

_ETHERNET = Struct("!6s6sH")
_IPV4 = Struct("!BBHHHBBH4s4s")
_UDP = Struct("!HHHH")
_TCP = Struct("!HHIIBBHHH")
_SCTP = Struct("!HHII")
_ICMP = Struct("!BBHHH")
_ARP = Struct("!HHBBH6s4s6s4s")
_VXLAN = Struct("!B3x3sx")
_VXLAN_HAS_VNI = 0x08
_TUNNEL_NAMES = {"vxlan": "VXLAN", "ipip": "IPIP", SEALED: "WireGuard"}
_MORE_FRAGMENTS, _OFFSET = 0x2000, 0x1FFF

Facts = dict[str, Any]  # a packet's fields, as far as they have been read
Ports = Collection[int] | None
WRAPPED: Ports = ()  # in place of the ports, inside a tunnel: no further tunnel is looked for
QUOTED: Ports = None  # and inside what an ICMP error quotes: nor a further quotation


@dataclass(frozen=True, slots=True)
class Outer:
    """What a tunnel put around a packet: `kind` is vxlan, ipip or wireguard; the `vni` is a VXLAN's, the ports are
    those of UDP. Of WireGuard `length` is the whole packet's; a `handshake` stands for the packet that waits for it.
    """

    kind: str
    src: str
    dst: str
    vni: int = 0
    sport: int = 0
    dport: int = 0
    ttl: int = 0
    length: int = 0
    handshake: bool = False

    @property
    def name(self) -> str:
        """The kind as people write it."""
        return _TUNNEL_NAMES[self.kind]


@dataclass(frozen=True, slots=True)
class Packet:
    """An IPv4 packet as it was on the wire, the innermost one when it was in a tunnel.

    `protocol` is tcp, udp, icmp, sctp, arp, or the IP protocol's number. An ICMP echo has its identifier as both ports.
    `length` is the IP header's total length, which is beyond what an Ethernet carries when the kernel defers
    segmenting. `cause` is the packet that an ICMP error answers. `unfinished`: the checksum is left to a device.
    """

    protocol: str = ""
    src: str = ""
    sport: int = 0
    dst: str = ""
    dport: int = 0
    length: int = 0
    ttl: int = 0
    ident: int = 0
    flags: int = 0
    seq: int = 0
    ack: int = 0
    icmp_type: int = -1
    icmp_code: int = 0
    mac: str = ""
    payload: bytes = b""
    outer: Outer | None = None
    cause: Packet | None = None
    fragment: bool = False
    unfinished: bool = False

    @property
    def flag_names(self) -> tuple[str, ...]:
        """TCP's flags in words, SYN first and ACK last."""
        return tuple(name for bit, name in FLAG_NAMES if self.flags & bit)


def decode(
    frame: bytes, vxlan_ports: Collection[int] = VXLAN_PORTS, *, ethernet: bool = True, unfinished: bool = False
) -> Packet:
    """The packet in a frame; without `ethernet`, the frame begins with the IP header, as on an IPIP device."""
    facts = _ethernet(frame, vxlan_ports) if ethernet else _ipv4(frame, vxlan_ports)
    return Packet(**facts, unfinished=unfinished)


def _ethernet(frame: bytes, vxlan_ports: Ports) -> Facts:
    if len(frame) < _ETHERNET.size:
        return {"length": len(frame)}
    _, _, kind = _ETHERNET.unpack_from(frame)
    start = _ETHERNET.size
    if kind == ETHERTYPE_VLAN and len(frame) >= start + 4:
        kind, start = int.from_bytes(frame[start + 2 : start + 4], "big"), start + 4
    if kind == ETHERTYPE_IPV4:
        return _ipv4(frame[start:], vxlan_ports)
    if kind == ETHERTYPE_ARP:
        return _arp(frame[start:])
    return {"protocol": f"0x{kind:04x}", "length": len(frame) - start}


def _arp(data: bytes) -> Facts:
    """An ARP question (`flags` 1) or answer (2): `src` asks for `dst`, or says that it is at `mac`."""
    if len(data) < _ARP.size:
        return {"protocol": "arp", "length": len(data)}
    _, _, _, _, operation, mac, sender, _, target = _ARP.unpack_from(data)
    return {
        "protocol": "arp",
        "src": inet_ntoa(sender),
        "dst": inet_ntoa(target),
        "flags": operation,
        "mac": mac.hex(":"),
        "length": len(data),
    }


def _ipv4(data: bytes, vxlan_ports: Ports) -> Facts:
    if len(data) < _IPV4.size or data[0] >> 4 != 4:
        return {"length": len(data)}
    first, _, length, ident, fragment, ttl, number, _, src, dst = _IPV4.unpack_from(data)
    protocol = PROTOCOLS.get(number, str(number))
    facts: Facts = {
        "protocol": protocol,
        "src": inet_ntoa(src),
        "dst": inet_ntoa(dst),
        "length": length,
        "ttl": ttl,
        "ident": ident,
        "fragment": bool(fragment & (_MORE_FRAGMENTS | _OFFSET)),
    }
    body = data[(first & 15) * 4 : length] if length else data[(first & 15) * 4 :]
    if protocol == "ipip" and vxlan_ports and not fragment & _OFFSET:
        inner = _ipv4(body, WRAPPED)
        return {**inner, "outer": Outer("ipip", facts["src"], facts["dst"], ttl=ttl)} if "src" in inner else facts
    read = _TRANSPORTS.get(protocol)
    if read is None or fragment & _OFFSET:
        return {**facts, "payload": body}
    return read(facts, body, vxlan_ports)


def _udp(facts: Facts, body: bytes, vxlan_ports: Ports) -> Facts:
    if len(body) < _UDP.size:
        return {**facts, "payload": body}
    sport, dport, length, _ = _UDP.unpack_from(body)
    payload = body[_UDP.size : length] if length >= _UDP.size else body[_UDP.size :]
    if vxlan_ports and dport in vxlan_ports and len(payload) >= _VXLAN.size:
        flags, vni = _VXLAN.unpack_from(payload)
        inner = _ethernet(payload[_VXLAN.size :], WRAPPED) if flags & _VXLAN_HAS_VNI else {}
        if "src" in inner:
            number = int.from_bytes(vni, "big")
            return {**inner, "outer": Outer("vxlan", facts["src"], facts["dst"], number, sport, dport, facts["ttl"])}
    return {**facts, "sport": sport, "dport": dport, "payload": payload}


def _tcp(facts: Facts, body: bytes, _: Ports) -> Facts:
    if len(body) < _TCP.size:
        return {**facts, "payload": body}
    sport, dport, seq, ack, offset, flags, _window, _sum, _urgent = _TCP.unpack_from(body)
    payload = body[(offset >> 4) * 4 :]
    return {**facts, "sport": sport, "dport": dport, "seq": seq, "ack": ack, "flags": flags & 63, "payload": payload}


def _sctp(facts: Facts, body: bytes, _: Ports) -> Facts:
    if len(body) < _SCTP.size:
        return {**facts, "payload": body}
    sport, dport, _tag, _sum = _SCTP.unpack_from(body)
    return {**facts, "sport": sport, "dport": dport, "payload": body[_SCTP.size :]}


def _icmp(facts: Facts, body: bytes, vxlan_ports: Ports) -> Facts:
    if len(body) < _ICMP.size:
        return {**facts, "payload": body}
    kind, code, _, ident, seq = _ICMP.unpack_from(body)
    payload = body[_ICMP.size :]
    facts = {**facts, "icmp_type": kind, "icmp_code": code, "payload": payload}
    if kind in (ECHO_REPLY, ECHO_REQUEST):
        return {**facts, "sport": ident, "dport": ident, "seq": seq}
    if kind in (UNREACHABLE, TIME_EXCEEDED) and vxlan_ports is not None:
        return {**facts, "cause": _quoted(payload)}
    return facts


def _quoted(data: bytes) -> Packet | None:
    """The start of the packet that an error is about: at least its header and eight bytes (RFC 792)."""
    facts = _ipv4(data, QUOTED)
    if "src" not in facts:
        return None
    start = facts.get("payload", b"")
    if facts["protocol"] == "tcp" and "sport" not in facts and len(start) >= 8:
        ports = {"sport": int.from_bytes(start[0:2], "big"), "dport": int.from_bytes(start[2:4], "big")}
        facts = {**facts, **ports, "seq": int.from_bytes(start[4:8], "big"), "payload": b""}
    return Packet(**facts)


_TRANSPORTS = {"udp": _udp, "tcp": _tcp, "icmp": _icmp, "sctp": _sctp}


def icmp(packet: Packet) -> str:
    """`echo request`, `port unreachable`, …"""
    if packet.icmp_type == UNREACHABLE:
        return UNREACHABLE_NAMES.get(packet.icmp_code, f"unreachable, code {packet.icmp_code}").replace("-", " ")
    return ICMP_NAMES.get(packet.icmp_type, f"type {packet.icmp_type}")
