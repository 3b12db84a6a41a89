"""All that the kernel of a lab holds or should hold. Part of `objects`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from lab.network.objects.devices import Interface, Key, Namespace, Offload, Sysctl
from lab.network.objects.ipvs import RealServer, VirtualServer
from lab.network.objects.qdisc import Qdisc
from lab.network.objects.rules import Chain, IpSet, NftChain, NftSet, NftTable
from lab.network.objects.served import File, Listener, Process, Symlink
from lab.network.objects.ways import Address, FdbEntry, Neighbour, Route, RoutingRule
from lab.network.objects.wireguard import WireguardDevice, WireguardPeer

Object = (
    Namespace
    | Interface
    | Sysctl
    | Offload
    | Qdisc
    | Address
    | Route
    | RoutingRule
    | Neighbour
    | FdbEntry
    | WireguardDevice
    | WireguardPeer
    | IpSet
    | VirtualServer
    | RealServer
    | Chain
    | NftTable
    | NftSet
    | NftChain
    | File
    | Symlink
    | Listener
    | Process
)


@dataclass(frozen=True)
class Network:
    """Objects by key. The desired one comes from `design`, the actual one from `observe`; `plan` compares them."""

    objects: tuple[Object, ...] = ()

    @cached_property
    def by_key(self) -> dict[Key, Object]:
        return {item.key: item for item in self.objects}

    def __iter__(self) -> Iterator[Object]:
        return iter(self.objects)

    @classmethod
    def of(cls, *groups: Iterable[Object]) -> Network:
        """All groups joined; the order is kept, for it is the order in which a person would build."""
        return cls(tuple(item for group in groups for item in group))

    def only(self, places: frozenset[str]) -> Network:
        """What is in these places."""
        return Network(tuple(item for item in self.objects if item.place in places))

    def by_place(self) -> dict[str, list[Object]]:
        """The objects of each place, in their order. Not remembered: of a large lab it is large."""
        found: dict[str, list[Object]] = {}
        for item in self.objects:
            found.setdefault(item.place, []).append(item)
        return found

    @property
    def places(self) -> tuple[str, ...]:
        return tuple(item.place for item in self.objects if isinstance(item, Namespace))
