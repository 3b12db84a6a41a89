"""Where packets go from a place: addresses, routes, neighbours and forwarding entries. Part of `objects`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
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
class NextHop:
    """One of several ways that a route has; of those with more `weight` the kernel chooses more often."""

    via: str = ""
    device: str = ""
    weight: int = 1
    onlink: bool = False

    @property
    def words(self) -> str:
        """As `ip route` prints and takes it."""
        words = ["nexthop"]
        words += ["via", self.via] if self.via else []
        words += ["dev", self.device] if self.device else []
        words += ["weight", str(self.weight)]
        words += ["onlink"] if self.onlink else []
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the main table (`table` "") or another. `destination` is a prefix (`10.244.0.0/26`) or `default`.

    `type` is `unicast`, `local`, `blackhole`, `unreachable`, `prohibit` or `throw`; `scope` is `global` or `link`;
    `proto` is as iproute2 prints it: `boot` is what `ip route add` writes and does not print, `bird` would be 12,
    Calico writes 80. `mtu` 0 is that of the device. Of several with the same destination the kernel takes the one with
    the least `metric`. One with `hops` has neither a gateway nor a device of its own. `instead` is what a component of
    the lab would have there, of a route of the topology's author.
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
    metric: int = 0
    hops: tuple[NextHop, ...] = ()
    intent: str = field(default="", compare=False)
    instead: Route | None = field(default=None, compare=False)

    @property
    def key(self) -> Key:
        beside: tuple[str, ...] = ("table", self.table) if self.table else ()
        beside += ("metric", str(self.metric)) if self.metric else ()
        return ("route", self.place, self.destination, *beside)

    def through(self, device: str) -> tuple[NextHop, ...]:
        """The ways that it has by this device."""
        ways = self.hops or (NextHop(self.via, self.device, onlink=self.onlink),)
        return tuple(one for one in ways if one.device == device)


@dataclass(frozen=True, slots=True)
class RoutingRule:
    """An `ip rule` by which packets are looked up in a `table`: those with `mark` in the bits of `mask`, or without
    it where it is `inverted`. Of one that has more to it `further` is the whole rule.
    """

    rank: ClassVar[int] = 4
    place: str
    priority: int
    table: str
    mark: int = 0
    mask: int = 0
    inverted: bool = False
    further: PolicyRule | None = None
    intent: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        return ("rule", self.place, str(self.priority), self.selector)

    @property
    def selector(self) -> str:
        """Everything behind the priority, as `ip rule` prints it and takes it."""
        return self.whole.selector

    @property
    def whole(self) -> PolicyRule:
        """All that there is to it."""
        return self.further or PolicyRule(
            self.priority, mark=self.mark, mask=self.mask, table=self.table, inverted=self.inverted
        )

    @property
    def for_all(self) -> bool:
        """Whether it is asked of every packet but those that bear a mark of a tunnel's own."""
        return self.further is None and (self.inverted or not self.mask)

    @classmethod
    def of(cls, place: str, rule: PolicyRule, intent: str = "") -> RoutingRule:
        """The object of a rule with whatever there is to it."""
        found = cls(place, rule.priority, rule.table, rule.mark, rule.mask, rule.inverted, intent=intent)
        return found if found.whole == rule else replace(found, further=rule)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A permanent neighbour entry: `address` is at `mac` behind `device`."""

    rank: ClassVar[int] = 5
    place: str
    device: str
    address: str
    mac: str
    intent: str = field(default="", compare=False)
    instead: Neighbour | None = field(default=None, compare=False)

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
    instead: FdbEntry | None = field(default=None, compare=False)

    @property
    def key(self) -> Key:
        return ("fdb", self.place, self.device, self.mac)
