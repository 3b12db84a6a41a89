"""The netlink requests by which a place gets its links, and all that hangs on them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from lab.kernel.holdings import Holdings
from lab.kernel.netlink import step_requests
from lab.kernel.netlink.rtnetlink import interface
from lab.kernel.netlink.transport import Request, RouteSocket
from lab.kernel.step_kinds import Kinds
from lab.network.objects import Address, FdbEntry, Interface, Neighbour, Network, Qdisc, Route, RoutingRule, Sysctl
from lab.plan import Step


class PlaceRequests:
    """Those of any place of a design. What numbers new devices will have is noted in the holdings."""

    def __init__(self, holdings: Holdings, desired: Network) -> None:
        self._holdings = holdings
        self._desired = desired

    def of(self, place: str, kinds: Kinds) -> Iterator[tuple[Step, list[Request]]]:
        """Links are all made before the first is brought up: the first may be a port of the second."""
        indexes = self._indexes(place)
        settings = step_requests.device_settings_of(kinds[Sysctl])
        links = [(step, step.object) for step in kinds[Interface] if isinstance(step.object, Interface)]
        for step, item in links:
            if step.action == "add" and item.primary:
                if item.name not in indexes:
                    yield step, [self._link(item, indexes)]
                else:  # the kernel had put it there, as it does with tunl0
                    yield step, interface.change(item, indexes, None)
        for step, item in links:
            if step.action == "add" and item.up:
                yield step, interface.bring_up(item, indexes, settings.pop(item.name, ()))
            else:
                assert step.before is None or isinstance(step.before, Interface)
                yield step, interface.change(item, indexes, step.before)
        for device, pairs in settings.items():
            owner = next(
                step for step in kinds[Sysctl] if isinstance(step.object, Sysctl) and f".{device}." in step.object.name
            )
            yield owner, [interface.set_device(indexes[device], pairs)]
        for kind in (Sysctl, Qdisc, Address, Route, RoutingRule, Neighbour, FdbEntry):
            for step in kinds[kind]:
                yield step, list(step_requests.additions(step, indexes))

    def _indexes(self, place: str) -> dict[str, int]:
        """Of a place that nobody has read or made yet, which is the underlay, they are asked for."""
        if place not in self._holdings.indexes:
            with self._holdings.namespaces.entered(place), RouteSocket() as netlink:
                self._holdings.indexes[place] = interface.read(netlink, place).indexes
        return self._holdings.indexes[place]

    @cached_property
    def _links(self) -> dict[tuple[str, str], Interface]:
        """All that are designed, by place and name."""
        return {(item.place, item.name): item for item in self._desired if isinstance(item, Interface)}

    def _link(self, item: Interface, indexes: dict[str, int]) -> Request:
        index = indexes[item.name] = max(indexes.values()) + 1
        peer = None
        if item.kind == "veth":
            other = self._links[item.peer_place, item.peer_name]
            there = self._indexes(item.peer_place)
            there[other.name] = max(there.values()) + 1
            netns, hand = self._holdings.namespaces.fd(item.peer_place), self._holdings.hand
            peer = (other, there[other.name], hand.number(netns) if hand else netns)
        return interface.add(item, index, indexes, peer)
