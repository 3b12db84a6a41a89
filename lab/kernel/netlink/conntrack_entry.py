"""A connection as connection tracking knows it, told in an event or listed (uapi nfnetlink_conntrack.h)."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from lab.kernel.netlink.transport import attributes

SUBSYSTEM = 1  # NFNL_SUBSYS_CTNETLINK
NEW, DELETE = SUBSYSTEM << 8, SUBSYSTEM << 8 | 2  # an update comes as NEW; an id that is known tells it apart
GROUPS = (1, 2, 3)  # new, update, destroy
PROTOCOLS = {1: "icmp", 4: "ipip", 6: "tcp", 17: "udp", 132: "sctp"}
SEEN_REPLY, CONFIRMED, SOURCE_NAT, DESTINATION_NAT = 0x2, 0x8, 0x10, 0x20  # IPS_*

_ORIGINAL, _REPLY, _STATUS, _MARK, _ID = 1, 2, 3, 8, 12
_IP, _PROTOCOL = 1, 2
_V4_SOURCE, _V4_DESTINATION = 1, 2
_NUMBER, _SOURCE_PORT, _DESTINATION_PORT, _ICMP_ID = 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class Tuple:
    """One direction of a connection. Of an ICMP echo both ports are its identifier, as in a captured packet."""

    protocol: str
    source: str
    sport: int
    destination: str
    dport: int

    @property
    def text(self) -> str:
        if self.protocol == "icmp":
            return f"{self.source} → {self.destination}"
        return f"{self.source}:{self.sport} → {self.destination}:{self.dport}"

    @property
    def reversed(self) -> Tuple:
        return Tuple(self.protocol, self.destination, self.dport, self.source, self.sport)


@dataclass(frozen=True, slots=True)
class Event:
    """What became of a connection in a place: its tuple as its first packet came, and what the answers must be.

    `number` is the kernel's for the connection; `ended` that the kernel has forgotten it.
    """

    place: str
    original: Tuple
    reply: Tuple
    status: int = 0
    mark: int = 0
    number: int = 0
    ended: bool = False

    @property
    def onward(self) -> Tuple:
        """The request as it goes on from here: what the answers' tuple is the mirror of."""
        return self.reply.reversed

    @property
    def translates(self) -> bool:
        """Whether the addresses or ports that go on are others than those that came."""
        return self.onward != self.original


def read(place: str, kind: int, body: memoryview) -> Event | None:
    """The event in a message of this kind; None for another subsystem's, another family's, or a part of one."""
    if kind not in (NEW, DELETE):
        return None
    told = attributes(body)
    original, reply = (_tuple(told.get(direction)) for direction in (_ORIGINAL, _REPLY))
    if original is None or reply is None:
        return None
    status, mark, number = (int.from_bytes(told.get(name, b""), "big") for name in (_STATUS, _MARK, _ID))
    return Event(place, original, reply, status, mark, number, ended=kind == DELETE)


def _tuple(told: memoryview | None) -> Tuple | None:
    if told is None:
        return None
    parts = attributes(told)
    address, protocol = attributes(parts.get(_IP, b"")), attributes(parts.get(_PROTOCOL, b""))
    if _V4_SOURCE not in address or _V4_DESTINATION not in address or _NUMBER not in protocol:
        return None
    ports = (_ICMP_ID, _ICMP_ID) if _ICMP_ID in protocol else (_SOURCE_PORT, _DESTINATION_PORT)
    sport, dport = (int.from_bytes(protocol.get(name, b""), "big") for name in ports)
    return Tuple(
        PROTOCOLS.get(protocol[_NUMBER][0], str(protocol[_NUMBER][0])),
        socket.inet_ntoa(bytes(address[_V4_SOURCE])),
        sport,
        socket.inet_ntoa(bytes(address[_V4_DESTINATION])),
        dport,
    )
