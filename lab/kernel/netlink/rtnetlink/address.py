"""IPv4 addresses of interfaces."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Mapping

from lab.kernel.netlink.transport import NLM_F_CREATE, NLM_F_EXCL, Request, RouteSocket, attribute, attributes
from lab.network.objects import Address

RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
IFA_ADDRESS, IFA_LOCAL = 1, 2
LOOPBACK = 127

_IFADDR = struct.Struct("=BBBBI")


def _body(address: Address, indexes: Mapping[str, int]) -> bytes:
    number, _, length = address.address.partition("/")
    packed = socket.inet_aton(number)
    header = _IFADDR.pack(socket.AF_INET, int(length), 0, 0, indexes[address.device])
    return header + attribute(IFA_LOCAL, packed) + attribute(IFA_ADDRESS, packed)


def add(address: Address, indexes: Mapping[str, int]) -> Request:
    return Request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, _body(address, indexes))


def remove(address: Address, indexes: Mapping[str, int]) -> Request:
    return Request(RTM_DELADDR, 0, _body(address, indexes))


def read(netlink: RouteSocket, place: str, names: Mapping[int, str]) -> Iterator[Address]:
    """Every address but the loopback's own: what somebody gave to `lo` besides, the place takes for itself."""
    for body in netlink.dump(RTM_GETADDR, _IFADDR.pack(socket.AF_INET, 0, 0, 0, 0)):
        _family, length, _flags, _scope, index = _IFADDR.unpack_from(body)
        device, told = names.get(index, ""), attributes(body, 8)
        if device != "lo" or told[IFA_LOCAL][0] != LOOPBACK:
            yield Address(place, device, f"{socket.inet_ntoa(bytes(told[IFA_LOCAL]))}/{length}")
