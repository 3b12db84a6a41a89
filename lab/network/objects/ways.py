"""Where packets go from a place: addresses, routes, neighbours and forwarding entries. Part of `objects`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from lab.network.objects.policy_rule import PolicyRule

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Address:
    """An IPv4 address with its prefix length (`10.0.1.10/24`) on a device."""

    rank: ClassVar[int] = 3
    place: str
    device: str
    address: str
    intent: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        return ("address", self.place, self.device, self.address)


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the main table (`table` "") or another. `destination` is a prefix (`10.244.0.0/26`) or `default`.

    `type` is `unicast`, `blackhole` or `throw`; `scope` is `global` or `link`; `proto` is as iproute2 prints it: `boot`
    is what `ip route add` writes and does not print, `bird` would be 12, Calico writes 80. `mtu` 0 is that of the
    device.
    """

    rank: ClassVar[int] = 4
    place: str
    destination: str
    via: str = ""
    device: str = ""
    type: str = "unicast"
    scope: str = "global"
    proto: str = "boot"
    onlink: bool = False
    src: str = ""
    mtu: int = 0
    table: str = ""
    intent: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        beside = ("table", self.table) if self.table else ()
        return ("route", self.place, self.destination, *beside)


@dataclass(frozen=True, slots=True)
class RoutingRule:
    """An `ip rule` by which packets are looked up in a `table`: those with `mark` in the bits of `mask`, or without
    it where it is `inverted`. Of one that has more to it `further` is all but the priority, as `ip rule` prints it.
    """

    rank: ClassVar[int] = 4
    place: str
    priority: int
    table: str
    mark: int = 0
    mask: int = 0
    inverted: bool = False
    further: str = ""
    intent: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        return ("rule", self.place, str(self.priority), self.selector)

    @property
    def selector(self) -> str:
        """Everything behind the priority, as `ip rule` prints it and takes it."""
        if self.further:
            return self.further
        return PolicyRule(0, mark=self.mark, mask=self.mask, table=self.table, inverted=self.inverted).selector


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A permanent neighbour entry: `address` is at `mac` behind `device`."""

    rank: ClassVar[int] = 5
    place: str
    device: str
    address: str
    mac: str
    intent: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        return ("neighbour", self.place, self.device, self.address)


@dataclass(frozen=True, slots=True)
class FdbEntry:
    """A permanent forwarding entry of a VXLAN device: frames to `mac` go to the tunnel endpoint `remote`."""

    rank: ClassVar[int] = 6
    place: str
    device: str
    mac: str
    remote: str
    intent: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        return ("fdb", self.place, self.device, self.mac)
