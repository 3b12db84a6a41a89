"""What the kernel should hold: one frozen dataclass per kind of object, named as iproute2 names it.

Every object says in which `place` (network namespace) it lives, has a `key` that identifies it there, and an
`intent` that says what it is for. Two objects are equal when the kernel would hold the same; the intent and
what the kernel does not tell (which veth was made first) do not count.

A place is named as people name it: `node-0`, `router`, `namespace001/pod-0`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

from lab.network.objects.ipvs import RealServer, VirtualServer
from lab.network.objects.policy_rule import PolicyRule
from lab.network.objects.qdisc import Qdisc
from lab.network.objects.rules import Chain, IpSet, NftChain, NftElement, NftHook, NftObject, NftSet, NftTable, Rule
from lab.network.objects.served import File, Listener, Process, Reply, Symlink
from lab.network.objects.wireguard import WireguardDevice, WireguardPeer

__all__ = [
    "Address",
    "Chain",
    "FdbEntry",
    "File",
    "Interface",
    "IpSet",
    "Ipip",
    "Key",
    "Listener",
    "Namespace",
    "Neighbour",
    "Network",
    "NftChain",
    "NftElement",
    "NftHook",
    "NftObject",
    "NftSet",
    "NftTable",
    "Object",
    "Offload",
    "Process",
    "Qdisc",
    "RealServer",
    "Reply",
    "Route",
    "RoutingRule",
    "Rule",
    "Symlink",
    "Sysctl",
    "VirtualServer",
    "Vxlan",
    "WireguardDevice",
    "WireguardPeer",
]

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace: a node, pod, router, gateway or the internet."""

    rank: ClassVar[int] = 0
    place: str
    kind: str = field(compare=False)
    node: str = field(default="", compare=False)
    intent: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        return ("netns", self.place)


@dataclass(frozen=True, slots=True)
class Vxlan:
    """What makes a link a VXLAN tunnel. `device` is the underlay interface it is bound to; `df` is `unset`, `set` or
    `inherit`.
    """

    vni: int
    port: int
    local: str
    device: str
    learning: bool = False
    df: str = "unset"


@dataclass(frozen=True, slots=True)
class Ipip:
    """What makes a link an IPIP tunnel (tunl0: local any, remote any)."""

    local: str = "0.0.0.0"  # noqa: S104  the kernel's own word for "any"
    remote: str = "0.0.0.0"  # noqa: S104


@dataclass(frozen=True, slots=True)
class Interface:
    """One network interface. Of a veth pair both ends are objects; the `primary` end is the one that creates both.

    `kind` is `veth`, `bridge`, `vxlan`, `ipip`, `wireguard` or `dummy`. `mac` may be "" where the kernel may choose.
    `master` is the bridge it is a port of. Every interface is `up` but a dummy one, which only holds addresses.
    `hairpin` counts for bridge ports only.
    """

    rank: ClassVar[int] = 1
    place: str
    name: str
    kind: str
    mac: str
    mtu: int
    master: str = ""
    hairpin: bool = False
    vxlan: Vxlan | None = None
    ipip: Ipip | None = None
    up: bool = True
    peer_place: str = field(default="", compare=False)
    peer_name: str = field(default="", compare=False)
    primary: bool = field(default=True, compare=False)
    intent: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        return ("link", self.place, self.name)


@dataclass(frozen=True, slots=True)
class Sysctl:
    """A setting under /proc/sys of the place's namespace; `name` in dotted form, with device names' dots kept as they
    are.
    """

    rank: ClassVar[int] = 2
    place: str
    name: str
    value: str
    intent: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        return ("sysctl", self.place, self.name)


@dataclass(frozen=True, slots=True)
class Offload:
    """That a device gets no packets larger than its MTU: segmentation is done before it (TSO and GSO off), and what
    comes in is not put together again (GRO off). Veths have it otherwise, as most network cards do.
    """

    rank: ClassVar[int] = 2
    place: str
    device: str
    intent: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        return ("offload", self.place, self.device)


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

    @property
    def places(self) -> tuple[str, ...]:
        return tuple(item.place for item in self.objects if isinstance(item, Namespace))
