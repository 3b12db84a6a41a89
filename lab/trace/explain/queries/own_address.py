"""Every IPv4 address that a place holds, the loopback's included: what it takes for its own."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Mapping

from lab.kernel.netlink.rtnetlink.address import IFA_LOCAL, RTM_GETADDR
from lab.kernel.netlink.transport import RouteSocket, attributes
from lab.network.objects import Address

_HEADER = struct.Struct("=BBBBI")


def read(netlink: RouteSocket, place: str, names: Mapping[int, str]) -> Iterator[Address]:
    """Of the socket's namespace."""
    for body in netlink.dump(RTM_GETADDR, _HEADER.pack(socket.AF_INET, 0, 0, 0, 0)):
        _family, length, _flags, _scope, index = _HEADER.unpack_from(body)
        told = attributes(body, _HEADER.size)
        yield Address(place, names.get(index, ""), f"{socket.inet_ntoa(bytes(told[IFA_LOCAL]))}/{length}")
