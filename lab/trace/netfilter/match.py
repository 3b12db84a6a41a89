"""Whose packets are followed, as expressions of nftables.

A packet is looked at as it is, inside a tunnel's packet, and where an ICMP error quotes it; all of it at fixed offsets,
as nobody sends IPv4 options here. Formats: RFC 791, 792, 7348 (VXLAN), 2003 (IPIP); numbers: nf_tables.h.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from socket import inet_aton

from lab.kernel.netfilter import number
from lab.kernel.netlink import attribute, nested, text

ICMP, IPIP, TCP, UDP = 1, 4, 6, 17
PROTOCOLS = {"icmp": ICMP, "tcp": TCP, "udp": UDP}
ANY_PORT = 1 << 16
# Of a TCP connection, what opens, refuses or carries: bare acknowledgements would only fill the socket's buffer.
TELLING_FLAGS = 0x02 | 0x04 | 0x08  # SYN, RST, PSH

_NETWORK, _TRANSPORT = 1, 2  # NFT_PAYLOAD_NETWORK_HEADER, NFT_PAYLOAD_TRANSPORT_HEADER
_REGISTER = 1  # NFT_REG_1
_EQUAL, _NOT_EQUAL = 0, 1  # NFT_CMP_EQ, NFT_CMP_NEQ
_VALUE, _VERDICT = 1, 2  # NFTA_DATA_VALUE, NFTA_DATA_VERDICT
_VERDICT_REGISTER, _NF_ACCEPT = 0, 1
_EXPRESSION = 1  # NFTA_LIST_ELEM
_META_NFTRACE = 12
_IP, _PORTS = 20, 4  # length of an IP header, and of the two ports
_IN_VXLAN = 8 + 8 + 14  # behind the headers of UDP, VXLAN and Ethernet
_QUOTED = 8  # behind the header of an ICMP error

Expressions = bytes


@dataclass(frozen=True, slots=True)
class Match:
    """Packets of a client and the answers to it. What is left empty may be anything.

    `ports` many of the client's ports from `port` on: a power of two, and `port` a multiple of it. Of ICMP, they are
    echo identifiers. `server` and `server_port` serve where a NAT has rewritten the client's address.
    """

    protocol: str
    client: str = ""
    port: int = 0
    ports: int = ANY_PORT
    server: str = ""
    server_port: int = 0

    def rules(self, vxlan_ports: Iterable[int] = (), *, ipip: bool = False) -> Iterator[Expressions]:
        """The expressions of every rule that it takes."""
        for before, spot in _spots(vxlan_ports, ipip=ipip):
            yield before + self._packet(spot, request=True)
            yield before + self._packet(spot, request=False)
            yield before + spot.field(9, bytes([ICMP])) + self._packet(spot.quoted(), request=True, quoted=True)

    def _packet(self, spot: Spot, *, request: bool, quoted: bool = False) -> Expressions:
        protocol = PROTOCOLS[self.protocol]
        near, far = (0, 1) if request else (1, 0)
        parts = [spot.field(9, bytes([protocol]))]
        for side, address in ((near, self.client), (far, self.server)):
            if address:
                parts.append(spot.field(12 + 4 * side, inet_aton(address)))
        where = _IP + 4 if protocol == ICMP else _IP + 2 * near
        mask = ANY_PORT - self.ports
        if mask:
            parts.append(spot.field(where, self.port.to_bytes(2, "big"), mask.to_bytes(2, "big")))
        if self.server_port and protocol != ICMP:
            parts.append(spot.field(_IP + 2 * far, self.server_port.to_bytes(2, "big")))
        if protocol == TCP and not quoted:
            parts.append(spot.any_of(_IP + 13, TELLING_FLAGS))
        return b"".join(parts)


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an IPv4 header begins: so many bytes behind one of the places that nftables knows."""

    base: int
    offset: int

    def quoted(self) -> Spot:
        """Where the packet begins that an ICMP error here is about."""
        return Spot(self.base, self.offset + _IP + _QUOTED)

    def field(self, offset: int, value: bytes, mask: bytes = b"") -> Expressions:
        """The bytes at `offset`, as far as `mask` goes, are `value`."""
        return self._load(offset, len(value)) + (_masked(mask) if mask else b"") + _compare(_EQUAL, value)

    def any_of(self, offset: int, bits: int) -> Expressions:
        """At least one of the bits of the byte at `offset` is set."""
        return self._load(offset, 1) + _masked(bytes([bits])) + _compare(_NOT_EQUAL, b"\0")

    def _load(self, offset: int, length: int) -> Expressions:
        return expression(
            "payload", number(1, _REGISTER), number(2, self.base), number(3, self.offset + offset), number(4, length)
        )


def _spots(vxlan_ports: Iterable[int], *, ipip: bool) -> Iterator[tuple[Expressions, Spot]]:
    """Where packets may be, and what the packet around them must be."""
    outer = Spot(_NETWORK, 0)
    yield b"", outer
    for port in vxlan_ports:
        tunnel = outer.field(9, bytes([UDP])) + outer.field(_IP + 2, port.to_bytes(2, "big"))
        yield tunnel, Spot(_TRANSPORT, _IN_VXLAN)
    if ipip:
        yield outer.field(9, bytes([IPIP])), Spot(_TRANSPORT, 0)


def trace_it() -> Expressions:
    """`meta nftrace set 1 accept`: with a verdict, the rule is the only one that is reported."""
    one = nested(2, attribute(_VALUE, b"\1"))
    accept = nested(2, nested(_VERDICT, number(1, _NF_ACCEPT)))
    return b"".join(
        (
            expression("immediate", number(1, _REGISTER), one),
            expression("meta", number(2, _META_NFTRACE), number(3, _REGISTER)),
            expression("immediate", number(1, _VERDICT_REGISTER), accept),
        )
    )


def expression(name: str, *data: bytes) -> bytes:
    """An expression as an element of a rule's list."""
    return nested(_EXPRESSION, text(1, name), nested(2, *data))


def _compare(operation: int, value: bytes) -> bytes:
    return expression("cmp", number(1, _REGISTER), number(2, operation), nested(3, attribute(_VALUE, value)))


def _masked(mask: bytes) -> bytes:
    nothing = nested(5, attribute(_VALUE, bytes(len(mask))))
    return expression(
        "bitwise",
        number(1, _REGISTER),
        number(2, _REGISTER),
        number(3, len(mask)),
        nested(4, attribute(_VALUE, mask)),
        nothing,
    )
