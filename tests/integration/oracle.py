"""Inside of the netlink test: `python -m tests.integration.oracle` in a network namespace of its own.

Each case is written with our requests in a fresh namespace, then read by our readers and by pyroute2, which knows
nothing of ours. Printed as JSON: for each case what was wanted, what we read, what pyroute2 read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pyroute2 import IPRoute

from lab.kernel.netlink.rtnetlink import address, device_settings, interface, neighbour, route
from lab.kernel.netlink.rtnetlink.route import PROTOCOL_NAMES, SCOPE_NAMES, TYPE_NAMES
from lab.kernel.netlink.transport import Request, RouteSocket
from lab.kernel.syscalls import CLONE_NEWNET, unshare
from lab.network.objects import Address, FdbEntry, Interface, Neighbour, Object, Route, Sysctl, Vxlan

HERE = "here"


def link(name: str, kind: str = "bridge", mac: str = "02:00:00:00:00:01", **more: Any) -> Interface:
    return Interface(HERE, name, kind, mac, **{"mtu": 1500, **more})


def tunnel(name: str, **more: Any) -> Interface:
    vxlan = Vxlan(**{"vni": 4096, "port": 4789, "local": "10.0.0.1", "device": "br0", **more})
    return link(name, "vxlan", "66:00:00:00:00:01", mtu=1450, vxlan=vxlan)


def on(device: str, destination: str, **more: Any) -> Route:
    return Route(HERE, destination, device=device, **more)


BR0 = link("br0")
NARROW = link("br0", mtu=1450)  # a bridge takes the MTU of its narrowest port, told or not
AT_BR0 = Address(HERE, "br0", "10.0.0.1/24")
VXLAN = tunnel("vxlan.calico")
PAIR = (
    link("veth0", "veth", "02:00:00:00:00:0a", mtu=1450, peer_place=HERE, peer_name="veth1"),
    link("veth1", "veth", "02:00:00:00:00:0b", mtu=1450, peer_place=HERE, peer_name="veth0", primary=False),
)

# What is wanted; what comes before the last object is what it stands on.
CASES: dict[str, tuple[Object, ...]] = {
    "bridge": (BR0,),
    "bridge with another MTU": (link("br0", mtu=1400),),
    "link that is down": (link("br0", up=False),),
    "name with a dot, of fifteen characters": (link("a.b-c_d.e.f.gh1"),),
    "address": (BR0, AT_BR0),
    "address of one host": (BR0, Address(HERE, "br0", "10.244.0.2/32")),
    "two addresses": (BR0, AT_BR0, Address(HERE, "br0", "10.0.0.2/24")),
    "vxlan": (BR0, VXLAN),
    "vxlan that learns": (BR0, tunnel("v1", vni=1, port=8472, learning=True)),
    "vxlan that forbids fragments": (BR0, tunnel("v2", vni=16777215, df="set")),
    "vxlan that inherits it": (BR0, tunnel("v3", df="inherit")),
    "veth": (*PAIR,),
    "port of a bridge": (NARROW, PAIR[0], replace(PAIR[1], master="br0")),
    "port of a bridge with hairpin": (NARROW, PAIR[0], replace(PAIR[1], master="br0", hairpin=True)),
    "link that is changed": (*PAIR, replace(PAIR[1], mtu=1480, mac="02:00:00:00:00:0c")),
    "link that is down again": (*PAIR, replace(PAIR[1], up=False)),
    "port that is let go": (NARROW, PAIR[0], replace(PAIR[1], master="br0", hairpin=True), PAIR[1], NARROW),
    "route by gateway": (BR0, AT_BR0, on("br0", "10.1.0.0/16", via="10.0.0.9")),
    "default route": (BR0, AT_BR0, on("br0", "default", via="10.0.0.9")),
    "route of a pod": (BR0, on("br0", "10.244.0.2/32", scope="link")),
    "route of a block through the tunnel": (
        BR0,
        VXLAN,
        Address(HERE, "vxlan.calico", "10.244.0.0/32"),
        on("vxlan.calico", "10.244.0.128/26", via="10.244.0.128", onlink=True),
    ),
    "route of a block in the same subnet": (
        BR0,
        AT_BR0,
        on("br0", "10.244.0.64/26", via="10.0.0.11", proto="80", onlink=True),
    ),
    "black hole": (Route(HERE, "10.244.0.0/26", type="blackhole", proto="80"),),
    "static route with a source": (
        BR0,
        AT_BR0,
        on("br0", "10.9.0.0/16", via="10.0.0.9", proto="static", src="10.0.0.1"),
    ),
    "neighbour": (BR0, AT_BR0, Neighbour(HERE, "br0", "10.0.0.7", "02:00:00:00:00:07")),
    "forwarding entry": (BR0, VXLAN, FdbEntry(HERE, "vxlan.calico", "66:0a:0b:0c:0d:0e", "10.0.0.12")),
    "settings of a device": (
        BR0,
        Sysctl(HERE, "net.ipv4.conf.br0.proxy_arp", "1"),
        Sysctl(HERE, "net.ipv4.conf.br0.rp_filter", "2"),
        Sysctl(HERE, "net.ipv4.conf.br0.forwarding", "1"),
        Sysctl(HERE, "net.ipv4.conf.br0.route_localnet", "1"),
    ),
}


def write(wanted: Iterable[Object], netlink: RouteSocket) -> None:
    indexes = {"lo": 1}
    for item in wanted:
        netlink.execute(list(requests(item, indexes)))


def requests(item: Object, indexes: dict[str, int]) -> Iterable[Request]:
    match item:
        case Interface():
            known = item.name in indexes
            if not known and item.primary:
                indexes[item.name] = max(indexes.values()) + 1
                yield interface.add(item, indexes[item.name], indexes, peer_of(item, indexes))
                yield from interface.bring_up(item, indexes, ()) if item.up else ()
            else:
                yield from interface.change(item, indexes, None)
        case Address():
            yield address.add(item, indexes)
        case Route():
            yield route.add(item, indexes)
        case Neighbour() | FdbEntry():
            yield neighbour.add(item, indexes)
        case Sysctl():
            known_setting = device_settings.device_of(item.name)
            assert known_setting
            yield interface.set_device(indexes[known_setting[0]], [(known_setting[1], item.value)])


def peer_of(item: Interface, indexes: dict[str, int]) -> tuple[Interface, int, int] | None:
    """The other end of a veth, born in the namespace in which we are."""
    if item.kind != "veth":
        return None
    indexes[item.peer_name] = max(indexes.values()) + 1
    netns = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    return PAIR[1], indexes[item.peer_name], netns


def read(netlink: RouteSocket) -> list[Object]:
    links = interface.read(netlink, HERE)
    names = {index: name for name, index in links.indexes.items()}
    found: list[Object] = [*links.interfaces, *links.settings]
    found += address.read(netlink, HERE, names)
    found += route.read(netlink, HERE, names)
    found += neighbour.read(netlink, HERE, names)
    found += neighbour.read_fdb(netlink, HERE, names)
    return found


def read_by_pyroute2() -> list[Object]:
    with IPRoute() as ip:
        links = list(ip.get_links())
        names = {told["index"]: told.get("ifname") for told in links}
        found: list[Object] = [_interface(told, names) for told in links if told.get("linkinfo")]
        for told in links:
            conf = told.get(("af_spec", "af_inet"), {})
            for name in ("proxy_arp", "rp_filter", "forwarding", "route_localnet"):
                found.append(Sysctl(HERE, f"net.ipv4.conf.{told.get('ifname')}.{name}", str(conf.get(name))))
        for told in ip.get_addr(family=2):
            if names[told["index"]] != "lo":
                found.append(Address(HERE, names[told["index"]], f"{told.get('local')}/{told['prefixlen']}"))
        found += (_route(told, names) for told in ip.get_routes(family=2, table=254) if told["proto"] != 2)
        for told in ip.get_neighbours(family=2):
            if told["state"] & 0x80:
                found.append(Neighbour(HERE, names[told["ifindex"]], told.get("dst"), told.get("lladdr")))
        for told in ip.fdb("dump"):
            if told.get("dst"):
                found.append(FdbEntry(HERE, names[told["ifindex"]], told.get("lladdr"), told.get("dst")))
    return found


def _interface(told: Any, names: dict[int, str]) -> Interface:
    data = told.get(("linkinfo", "data"))
    port = told.get(("linkinfo", "slave_data"))
    kind = told.get(("linkinfo", "kind"))
    vxlan = None
    if kind == "vxlan":
        vxlan = Vxlan(
            data.get("vxlan_id"),
            data.get("vxlan_port"),
            data.get("vxlan_local"),
            names[data.get("vxlan_link")],
            bool(data.get("vxlan_learning")),
            ("unset", "set", "inherit")[data.get("vxlan_df") or 0],
        )
    return Interface(
        HERE,
        told.get("ifname"),
        kind,
        told.get("address"),
        told.get("mtu"),
        names.get(told.get("master"), ""),
        bool(port and port.get("IFLA_BRPORT_MODE")),
        vxlan,
        up=bool(told["flags"] & 1),
    )


def _route(told: Any, names: dict[int, str]) -> Route:
    return Route(
        HERE,
        f"{told.get('dst')}/{told['dst_len']}" if told["dst_len"] else "default",
        told.get("gateway") or "",
        names.get(told.get("oif"), ""),
        TYPE_NAMES[told["type"]],
        SCOPE_NAMES[told["scope"]],
        PROTOCOL_NAMES.get(told["proto"], str(told["proto"])),
        bool(told["flags"] & 4),
        told.get("prefsrc") or "",
    )


def texts(found: Iterable[Object], wanted: Iterable[Object]) -> list[str]:
    """Of all that was read, what the case is about: everything but the settings that nobody wanted."""
    settings = {item.key for item in wanted if isinstance(item, Sysctl)}
    return sorted(repr(item) for item in found if not isinstance(item, Sysctl) or item.key in settings)


def last_of_each(wanted: Iterable[Object]) -> list[Object]:
    """What each object should be in the end; that two links are a pair is not among what a reader is told."""
    wanted = {item.key: item for item in wanted}.values()
    return [replace(i, peer_place="", peer_name="", primary=True) if isinstance(i, Interface) else i for i in wanted]


def main() -> None:
    """Every case, one after the other."""
    told = {}
    for name, wanted in CASES.items():
        unshare(CLONE_NEWNET)
        with RouteSocket() as netlink:
            netlink.execute([interface.loopback_up()])
            write(wanted, netlink)
            told[name] = {
                "wanted": texts(last_of_each(wanted), wanted),
                "ours": texts(read(netlink), wanted),
                "pyroute2": texts(read_by_pyroute2(), wanted),
            }
    print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    main()
