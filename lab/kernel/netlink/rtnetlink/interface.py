"""Interfaces: veth, bridge, tunnels and dummy links, their state, bridge port and per-device settings."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lab.kernel.netlink.rtnetlink.device_settings import af_spec, further, read_af_spec
from lab.kernel.netlink.rtnetlink.tcmsg import USUAL
from lab.kernel.netlink.transport import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    Request,
    RouteSocket,
    attribute,
    attributes,
    nested,
    text,
    u32,
)
from lab.network.objects import Interface, Ipip, Sysctl, Vxlan

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK = 16, 17, 18, 19
IFF_UP = 0x1
AF_BRIDGE = 7

IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINK, IFLA_QDISC = 1, 3, 4, 5, 6
IFLA_MASTER, IFLA_PROTINFO, IFLA_LINKINFO, IFLA_AF_SPEC, IFLA_NET_NS_FD = 10, 12, 18, 26, 28
IFLA_INFO_KIND, IFLA_INFO_DATA, IFLA_INFO_SLAVE_DATA = 1, 2, 5
IFLA_BRPORT_MODE = 4
VETH_INFO_PEER = 1
IFLA_VXLAN_ID, IFLA_VXLAN_LINK, IFLA_VXLAN_LOCAL, IFLA_VXLAN_LEARNING, IFLA_VXLAN_PORT, IFLA_VXLAN_DF = (
    1,
    3,
    4,
    7,
    15,
    29,
)
IFLA_IPTUN_LOCAL, IFLA_IPTUN_REMOTE = 2, 3
VXLAN_DF = ("unset", "set", "inherit")
KINDS = ("veth", "bridge", "vxlan", "ipip", "wireguard", "dummy")

_IFINFO = struct.Struct("=BxHiII")


def _mac(value: str) -> bytes:
    return bytes.fromhex(value.replace(":", ""))


def _named(interface: Interface) -> bytes:
    mac = attribute(IFLA_ADDRESS, _mac(interface.mac)) if interface.mac else b""
    # A bridge that is born with an MTU gives it up with its last port; one that is told later keeps it.
    mtu = u32(IFLA_MTU, interface.mtu) if interface.kind != "bridge" else b""
    return text(IFLA_IFNAME, interface.name) + mtu + mac


def add(
    interface: Interface, index: int, indexes: Mapping[str, int], peer: tuple[Interface, int, int] | None
) -> Request:
    """Make the link with that index; `peer` is the other end of a veth, its index, and its namespace as a file
    descriptor.

    The peer is born in its namespace: moving it there later costs 16 ms. Both ends are still down: brought up
    together in this
    request the kernel answers ENOTCONN.
    """
    data = b""
    if interface.kind == "veth":
        assert peer is not None, f"veth {interface.name} without a peer"
        other, other_index, netns = peer
        data = nested(VETH_INFO_PEER, _IFINFO.pack(0, 0, other_index, 0, 0), _named(other), u32(IFLA_NET_NS_FD, netns))
    elif interface.vxlan:
        data = _vxlan(interface.vxlan, indexes)
    elif interface.ipip:
        data = attribute(IFLA_IPTUN_LOCAL, socket.inet_aton(interface.ipip.local))
        data += attribute(IFLA_IPTUN_REMOTE, socket.inet_aton(interface.ipip.remote))
    info = nested(IFLA_LINKINFO, text(IFLA_INFO_KIND, interface.kind), nested(IFLA_INFO_DATA, data) if data else b"")
    return Request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, _IFINFO.pack(0, 0, index, 0, 0) + _named(interface) + info)


def _vxlan(vxlan: Vxlan, indexes: Mapping[str, int]) -> bytes:
    return b"".join(
        (
            u32(IFLA_VXLAN_ID, vxlan.vni),
            u32(IFLA_VXLAN_LINK, indexes[vxlan.device]),
            attribute(IFLA_VXLAN_LOCAL, socket.inet_aton(vxlan.local)),
            attribute(IFLA_VXLAN_LEARNING, bytes([vxlan.learning])),
            attribute(IFLA_VXLAN_PORT, vxlan.port.to_bytes(2, "big")),
            attribute(IFLA_VXLAN_DF, bytes([VXLAN_DF.index(vxlan.df)])),
        )
    )


def bring_up(interface: Interface, indexes: Mapping[str, int], settings: Iterable[tuple[str, str]]) -> list[Request]:
    """Per-device settings first, for coming up depends on them; then master and state; a bridge port's hairpin is one
    more.
    """
    index = indexes[interface.name]
    spec = af_spec(settings)
    requests = [_set(index, spec)] if spec else []
    more = u32(IFLA_MASTER, indexes[interface.master]) if interface.master else b""
    if interface.kind == "bridge":
        more += u32(IFLA_MTU, interface.mtu)
    requests.append(Request(RTM_NEWLINK, 0, _IFINFO.pack(0, 0, index, IFF_UP, IFF_UP) + more))
    if interface.hairpin:
        requests.append(_port_mode(interface, index))
    return requests


def change(interface: Interface, indexes: Mapping[str, int], before: Interface | None) -> list[Request]:
    """Bring an existing link to this MTU, MAC, master, hairpin and state; `before` is how it is, if that is known."""
    index = indexes[interface.name]
    flags = IFF_UP if interface.up else 0
    body = _IFINFO.pack(0, 0, index, flags, IFF_UP) + u32(IFLA_MTU, interface.mtu)
    # Only when it differs: being told its own address again, the kernel still forgets all neighbours of the link.
    if interface.mac and (before is None or before.mac != interface.mac):
        body += attribute(IFLA_ADDRESS, _mac(interface.mac))
    body += u32(IFLA_MASTER, indexes[interface.master] if interface.master else 0)
    requests = [Request(RTM_NEWLINK, 0, body)]
    if interface.master:
        requests.append(_port_mode(interface, index))
    return requests


def set_device(index: int, settings: Iterable[tuple[str, str]]) -> Request:
    """Write per-device settings of an existing link."""
    return _set(index, af_spec(settings))


def _set(index: int, attributes_: bytes) -> Request:
    return Request(RTM_NEWLINK, 0, _IFINFO.pack(0, 0, index, 0, 0) + attributes_)


def loopback_up() -> Request:
    return Request(RTM_NEWLINK, 0, _IFINFO.pack(0, 0, 1, IFF_UP, IFF_UP))


def remove(index: int) -> Request:
    """Delete the link; of a veth the kernel takes both ends."""
    return Request(RTM_DELLINK, 0, _IFINFO.pack(0, 0, index, 0, 0))


def _port_mode(interface: Interface, index: int) -> Request:
    protinfo = nested(IFLA_PROTINFO, attribute(IFLA_BRPORT_MODE, bytes([interface.hairpin])))
    return Request(RTM_SETLINK, 0, _IFINFO.pack(AF_BRIDGE, 0, index, 0, 0) + protinfo)


@dataclass(frozen=True, slots=True)
class Links:
    """What a dump of a place's links tells: our kinds of interfaces, every link's index by name, the per-device
    settings, and whether some interface has another queueing discipline than usual.
    """

    interfaces: tuple[Interface, ...]
    indexes: dict[str, int]
    settings: tuple[Sysctl, ...]
    queueing: bool = False


def read(netlink: RouteSocket, place: str, asked: Iterable[str] = ()) -> Links:
    """All links of the namespace in which `netlink` was made; of their settings the usual ones, and those asked for."""
    more = further(asked)
    found: list[tuple[str, int, dict[int, memoryview]]] = []
    names: dict[int, str] = {}
    for body in netlink.dump(RTM_GETLINK, _IFINFO.pack(0, 0, 0, 0, 0)):
        _family, _type, index, flags, _change = _IFINFO.unpack_from(body)
        told = attributes(body, 16)
        name = bytes(told[IFLA_IFNAME]).rstrip(b"\0").decode()
        names[index] = name
        found.append((name, flags, told))
    interfaces: list[Interface] = []
    settings: list[Sysctl] = []
    queueing = False
    for name, flags, told in found:
        settings.extend(
            Sysctl(place, key, value) for key, value in read_af_spec(name, told.get(IFLA_AF_SPEC), more.get(name, ()))
        )
        info = attributes(told[IFLA_LINKINFO]) if IFLA_LINKINFO in told else {}
        kind = bytes(info.get(IFLA_INFO_KIND, b"")).rstrip(b"\0").decode()
        if kind in KINDS and not (kind == "ipip" and not flags & IFF_UP):
            interfaces.append(_interface(place, name, kind, flags, told, info, names))
            queueing |= bytes(told.get(IFLA_QDISC, b"noqueue")).rstrip(b"\0").decode() not in USUAL
    return Links(tuple(interfaces), {name: index for index, name in names.items()}, tuple(settings), queueing)


def _interface(
    place: str,
    name: str,
    kind: str,
    flags: int,
    told: dict[int, memoryview],
    info: dict[int, memoryview],
    names: Mapping[int, str],
) -> Interface:
    data = attributes(info[IFLA_INFO_DATA]) if IFLA_INFO_DATA in info else {}
    port = attributes(info[IFLA_INFO_SLAVE_DATA]) if IFLA_INFO_SLAVE_DATA in info else {}
    master = int.from_bytes(told.get(IFLA_MASTER, b""), "little")
    return Interface(
        place=place,
        name=name,
        kind=kind,
        mac=bytes(told[IFLA_ADDRESS]).hex(":") if kind not in ("ipip", "dummy") and IFLA_ADDRESS in told else "",
        mtu=int.from_bytes(told[IFLA_MTU], "little"),
        master=names.get(master, ""),
        hairpin=bool(port.get(IFLA_BRPORT_MODE, b"\0")[0]),
        vxlan=_read_vxlan(data, names) if kind == "vxlan" else None,
        ipip=_read_ipip(data) if kind == "ipip" else None,
        up=bool(flags & IFF_UP),
    )


def _read_vxlan(data: dict[int, memoryview], names: Mapping[int, str]) -> Vxlan:
    return Vxlan(
        vni=int.from_bytes(data[IFLA_VXLAN_ID], "little"),
        port=int.from_bytes(data[IFLA_VXLAN_PORT], "big"),
        local=socket.inet_ntoa(bytes(data.get(IFLA_VXLAN_LOCAL, b"\0\0\0\0"))),
        device=names.get(int.from_bytes(data.get(IFLA_VXLAN_LINK, b""), "little"), ""),
        learning=bool(data[IFLA_VXLAN_LEARNING][0]),
        df=VXLAN_DF[data[IFLA_VXLAN_DF][0]] if IFLA_VXLAN_DF in data else "unset",
    )


def _read_ipip(data: dict[int, memoryview]) -> Ipip:
    any_address = b"\0\0\0\0"
    return Ipip(
        local=socket.inet_ntoa(bytes(data.get(IFLA_IPTUN_LOCAL, any_address))),
        remote=socket.inet_ntoa(bytes(data.get(IFLA_IPTUN_REMOTE, any_address))),
    )
