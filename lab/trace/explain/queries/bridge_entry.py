"""Where a bridge was told by hand that MACs are: RTM_GETNEIGH of its family, as `bridge fdb` (neighbour.h)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lab.kernel.netlink.rtnetlink.interface import AF_BRIDGE
from lab.kernel.netlink.transport import RouteSocket, attributes

RTM_GETNEIGH = 30
_HEADER = struct.Struct("=BxxxiHBB")
_LLADDR, _MASTER = 2, 9  # NDA_*
NUD_NOARP = 0x40  # the state of what was written by hand and is not the bridge's own; iproute2 calls it static


@dataclass(frozen=True, slots=True)
class BridgeEntry:
    """Frames to `mac` go out by the port `device` of the bridge `master`."""

    mac: str
    device: str
    master: str

    @property
    def text(self) -> str:
        """As `bridge fdb` prints it, and takes it to delete the entry."""
        return f"{self.mac} dev {self.device} master static"


def read(netlink: RouteSocket, names: Mapping[int, str]) -> Iterator[BridgeEntry]:
    """Of all bridges of the socket's namespace."""
    for body in netlink.dump(RTM_GETNEIGH, _HEADER.pack(AF_BRIDGE, 0, 0, 0, 0)):
        _family, index, state, _flags, _type = _HEADER.unpack_from(body)
        told = attributes(body, _HEADER.size)
        if _MASTER in told and _LLADDR in told and state & NUD_NOARP:
            master = int.from_bytes(told[_MASTER], "little")
            yield BridgeEntry(bytes(told[_LLADDR]).hex(":"), names.get(index, ""), names.get(master, ""))
