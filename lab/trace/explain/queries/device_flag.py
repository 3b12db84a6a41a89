"""Flags of interfaces that `ip link` shows in angle brackets, and that no design knows (uapi/linux/if.h)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from lab.kernel.netlink.rtnetlink.interface import RTM_GETLINK
from lab.kernel.netlink.transport import RouteSocket

IFF_UP, IFF_NOARP = 0x1, 0x80
_HEADER = struct.Struct("=BxHiII")


def without_arp(netlink: RouteSocket, names: Mapping[int, str]) -> Iterator[str]:
    """The names of the interfaces that do not speak ARP (NOARP), in the socket's namespace."""
    return (name for name, flags in _flags(netlink, names) if flags & IFF_NOARP)


def down(netlink: RouteSocket, names: Mapping[int, str]) -> Iterator[str]:
    """The names of those that nobody has set up, the loopback among them."""
    return (name for name, flags in _flags(netlink, names) if not flags & IFF_UP)


def _flags(netlink: RouteSocket, names: Mapping[int, str]) -> Iterator[tuple[str, int]]:
    for body in netlink.dump(RTM_GETLINK, _HEADER.pack(0, 0, 0, 0, 0)):
        _family, _type, index, flags, _change = _HEADER.unpack_from(body)
        yield names.get(index, ""), flags
