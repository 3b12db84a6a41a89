"""Routes of all tables that an `ip rule` may name: the main one and the kernel's own left out."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Mapping

from lab.kernel.netlink.rtnetlink import route
from lab.kernel.netlink.transport import RouteSocket
from lab.network.ipv4 import Prefix, number
from lab.network.objects import Route

_RTMSG = struct.Struct("=BBBBBBBBI")
_USUAL = ("", "local")


def read(netlink: RouteSocket, place: str, names: Mapping[int, str]) -> Iterator[Route]:
    """Of the socket's namespace, those that the kernel made itself too."""
    for body in netlink.dump(route.RTM_GETROUTE, _RTMSG.pack(socket.AF_INET, 0, 0, 0, 0, 0, 0, 0, 0)):
        found = route.decode(body, place, names)
        if found.table not in _USUAL and not _RTMSG.unpack_from(body)[8] & route.RTM_F_CLONED:
            yield found


def matching(routes: tuple[Route, ...], table: str, address: str) -> Route | None:
    """The table's route for an address: the longest prefix, and of several for that the least metric."""
    wanted = number(address)
    found = [one for one in routes if one.table == table and wanted in prefix(one)]
    return max(found, key=lambda one: (prefix(one).length, -one.metric), default=None)


def prefix(item: Route) -> Prefix:
    """Of its destination."""
    return Prefix(0, 0) if item.destination == "default" else Prefix.of(item.destination)
