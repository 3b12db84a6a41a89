"""Flags of interfaces that `ip link` shows in angle brackets, and that no design knows (uapi/linux/if.h)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from lab.kernel.netlink.rtnetlink.interface import RTM_GETLINK
from lab.kernel.netlink.transport import RouteSocket

IFF_UP, IFF_NOARP = 0x1, 0x80
_HEADER = struct.Struct("=BxHiII")


def read(netlink: RouteSocket, names: Mapping[int, str]) -> dict[str, int]:
    """The flags of every interface in the socket's namespace, by its name."""
    headers = (_HEADER.unpack_from(body) for body in netlink.dump(RTM_GETLINK, _HEADER.pack(0, 0, 0, 0, 0)))
    return {names.get(index, ""): flags for _, _, index, flags, _ in headers}


def without_arp(found: Mapping[str, int]) -> Iterator[str]:
    """The names of the interfaces that do not speak ARP (NOARP)."""
    return (name for name, flags in found.items() if flags & IFF_NOARP)


def down(found: Mapping[str, int]) -> Iterator[str]:
    """The names of those that nobody has set up, the loopback among them."""
    return (name for name, flags in found.items() if not flags & IFF_UP)
