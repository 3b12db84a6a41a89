"""Hoplab's own way: all requests of a place in one batch, news of all places through one socket."""

from __future__ import annotations

from collections.abc import Mapping

from bench.netlink.places import NEWS, Linked, Namespaces, by_place
from lab.kernel.changes import Changes
from lab.kernel.netlink.rtnetlink import address, interface, neighbour, route
from lab.kernel.netlink.transport import Request, RouteSocket
from lab.network.objects import Address, Interface, Network, Route
from lab.network.place_names import UNDERLAY


class Way:
    """See `bench.netlink.same`."""

    def __init__(self, network: Network, namespaces: Namespaces) -> None:
        self._network, self._namespaces = network, namespaces
        self._changes = Changes()
        self._numbers: dict[str, dict[str, int]] = {}
        for item in network:
            if isinstance(item, Interface):
                known = self._numbers.setdefault(item.place, {"lo": 1})
                known[item.name] = 1000 + len(known)

    def build(self) -> None:
        """All of it."""
        self._changes.follow({place: fd for place, fd in self._namespaces.fds.items() if place != UNDERLAY})
        for place, items in by_place(self._network).items():
            links = [item for item in items if isinstance(item, Interface)]
            numbers = self._numbers.get(place, {})
            requests = [interface.loopback_up()]
            requests += [
                interface.add(one, numbers[one.name], numbers, self._peer(one)) for one in links if one.primary
            ]
            requests += [request for one in links for request in interface.bring_up(one, numbers, ())]
            requests += [_added(item, numbers) for item in items if not isinstance(item, Interface)]
            with self._namespaces.entered(place), RouteSocket() as netlink:
                netlink.execute(requests)

    def _peer(self, link: Interface) -> tuple[Interface, int, int] | None:
        if link.kind != "veth":
            return None
        other = self._network.by_key["link", link.peer_place, link.peer_name]
        assert isinstance(other, Interface)
        return other, self._numbers[other.place][other.name], self._namespaces.fds[other.place]

    def read(self) -> int:
        """How many objects there are."""
        found = 0
        for place in self._namespaces.fds:
            with self._namespaces.entered(place), RouteSocket() as netlink:
                links = interface.read(netlink, place)
                names = {index: name for name, index in links.indexes.items()}
                found += len(links.interfaces)
                for kind in (address, route, neighbour):
                    found += len([*kind.read(netlink, place, names)])
                found += len([*neighbour.read_fdb(netlink, place, names)])
        return found

    def watch(self) -> None:
        """An address more in every place, and until each is heard of."""
        waiting = {*self._namespaces.fds}
        self._changes.listen()
        for place in self._namespaces.fds:
            with self._namespaces.entered(place), RouteSocket() as netlink:
                netlink.execute([address.add(Address(place, "lo", f"{NEWS}/32"), {"lo": 1})])
        while waiting:
            waiting -= self._changes.heard(UNDERLAY) or frozenset()


def _added(item: Linked, numbers: Mapping[str, int]) -> Request:
    if isinstance(item, Address):
        return address.add(item, numbers)
    if isinstance(item, Route):
        return route.add(item, numbers)
    assert not isinstance(item, Interface)
    return neighbour.add(item, numbers)
