"""Places and their devices: namespaces, interfaces, and what is set of either. Part of `objects`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

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
    instead: Sysctl | None = field(default=None, compare=False)

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
