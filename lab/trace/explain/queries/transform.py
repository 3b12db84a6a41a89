"""A place's XFRM policies (IPsec): XFRM_MSG_GETPOLICY, as `ip xfrm policy` (uapi/linux/xfrm.h)."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from lab.kernel.netlink.transport import XfrmSocket, attributes
from lab.network.ipv4 import Prefix, number
from lab.trace.witness.packet import PROTOCOLS, Packet

GETPOLICY = 0x15
DIRECTIONS = ("in", "out", "fwd")
ALLOW = 0
_TEMPLATES = 5  # XFRMA_TMPL
_SELECTOR = struct.Struct("!16s16sHHHHHBBBxxx8x")  # selector; the last two are in the machine's order, and not needed
_TAIL = struct.Struct("=IIBBBB")  # priority, index, direction, action, flags, share
_LIFETIMES = 64 + 32
_SIZE = _SELECTOR.size + _LIFETIMES + _TAIL.size


@dataclass(frozen=True, slots=True)
class TransformPolicy:
    """Packets that a policy is about, and what it wants: that they are blocked, or `templates` transformations."""

    source: str
    destination: str
    direction: str
    blocks: bool = False
    templates: int = 0
    protocol: str = ""
    sport: int = 0
    dport: int = 0

    @property
    def selector(self) -> str:
        """As `ip xfrm policy` prints it, and takes it to delete the policy."""
        words = ["src", self.source, "dst", self.destination]
        words += ["proto", self.protocol] if self.protocol else []
        words += ["sport", str(self.sport)] if self.sport else []
        words += ["dport", str(self.dport)] if self.dport else []
        return " ".join((*words, "dir", self.direction))

    @property
    def text(self) -> str:
        return f"{self.selector} action block" if self.blocks else self.selector

    def matches(self, packet: Packet) -> bool:
        """Whether it is about such a packet: of a wrapped one, `packet` has to be the wrapping."""
        return (
            number(packet.src) in Prefix.of(self.source)
            and number(packet.dst) in Prefix.of(self.destination)
            and self.protocol in ("", packet.protocol)
            and self.sport in (0, packet.sport)
            and self.dport in (0, packet.dport)
        )


def read(netlink: XfrmSocket) -> Iterator[TransformPolicy]:
    """The policies for IPv4 of the socket's namespace that do not let everything pass as it is."""
    for body in netlink.dump(GETPOLICY, b""):
        if len(body) < _SIZE:
            continue
        to, source, dport, _, sport, _, family, to_length, from_length, protocol = _SELECTOR.unpack_from(body)
        _priority, _index, direction, action, _flags, _share = _TAIL.unpack_from(body, _SELECTOR.size + _LIFETIMES)
        templates = attributes(body, (_SIZE + 7) & ~7).get(_TEMPLATES)
        if socket.htons(family) != socket.AF_INET or direction >= len(DIRECTIONS):
            continue
        policy = TransformPolicy(
            f"{socket.inet_ntoa(source[:4])}/{from_length}",
            f"{socket.inet_ntoa(to[:4])}/{to_length}",
            DIRECTIONS[direction],
            action != ALLOW,
            len(templates) // 64 if templates is not None else 0,
            PROTOCOLS.get(protocol, str(protocol)) if protocol else "",
            sport,
            dport,
        )
        if policy.blocks or policy.templates:
            yield policy
