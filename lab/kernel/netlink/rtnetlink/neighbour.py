"""Permanent neighbour entries, and the forwarding entries of VXLAN devices: the same message with another family."""

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
)
from lab.network.objects import FdbEntry, Neighbour

RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH = 28, 29, 30
NDA_DST, NDA_LLADDR = 1, 2
NUD_PERMANENT = 0x80
NTF_SELF = 0x2
AF_BRIDGE = 7

_NDMSG = struct.Struct("=BxxxiHBB")


def _body(entry: Neighbour | FdbEntry, indexes: Mapping[str, int]) -> bytes:
    mac = attribute(NDA_LLADDR, bytes.fromhex(entry.mac.replace(":", "")))
    index = indexes[entry.device]
    if isinstance(entry, FdbEntry):
        remote = attribute(NDA_DST, socket.inet_aton(entry.remote))
        return _NDMSG.pack(AF_BRIDGE, index, NUD_PERMANENT, NTF_SELF, 0) + mac + remote
    address = attribute(NDA_DST, socket.inet_aton(entry.address))
    return _NDMSG.pack(socket.AF_INET, index, NUD_PERMANENT, 0, 0) + address + mac


def add(entry: Neighbour | FdbEntry, indexes: Mapping[str, int]) -> Request:
    # A dynamic neighbour entry may be there already, so it is replaced; a second FDB entry for a MAC would be one more
    # destination of the device, and is refused.
    flags = NLM_F_EXCL if isinstance(entry, FdbEntry) else NLM_F_REPLACE
    return Request(RTM_NEWNEIGH, NLM_F_CREATE | flags, _body(entry, indexes))


def change(entry: Neighbour | FdbEntry, indexes: Mapping[str, int]) -> Request:
    return Request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, _body(entry, indexes))


def remove(entry: Neighbour | FdbEntry, indexes: Mapping[str, int]) -> Request:
    return Request(RTM_DELNEIGH, 0, _body(entry, indexes))


def read(netlink: RouteSocket, place: str, names: Mapping[int, str]) -> Iterator[Neighbour]:
    """The permanent IPv4 neighbours; what ARP learned is none of ours."""
    for body in netlink.dump(RTM_GETNEIGH, _NDMSG.pack(socket.AF_INET, 0, 0, 0, 0)):
        _family, index, state, _flags, _type = _NDMSG.unpack_from(body)
        told = attributes(body, 12)
        if state & NUD_PERMANENT and NDA_LLADDR in told:
            address = socket.inet_ntoa(bytes(told[NDA_DST]))
            yield Neighbour(place, names.get(index, ""), address, bytes(told[NDA_LLADDR]).hex(":"))


def read_fdb(netlink: RouteSocket, place: str, names: Mapping[int, str]) -> Iterator[FdbEntry]:
    """The forwarding entries that have a remote tunnel endpoint."""
    for body in netlink.dump(RTM_GETNEIGH, _NDMSG.pack(AF_BRIDGE, 0, 0, 0, 0)):
        _family, index, _state, _flags, _type = _NDMSG.unpack_from(body)
        told = attributes(body, 12)
        if NDA_DST in told and NDA_LLADDR in told and len(told[NDA_DST]) == 4:
            remote = socket.inet_ntoa(bytes(told[NDA_DST]))
            yield FdbEntry(place, names.get(index, ""), bytes(told[NDA_LLADDR]).hex(":"), remote)
