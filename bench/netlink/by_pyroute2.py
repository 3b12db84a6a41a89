"""pyroute2's way, as people write it: an IPRoute in each namespace, a call for each object."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

from pyroute2 import IPRoute

from bench.netlink.places import NEWS, Linked, Namespaces, by_place
from lab.network.objects import Address, Interface, Neighbour, Network, Route

MAIN_TABLE, PERMANENT = 254, 0x80
_PROTOCOLS = {"kernel": 2, "boot": 3, "static": 4}
_SCOPES = {"global": 0, "link": 253}


class Way:
    """See `bench.netlink.same`."""

    def __init__(self, network: Network, namespaces: Namespaces) -> None:
        self._network, self._namespaces = network, namespaces
        self._sockets: dict[str, Any] = {}

    def build(self) -> None:
        """All of it."""
        for place, items in by_place(self._network).items():
            with self._namespaces.entered(place):
                kernel = self._sockets[place] = IPRoute()
            kernel.link("set", index=1, state="up")
            links = [item for item in items if isinstance(item, Interface)]
            for link in links:
                if link.primary:
                    kernel.link("add", **self._link(link))
            numbers = self._numbers(place)
            for link in links:
                master = {"master": numbers[link.master]} if link.master else {}
                kernel.link("set", index=numbers[link.name], state="up", **master)
            for item in items:
                _add(kernel, item, numbers)

    def _numbers(self, place: str) -> dict[str, int]:
        """Asked of the kernel: those of veths' other ends cannot be chosen here."""
        return {link.get("ifname"): link["index"] for link in self._sockets[place].get_links()}

    def _link(self, link: Interface) -> dict[str, Any]:
        told: dict[str, Any] = {"ifname": link.name, "kind": link.kind}
        if link.mac:
            told["address"] = link.mac
        if link.kind != "bridge":
            told["mtu"] = link.mtu
        if link.kind == "veth":
            other = self._network.by_key["link", link.peer_place, link.peer_name]
            assert isinstance(other, Interface)
            told["peer"] = {"ifname": other.name, "mtu": other.mtu, "net_ns_fd": self._namespaces.fds[other.place]}
            told["peer"] |= {"address": other.mac} if other.mac else {}
        if link.vxlan:
            told |= {"vxlan_id": link.vxlan.vni, "vxlan_link": self._numbers(link.place)[link.vxlan.device]}
            told |= {"vxlan_local": link.vxlan.local, "vxlan_port": link.vxlan.port}
            told |= {"vxlan_learning": int(link.vxlan.learning)}
        return told

    def read(self) -> int:
        """How many objects there are."""
        found = 0
        for kernel in self._sockets.values():
            found += sum(1 for link in kernel.get_links() if link.get_nested("IFLA_LINKINFO", "IFLA_INFO_KIND"))
            found += sum(1 for one in kernel.get_addr(family=socket.AF_INET) if one.get("IFA_LABEL") != "lo")
            found += sum(1 for one in kernel.get_routes(family=socket.AF_INET) if one.get("table") == MAIN_TABLE)
            found += sum(1 for one in kernel.get_neighbours(family=socket.AF_INET) if one["state"] == PERMANENT)
            found += sum(1 for one in kernel.fdb("dump") if one.get("NDA_DST"))
        return found

    def watch(self) -> None:
        """An address more in every place, and until each is heard of."""
        watching = []
        for place in self._sockets:
            with self._namespaces.entered(place):
                watching.append(IPRoute())
            watching[-1].bind()
        for kernel in self._sockets.values():
            kernel.addr("add", index=1, address=NEWS, prefixlen=32)
        for kernel in watching:
            while not any(message.get("IFA_LOCAL") == NEWS for message in kernel.get()):
                continue


def _add(kernel: Any, item: Linked, numbers: Mapping[str, int]) -> None:  # noqa: ANN401  it has no types
    if isinstance(item, Address):
        number, _, length = item.address.partition("/")
        kernel.addr("add", index=numbers[item.device], address=number, prefixlen=int(length))
    elif isinstance(item, Route):
        told: dict[str, Any] = {"dst": item.destination, "type": item.type, "scope": _SCOPES[item.scope]}
        told |= {"proto": _PROTOCOLS.get(item.proto) or int(item.proto)}
        told |= {"gateway": item.via} if item.via else {}
        told |= {"oif": numbers[item.device]} if item.device else {}
        told |= {"prefsrc": item.src} if item.src else {}
        told |= {"flags": ["onlink"]} if item.onlink else {}
        kernel.route("add", **told)
    elif isinstance(item, Neighbour):
        where = {"dst": item.address, "lladdr": item.mac, "ifindex": numbers[item.device]}
        kernel.neigh("replace", state="permanent", **where)
    elif not isinstance(item, Interface):
        kernel.fdb("add", ifindex=numbers[item.device], lladdr=item.mac, dst=item.remote)
