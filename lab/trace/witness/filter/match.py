"""Whose packets are meant, as conditions on bytes that both of the kernel's filters can test: nftables and classic BPF.

A packet is looked at as it is, inside a tunnel's packet, and where an ICMP error quotes it; all of it at fixed offsets,
as nobody sends IPv4 options here. Into what WireGuard sends nobody can look. Formats: RFC 791, 792, 7348 (VXLAN), 2003
(IPIP).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from socket import inet_aton

from lab.map.labmap import LabMap
from lab.trace.witness.filter.sample import ALL, Sample

ICMP, IPIP, TCP, UDP = 1, 4, 6, 17
PROTOCOLS = {"icmp": ICMP, "tcp": TCP, "udp": UDP}
OTHERS = {"sctp": 132, "ipip": IPIP}
# Of a TCP connection, what opens, refuses or carries: bare acknowledgements would only fill the socket's buffer.
TELLING_FLAGS = 0x02 | 0x04 | 0x08  # SYN, RST, PSH
PORTED = ("tcp", "udp", "sctp")
NETWORK, TRANSPORT = "network", "transport"  # the headers from which offsets count

IP_HEADER = 20
_IN_VXLAN = 8 + 8 + 14  # behind the headers of UDP, VXLAN and Ethernet
_QUOTED = 8  # behind the header of an ICMP error
_PROTOCOL, _SOURCE, _DESTINATION = 9, 12, 16
_PORTS, _TYPE = (IP_HEADER, IP_HEADER + 2), IP_HEADER
_SEQUENCE, _ACKNOWLEDGED, _IDENTIFIER, _FLAGS = IP_HEADER + 4, IP_HEADER + 8, IP_HEADER + 4, IP_HEADER + 13
_RST, _ACK = 0x04, 0x10
_ECHO_BUT_ITS_WAY = 0xF7  # request is 8, reply 0


def number(protocol: str) -> int:
    """IP's, of one that has a name here or is called by its number."""
    named = {**PROTOCOLS, **OTHERS}.get(protocol)
    return int(protocol) if named is None else named


@dataclass(frozen=True, slots=True)
class Condition:
    """The bytes at an offset behind the beginning of a header, as far as `mask` goes ("" is all), are `value`; or,
    unless `equal`, are not.
    """

    base: str
    offset: int
    value: bytes
    mask: bytes = b""
    equal: bool = True


Rule = tuple[Condition, ...]  # all of them hold


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an IPv4 header begins, so many bytes behind one of the bases; `within` is what the packet around it is."""

    base: str = NETWORK
    offset: int = 0
    within: Rule = ()

    def quoted(self) -> Spot:
        """Where the packet begins that an ICMP error here is about."""
        return Spot(self.base, self.offset + IP_HEADER + _QUOTED, self.within)

    def field(self, offset: int, value: bytes, mask: bytes = b"", *, equal: bool = True) -> Condition:
        return Condition(self.base, self.offset + offset, value, mask, equal)

    def protocol(self, number: int, *, equal: bool = True) -> Condition:
        return self.field(_PROTOCOL, bytes([number]), equal=equal)

    def source(self, address: bytes, mask: bytes = b"") -> Condition:
        return self.field(_SOURCE, address, mask)

    def destination(self, address: bytes, mask: bytes = b"") -> Condition:
        return self.field(_DESTINATION, address, mask)

    def echo(self) -> Rule:
        """It is an ICMP echo's question or answer."""
        return (self.protocol(ICMP), self.field(_TYPE, b"\0", bytes([_ECHO_BUT_ITS_WAY])))

    def port(self, where: int, one: Sample, *, equal: bool = True) -> Rule:
        """A sample takes the port at that offset, or does not; () where it takes all."""
        return (self.field(where, one.port_value, one.port_mask, equal=equal),) if one.of > 1 else ()

    def sequence(self, where: int, one: Sample, *, equal: bool = True) -> Rule:
        """A sample takes the number at that offset, or does not; () where it takes all."""
        return (self.field(where, one.sequence_value, one.sequence_mask, equal=equal),) if one.of > 1 else ()

    def beside(self, protocol: str, samples: Iterable[Sample]) -> Rule:
        """It is of the protocol, and none of the samples takes it."""
        if protocol == "icmp":
            return (*self.echo(), *self._none(samples, self.port, _IDENTIFIER))
        kind, ends = (self.sequence, (_SEQUENCE, _ACKNOWLEDGED)) if protocol == "tcp" else (self.port, _PORTS)
        return (self.protocol(PROTOCOLS[protocol]), *self._none(samples, kind, *ends))

    @staticmethod
    def _none(samples: Iterable[Sample], kind: Callable[..., Rule], *offsets: int) -> Rule:
        return tuple(condition for one in samples for where in offsets for condition in kind(where, one, equal=False))


@dataclass(frozen=True, slots=True)
class Tunnels:
    """What may carry packets: VXLAN and WireGuard by their UDP ports, and IPIP."""

    vxlan: tuple[int, ...] = ()
    ipip: bool = False
    wireguard: tuple[int, ...] = ()

    @classmethod
    def of(cls, labmap: LabMap) -> Tunnels:
        """Those that a lab has, or may have."""
        return cls(tuple(sorted(labmap.vxlan_ports)), labmap.has_ipip, tuple(sorted(labmap.wireguard_ports)))

    @property
    def ports(self) -> tuple[int, ...]:
        """All of UDP."""
        return (*self.vxlan, *self.wireguard)


NO_TUNNELS = Tunnels()


def spots(tunnels: Tunnels = NO_TUNNELS) -> Iterator[Spot]:
    """Where packets may be: as they are, then inside tunnels."""
    outer = Spot()
    yield outer
    for port in tunnels.vxlan:
        around = (outer.protocol(UDP), outer.field(_PORTS[1], port.to_bytes(2, "big")))
        yield Spot(TRANSPORT, _IN_VXLAN, around)
    if tunnels.ipip:
        yield Spot(TRANSPORT, 0, (outer.protocol(IPIP),))


def sealed(tunnels: Tunnels) -> Iterator[Rule]:
    """Of which one holds for a packet into which nobody can look: it may carry what is meant."""
    outer = Spot()
    for port in tunnels.wireguard:
        yield outer.protocol(UDP), outer.field(_PORTS[1], port.to_bytes(2, "big"))


@dataclass(frozen=True, slots=True)
class Match:
    """Packets of a client and the answers to it. What is left empty may be anything.

    `sample` says which of the client's connections. `server` and `server_port` serve where a NAT
    has rewritten the client's address.
    """

    protocol: str
    client: str = ""
    server: str = ""
    server_port: int = 0
    sample: Sample = ALL

    def rules(self, spot: Spot) -> Iterator[Rule]:
        """All of which one holds for such a packet there: the request, the answer, and an ICMP error about it."""
        yield (*spot.within, *self._packet(spot, request=True))
        yield (*spot.within, *self._packet(spot, request=False))
        quoted = spot.quoted()
        yield (*spot.within, spot.protocol(ICMP), *self._packet(quoted, request=True))

    def telling(self, spot: Spot) -> Iterator[Rule]:
        """The same, without TCP's bare acknowledgements."""
        request, reply, error = self.rules(spot)
        flags = (spot.field(_FLAGS, b"\0", bytes([TELLING_FLAGS]), equal=False),) if self.protocol == "tcp" else ()
        yield from ((*request, *flags), (*reply, *flags), error)
        yield from self.bare_resets(spot)

    def bare_resets(self, spot: Spot) -> Iterator[Rule]:
        """Of TCP, what refuses without acknowledging: it has none of the client's numbers, but its address."""
        if self.protocol == "tcp" and self.client and self.sample.of > 1:
            reset = spot.field(_FLAGS, bytes([_RST]), bytes([_RST | _ACK]))
            yield (*spot.within, spot.protocol(TCP), reset, spot.destination(inet_aton(self.client)))

    def _packet(self, spot: Spot, *, request: bool) -> Rule:
        near, far = (spot.source, spot.destination) if request else (spot.destination, spot.source)
        near_port, far_port = _PORTS if request else reversed(_PORTS)
        parts = [spot.protocol(number(self.protocol))]
        parts += [side(inet_aton(address)) for side, address in ((near, self.client), (far, self.server)) if address]
        if self.protocol == "tcp":
            parts += spot.sequence(_SEQUENCE if request else _ACKNOWLEDGED, self.sample)
        else:
            parts += spot.port(_IDENTIFIER if self.protocol == "icmp" else near_port, self.sample)
        if self.server_port and self.protocol in PORTED:
            parts.append(spot.field(far_port, self.server_port.to_bytes(2, "big")))
        return tuple(parts)


def left_out(spot: Spot, matches: Iterable[Match], tunnels: Tunnels = NO_TUNNELS) -> Iterator[Rule]:
    """Of which one holds for a packet there that none of these means, and no tunnel's. Nothing of protocols of which
    they mean all.

    They need not find every such packet: they are asked first, so that the rest costs a busy place next to nothing.
    """
    matches = tuple(matches)
    for protocol in ("tcp", "udp", "icmp"):
        mine = [match for match in matches if match.protocol == protocol]
        samples = tuple(dict.fromkeys(match.sample for match in mine if match.sample.of > 1))
        whole = tuple(dict.fromkeys(match.server or match.client for match in mine if match.sample.of == 1))
        if not samples or "" in whole:
            continue
        carried = tunnels.ports if protocol == "udp" and not spot.within else ()
        no_tunnel = [spot.field(_PORTS[1], port.to_bytes(2, "big"), equal=False) for port in carried]
        others = [
            spot.field(side, inet_aton(address), equal=False) for address in whole for side in (_SOURCE, _DESTINATION)
        ]
        refused = protocol == "tcp" and any(match.client for match in mine)
        no_reset = [spot.field(_FLAGS, bytes([_RST]), bytes([_RST | _ACK]), equal=False)] if refused else []
        yield (*spot.within, *spot.beside(protocol, samples), *no_tunnel, *others, *no_reset)
