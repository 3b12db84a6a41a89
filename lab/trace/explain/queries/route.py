"""Which entry of the routing tables a packet matches: RTM_GETROUTE with RTM_F_FIB_MATCH, as `ip route get fibmatch`.

It gives the entry itself, not what the kernel makes of it, and does not name the `ip rule`. Asked with an incoming
interface, the kernel also checks the source, as it does for a packet that it forwards (uapi/linux/rtnetlink.h).
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from dataclasses import dataclass

from lab.kernel.netlink.rtnetlink import route
from lab.kernel.netlink.transport import RequestError, attribute, attributes, u32
from lab.network.objects import Route
from lab.trace.explain.queries.inquiry import Inquiry

RTM_F_LOOKUP_TABLE, RTM_F_FIB_MATCH = 0x1000, 0x2000
RTA_SRC, RTA_IIF, RTA_OIF, RTA_MARK = 2, 3, 4, 16
RTA_IP_PROTO, RTA_SPORT, RTA_DPORT = 27, 28, 29
NUMBERS = {"icmp": 1, "ipip": 4, "tcp": 6, "udp": 17}
# What the kernel answers in place of a route.
REFUSALS = {
    errno.ENETUNREACH: "unreachable: no route",
    errno.EHOSTUNREACH: "unreachable: no route, or forwarding is off",
    errno.EINVAL: "blackhole",
    errno.EACCES: "prohibit",
    errno.EXDEV: "the source is refused: rp_filter",
}

_FLAGS = RTM_F_FIB_MATCH | RTM_F_LOOKUP_TABLE  # the table in which it was found too; the main one is said otherwise
_RTMSG = struct.Struct("=BBBBBBBBI")


@dataclass(frozen=True, slots=True)
class Lookup:
    """What of a packet its way depends on. `incoming` is "" for what the place sends itself; `outgoing` binds it to a
    device, as a VXLAN's packets are to its underlay's.
    """

    destination: str
    source: str = ""
    incoming: str = ""
    outgoing: str = ""
    protocol: str = ""
    sport: int = 0
    dport: int = 0
    mark: int = 0

    @property
    def is_question(self) -> bool:
        """Whether it is routed only to answer a question by ARP: what else comes in has a protocol."""
        return bool(self.incoming) and not self.protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """The entry that matches; or the kernel's refusal in words, with its number."""

    route: Route | None
    refusal: str = ""
    error: int = 0

    @property
    def text(self) -> str:
        """As `ip route` prints it."""
        return as_printed(self.route) if self.route else self.refusal

    @property
    def table(self) -> str:
        """The one that it was found in, "" for main."""
        return self.route.table if self.route else ""


def ask(inquiry: Inquiry, lookup: Lookup) -> Answer:
    """The entry that a packet matches now."""
    try:
        body = inquiry.netlink.ask(route.RTM_GETROUTE, _request(inquiry, lookup))
    except RequestError as error:
        number = error.errno or 0
        return Answer(None, refusal=REFUSALS.get(number, os.strerror(number).lower()), error=number)
    told = attributes(body, _RTMSG.size)
    indexes = [_number(told[RTA_OIF])] if RTA_OIF in told else []
    indexes += route.several(told)
    return Answer(route.decode(body, inquiry.place, {index: inquiry.name(index) for index in indexes}))


def _request(inquiry: Inquiry, lookup: Lookup) -> bytes:
    source = lookup.source
    header = _RTMSG.pack(socket.AF_INET, 32, 32 if source else 0, 0, 0, 0, 0, 0, _FLAGS)
    parts = [header, attribute(route.RTA_DST, socket.inet_aton(lookup.destination))]
    if source:
        parts.append(attribute(RTA_SRC, socket.inet_aton(source)))
    for kind, device in ((RTA_IIF, lookup.incoming), (RTA_OIF, lookup.outgoing)):
        if device and (index := inquiry.index(device)):
            parts.append(u32(kind, index))
    if lookup.mark:
        parts.append(u32(RTA_MARK, lookup.mark))
    if lookup.protocol in ("tcp", "udp"):
        parts.append(attribute(RTA_IP_PROTO, bytes([NUMBERS[lookup.protocol]])))
        for kind, port in ((RTA_SPORT, lookup.sport), (RTA_DPORT, lookup.dport)):
            if port:
                parts.append(attribute(kind, port.to_bytes(2, "big")))
    return b"".join(parts)


def as_printed(item: Route) -> str:
    """A route as `ip route` prints it: what is usual is left out."""
    words = [] if item.type == "unicast" else [item.type]
    words.append(item.destination.removesuffix("/32"))
    words += ["via", item.via] if item.via else []
    words += ["dev", item.device] if item.device else []
    words += ["table", item.table] if item.table else []
    words += ["proto", item.proto] if item.proto != "boot" else []
    words += ["scope", item.scope] if item.scope != "global" else []
    words += ["src", item.src] if item.src else []
    words += ["metric", str(item.metric)] if item.metric else []
    words += ["mtu", str(item.mtu)] if item.mtu else []
    words += ["onlink"] if item.onlink else []
    words += [hop.words for hop in item.hops]
    return " ".join(words)


def _number(value: memoryview) -> int:
    return int.from_bytes(value, "little")
