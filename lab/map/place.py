"""Places as readers of a lab see them: their interfaces and routes, and the subnets that they stand in."""

from __future__ import annotations

from dataclasses import dataclass

from lab.network.dns.resolver import HostsEntry, Resolver


@dataclass(frozen=True, slots=True)
class Link:
    """An interface of a place. `kind` is veth, bridge, or one of TUNNELS; addresses have their prefix length.

    `master` is the bridge of the same place that it is a port of; the peer is the other end of a veth. A tunnel has its
    underlay address as `local`; a VXLAN also its `vni` and UDP `port`, WireGuard its `port` and the `mark` of what it
    sends itself.
    """

    name: str
    kind: str
    mac: str = ""
    addresses: tuple[str, ...] = ()
    master: str = ""
    peer_place: str = ""
    peer_name: str = ""
    local: str = ""
    vni: int = 0
    port: int = 0
    mtu: int = 0
    mark: int = 0

    @property
    def address(self) -> str:
        """The first address without its prefix length, or ""."""
        return self.addresses[0].partition("/")[0] if self.addresses else ""


@dataclass(frozen=True, slots=True)
class Way:
    """A route as the design has it; the connected ones that the kernel makes by itself are not listed. One of a `table`
    is asked before those of the main one.
    """

    destination: str
    via: str = ""
    device: str = ""
    type: str = "unicast"
    table: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """An object of a place that a file of the topology's author holds: its key in words, and what it is for."""

    key: str
    intent: str

    @staticmethod
    def words(key: tuple[str, ...]) -> str:
        """A network object's key: `route node-0 10.9.0.0/16 table 100`."""
        return " ".join(key)


@dataclass(frozen=True, slots=True)
class Place:
    """A network namespace. `kind` is node, pod, router, gateway, internet or underlay.

    `node` is set for pods, `ready` and why it is not count for pods, `subnets` are the names of those it has an
    interface in. A node may be in a `zone`. `resolver`, `hostname` and `hosts` are as the lab wrote them, and only
    where they are not the usual ones of its kind: ask `LabMap.resolver`, `hostname` and `hosts`. `unobeyed` is what of
    a pod's manifest means something in a cluster and nothing here, a sentence each; `deployment` whose pod it is;
    `written` is what the author's files say of its routes and entries.
    """

    name: str
    kind: str
    node: str = ""
    ready: bool = True
    subnets: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    routes: tuple[Way, ...] = ()
    why: str = ""
    zone: str = ""
    resolver: Resolver | None = None
    hostname: str = ""
    hosts: tuple[HostsEntry, ...] = ()
    unobeyed: tuple[str, ...] = ()
    deployment: str = ""
    written: tuple[Written, ...] = ()

    def purpose(self, key: tuple[str, ...]) -> str:
        """What the author's files say that the object with this key is for; "" for one that is none of theirs."""
        wanted = Written.words(key) if self.written else ""
        return next((one.intent for one in self.written if one.key == wanted), "")

    @property
    def address(self) -> str:
        """The first address of its first interface that has one: the pod's or node's own."""
        return next((link.address for link in self.links if link.addresses), "")

    def link(self, name: str) -> Link | None:
        return next((link for link in self.links if link.name == name), None)


@dataclass(frozen=True, slots=True)
class Subnet:
    """A segment of the underlay and the bridge in the sandbox's own namespace that is its wire."""

    name: str
    cidr: str
    bridge: str
