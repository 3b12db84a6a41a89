"""Routes of the main table and of those that an `ip rule` may name; the kernel's own are left out."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Mapping

from lab.kernel.netlink.transport import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    Request,
    RouteSocket,
    attribute,
    attributes,
    nested,
    u32,
)
from lab.network.objects import NextHop, Route

RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC, RTA_METRICS = 1, 4, 5, 6, 7, 8
RTA_MULTIPATH, RTA_TABLE = 9, 15
RTAX_MTU = 2
RT_TABLE_MAIN, RT_TABLE_LOCAL = 254, 255
RTNH_F_ONLINK = 4
RTM_F_CLONED = 0x200  # what the kernel noted of one destination, such as a smaller MTU on the way
RTPROT_KERNEL = 2
_MAIN = (0, RT_TABLE_MAIN)

SCOPES = {"global": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}
TYPES = {"unicast": 1, "local": 2, "blackhole": 6, "unreachable": 7, "prohibit": 8, "throw": 9}
PROTOCOLS = {"redirect": 1, "kernel": 2, "boot": 3, "static": 4}
SCOPE_NAMES = {number: name for name, number in SCOPES.items()}
TYPE_NAMES = {number: name for name, number in TYPES.items()}
PROTOCOL_NAMES = {number: name for name, number in PROTOCOLS.items()}
TABLE_NAMES = {253: "default", 254: "main", 255: "local"}
_TABLES = {name: number for number, name in TABLE_NAMES.items()}

_RTMSG = struct.Struct("=BBBBBBBBI")
_NEXTHOP = struct.Struct("=HBBi")  # struct rtnexthop: length, flags, weight less one, interface


def table_number(name: str) -> int:
    """Of a table by its usual name or its number; the main one's for ""."""
    return _TABLES.get(name or "main") or int(name)


def _body(route: Route, indexes: Mapping[str, int]) -> bytes:
    prefix, length = ("0.0.0.0", 0) if route.destination == "default" else _split(route.destination)  # noqa: S104
    protocol = PROTOCOLS.get(route.proto) or int(route.proto)
    flags = RTNH_F_ONLINK if route.onlink else 0
    number = table_number(route.table)
    table = number if number < 256 else 0
    body = _RTMSG.pack(socket.AF_INET, length, 0, 0, table, protocol, SCOPES[route.scope], TYPES[route.type], flags)
    if table != number:
        body += u32(RTA_TABLE, number)
    if length:
        body += attribute(RTA_DST, socket.inet_aton(prefix))
    if route.device:
        body += u32(RTA_OIF, indexes[route.device])
    if route.via:
        body += attribute(RTA_GATEWAY, socket.inet_aton(route.via))
    if route.src:
        body += attribute(RTA_PREFSRC, socket.inet_aton(route.src))
    if route.metric:
        body += u32(RTA_PRIORITY, route.metric)
    if route.mtu:
        body += nested(RTA_METRICS, u32(RTAX_MTU, route.mtu))
    if route.hops:
        body += attribute(RTA_MULTIPATH, b"".join(_hop(one, indexes) for one in route.hops))
    return body


def _hop(hop: NextHop, indexes: Mapping[str, int]) -> bytes:
    via = attribute(RTA_GATEWAY, socket.inet_aton(hop.via)) if hop.via else b""
    flags = RTNH_F_ONLINK if hop.onlink else 0
    return _NEXTHOP.pack(_NEXTHOP.size + len(via), flags, hop.weight - 1, indexes[hop.device]) + via


def _split(destination: str) -> tuple[str, int]:
    prefix, _, length = destination.partition("/")
    return prefix, int(length)


def add(route: Route, indexes: Mapping[str, int]) -> Request:
    return Request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, _body(route, indexes))


def change(route: Route, indexes: Mapping[str, int]) -> Request:
    return Request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, _body(route, indexes))


def remove(route: Route, indexes: Mapping[str, int]) -> Request:
    return Request(RTM_DELROUTE, 0, _body(route, indexes))


def read(netlink: RouteSocket, place: str, names: Mapping[int, str]) -> Iterator[Route]:
    """All but what the kernel made itself for an address."""
    for body in netlink.dump(RTM_GETROUTE, _RTMSG.pack(socket.AF_INET, 0, 0, 0, 0, 0, 0, 0, 0)):
        _family, _length, _src, _tos, table, protocol, _scope, _kind, flags = _RTMSG.unpack_from(body)
        if table == RT_TABLE_LOCAL or protocol == RTPROT_KERNEL or flags & RTM_F_CLONED:
            continue
        yield decode(body, place, names)


def decode(body: memoryview, place: str, names: Mapping[int, str]) -> Route:
    """The route in an answer of the kernel, of whatever table."""
    _family, length, _src, _tos, table, protocol, scope, kind, flags = _RTMSG.unpack_from(body)
    told = attributes(body, 12)
    table = int.from_bytes(told[RTA_TABLE], "little") if RTA_TABLE in told else table
    return Route(
        place=place,
        destination=f"{_address(told, RTA_DST)}/{length}" if length else "default",
        via=_address(told, RTA_GATEWAY),
        device=names.get(int.from_bytes(told[RTA_OIF], "little"), "") if RTA_OIF in told else "",
        type=TYPE_NAMES.get(kind, str(kind)),
        scope=SCOPE_NAMES.get(scope, str(scope)),
        proto=PROTOCOL_NAMES.get(protocol, str(protocol)),
        onlink=bool(flags & RTNH_F_ONLINK),
        src=_address(told, RTA_PREFSRC),
        mtu=_mtu(told),
        table="" if table in _MAIN else TABLE_NAMES.get(table, str(table)),
        metric=int.from_bytes(told[RTA_PRIORITY], "little") if RTA_PRIORITY in told else 0,
        hops=tuple(_hops(told[RTA_MULTIPATH], names)) if RTA_MULTIPATH in told else (),
    )


def several(told: Mapping[int, memoryview]) -> list[int]:
    """The interfaces' numbers of all next hops, of a route that has more than one."""
    packed = told.get(RTA_MULTIPATH, memoryview(b""))
    found, at = [], 0
    while at + _NEXTHOP.size <= len(packed):
        length, _flags, _weight, index = _NEXTHOP.unpack_from(packed, at)
        found.append(index)
        at += (length + 3) & ~3
    return found


def _hops(told: memoryview, names: Mapping[int, str]) -> Iterator[NextHop]:
    at = 0
    while at + _NEXTHOP.size <= len(told):
        length, flags, weight, index = _NEXTHOP.unpack_from(told, at)
        via = _address(attributes(told[at : at + length], _NEXTHOP.size), RTA_GATEWAY)
        yield NextHop(via, names.get(index, ""), weight + 1, bool(flags & RTNH_F_ONLINK))
        at += (length + 3) & ~3


def _mtu(told: Mapping[int, memoryview]) -> int:
    metrics = attributes(told[RTA_METRICS]) if RTA_METRICS in told else {}
    return int.from_bytes(metrics.get(RTAX_MTU, b""), "little")


def _address(told: Mapping[int, memoryview], kind: int) -> str:
    return socket.inet_ntoa(bytes(told[kind])) if kind in told else ""
