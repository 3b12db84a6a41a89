"""Routes of all tables that an `ip rule` may name: the main one and the kernel's own left out."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lab.kernel.netlink import RouteSocket, attributes
from lab.kernel.rtnetlink import route
from lab.network.ipv4 import Prefix, number
from lab.network.objects import Route
from lab.trace.queries.route import RTA_TABLE, TABLES, as_printed

_RTMSG = struct.Struct("=BBBBBBBBI")
_USUAL = (route.RT_TABLE_MAIN, 255)


@dataclass(frozen=True, slots=True)
class TableRoute:
    """A route and the number of its table."""

    table: str
    route: Route

    @property
    def text(self) -> str:
        return as_printed(self.route, self.table)

    @property
    def prefix(self) -> Prefix:
        return Prefix(0, 0) if self.route.destination == "default" else Prefix.of(self.route.destination)


def read(netlink: RouteSocket, place: str, names: Mapping[int, str]) -> Iterator[TableRoute]:
    """Of the socket's namespace."""
    for body in netlink.dump(route.RTM_GETROUTE, _RTMSG.pack(socket.AF_INET, 0, 0, 0, 0, 0, 0, 0, 0)):
        flags = _RTMSG.unpack_from(body)[8]
        table = int.from_bytes(attributes(body, _RTMSG.size)[RTA_TABLE], "little")
        if table not in _USUAL and not flags & route.RTM_F_CLONED:
            yield TableRoute(TABLES.get(table) or str(table), route.decode(body, place, names))


def matching(routes: tuple[TableRoute, ...], table: str, address: str) -> TableRoute | None:
    """The table's route for an address: the longest prefix."""
    wanted = number(address)
    found = [one for one in routes if one.table == table and wanted in one.prefix]
    return max(found, key=lambda one: one.prefix.length, default=None)
