"""One neighbour, FDB entry or bridge port: RTM_GETNEIGH for a single key, as `ip neigh get` and `bridge fdb get`."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lab.kernel.netlink.rtnetlink.neighbour import AF_BRIDGE, NDA_DST, NDA_LLADDR, NTF_SELF, RTM_GETNEIGH
from lab.kernel.netlink.transport import RequestError, RouteSocket, attribute, attributes, u32
from lab.trace.explain.queries.inquiry import Inquiry

NDA_MASTER = 9
NTF_MASTER = 0x4
STATES = {  # uapi/linux/neighbour.h
    0x01: "INCOMPLETE",
    0x02: "REACHABLE",
    0x04: "STALE",
    0x08: "DELAY",
    0x10: "PROBE",
    0x20: "FAILED",
    0x40: "NOARP",
    0x80: "PERMANENT",
}
FAILING = ("INCOMPLETE", "FAILED")
_STATIC = {0x80: "permanent", 0x40: "static"}

_NDMSG = struct.Struct("=BxxxiHBB")


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Who has an address behind a device. `mac` is "" while nobody has answered."""

    address: str
    device: str
    mac: str
    state: str

    @property
    def text(self) -> str:
        """As `ip neigh` prints it."""
        return f"{self.address} dev {self.device}{f' lladdr {self.mac}' if self.mac else ''} {self.state}"


@dataclass(frozen=True, slots=True)
class Forwarding:
    """Where frames to a MAC go: to the remote tunnel endpoint of a VXLAN `device`, or to `device`, a bridge's port."""

    mac: str
    device: str
    remote: str = ""
    master: str = ""
    state: str = ""

    @property
    def text(self) -> str:
        """As `bridge fdb` prints it."""
        where = f" dst {self.remote} self" if self.remote else f" master {self.master}" if self.master else ""
        return f"{self.mac} dev {self.device}{where}{f' {self.state}' if self.state else ''}"


def neighbour(inquiry: Inquiry, device: str, address: str) -> Neighbour | None:
    """The entry for an address; None when the device has none."""
    header = _NDMSG.pack(socket.AF_INET, inquiry.index(device), 0, 0, 0)
    body = _ask(inquiry, header + attribute(NDA_DST, socket.inet_aton(address)))
    if body is None:
        return None
    _family, _index, state, _flags, _type = _NDMSG.unpack_from(body)
    told = attributes(body, _NDMSG.size)
    mac = bytes(told[NDA_LLADDR]).hex(":") if NDA_LLADDR in told else ""
    return Neighbour(address, device, mac, _state(state))


def read_all(netlink: RouteSocket, names: Mapping[int, str]) -> Iterator[Neighbour]:
    """Every IPv4 neighbour of the place, what ARP learned or failed to learn included."""
    for body in netlink.dump(RTM_GETNEIGH, _NDMSG.pack(socket.AF_INET, 0, 0, 0, 0)):
        _family, index, state, _flags, _type = _NDMSG.unpack_from(body)
        told = attributes(body, _NDMSG.size)
        mac = bytes(told[NDA_LLADDR]).hex(":") if NDA_LLADDR in told else ""
        yield Neighbour(socket.inet_ntoa(bytes(told[NDA_DST])), names.get(index, ""), mac, _state(state))


def remote(inquiry: Inquiry, device: str, mac: str) -> Forwarding | None:
    """The tunnel endpoint that a VXLAN device sends frames to this MAC to; None when it has no entry for it."""
    header = _NDMSG.pack(AF_BRIDGE, inquiry.index(device), 0, NTF_SELF, 0)
    body = _ask(inquiry, header + attribute(NDA_LLADDR, _packed(mac)))
    if body is None:
        return None
    told = attributes(body, _NDMSG.size)
    address = socket.inet_ntoa(bytes(told[NDA_DST])) if NDA_DST in told and len(told[NDA_DST]) == 4 else ""
    return Forwarding(mac, device, address, state=_permanence(body))


def port(inquiry: Inquiry, bridge: str, mac: str) -> Forwarding | None:
    """The port behind which a bridge knows a MAC; None when it does not, and would send to all of them."""
    header = _NDMSG.pack(AF_BRIDGE, 0, 0, NTF_MASTER, 0)
    body = _ask(inquiry, header + attribute(NDA_LLADDR, _packed(mac)) + u32(NDA_MASTER, inquiry.index(bridge)))
    if body is None:
        return None
    index = _NDMSG.unpack_from(body)[1]
    return Forwarding(mac, inquiry.name(index), master=bridge, state=_permanence(body))


def _ask(inquiry: Inquiry, body: bytes) -> memoryview | None:
    try:
        return inquiry.netlink.ask(RTM_GETNEIGH, body)
    except RequestError:  # there is no such entry, or no such device any more
        return None


def _state(bits: int) -> str:
    return next((name for bit, name in STATES.items() if bits & bit), "NONE")


def _permanence(body: memoryview) -> str:
    state = _NDMSG.unpack_from(body)[2]
    return next((name for bit, name in _STATIC.items() if state & bit), "")


def _packed(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))
