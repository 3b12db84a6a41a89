"""A lab as its readers see it: places, how they are joined, Services and names; all that a drawing or a trace needs.

The agent makes it from the design (`survey.lab_map`) and sends it as JSON; commands read it back without importing
anything heavy.
Values that are the usual ones ("" or 0, no members, ready) are left out of the JSON, so that 1,000 pods stay small.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, TypeVar

from lab.errors import UsageError
from lab.network.components import Stop
from lab.network.dns.resolver import HostsEntry, Resolver
from lab.network.ipv4 import Prefix, number
from lab.network.objects import SEALED
from lab.network.underlay.netem_device import Impaired
from lab.suggestion import did_you_mean

T = TypeVar("T")

TUNNELS = ("vxlan", "ipip", SEALED)
VXLAN_PORTS = (4789, 8472)  # IANA's, and Linux's own default, which flannel uses
NDOTS = 5  # kubelet's ClusterFirst


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
class Place:
    """A network namespace. `kind` is node, pod, router, gateway, internet or underlay.

    `node` is set for pods, `ready` and why it is not count for pods, `subnets` are the names of those it has an
    interface in. A node may be in a `zone`. `resolver`, `hostname` and `hosts` are as the lab wrote them, and only
    where they are not the usual ones of its kind: ask `LabMap.resolver`, `hostname` and `hosts`. `unobeyed` is what of
    a pod's manifest means something in a cluster and nothing here, a sentence each; `deployment` whose pod it is.
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


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a Service port leads: `pod` is its place, "" for a bare address.

    `node` is where a bare address is, if that is known; `LabMap.node_of` tells it of any endpoint. `serving` is said of
    one that is `terminating` only: then it is the last resort. `why` says why it is not ready, "" for one that is.
    `for_nodes` and `for_zones` are hints: for whose traffic it is meant.
    """

    address: str
    port: int
    pod: str = ""
    ready: bool = True
    serving: bool = False
    terminating: bool = False
    node: str = ""
    why: str = ""
    for_nodes: tuple[str, ...] = ()
    for_zones: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The pod, or the bare address."""
        return self.pod or self.address

    @property
    def leaving(self) -> bool:
        """Whether it serves while it terminates."""
        return self.serving and self.terminating


def preferred(endpoints: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
    """The ready ones; where there are none, those that serve while they terminate. Source: kube-proxy."""
    ready = tuple(one for one in endpoints if one.ready)
    return ready or tuple(one for one in endpoints if one.leaving)


@dataclass(frozen=True, slots=True)
class ServicePort:
    """`protocol` is TCP, UDP or SCTP, as Kubernetes writes it. Where there is no endpoint at all, `why` says why."""

    port: int
    protocol: str = "TCP"
    name: str = ""
    node_port: int = 0
    endpoints: tuple[Endpoint, ...] = ()
    why: str = ""

    @property
    def preferred(self) -> tuple[Endpoint, ...]:
        """Those that get traffic, as far as policies let them."""
        return preferred(self.endpoints)


@dataclass(frozen=True, slots=True)
class Service:
    """`cluster_ip` is "" for headless and ExternalName Services. The policies are Cluster or Local.

    `left_to` is the label that hands it to another proxy than kube-proxy, "" for most.
    """

    namespace: str
    name: str
    cluster_ip: str = ""
    type: str = "ClusterIP"
    external_name: str = ""
    ports: tuple[ServicePort, ...] = ()
    external_ips: tuple[str, ...] = ()
    load_balancer_ips: tuple[str, ...] = ()
    internal_policy: str = "Cluster"
    external_policy: str = "Cluster"
    left_to: str = ""

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def is_headless(self) -> bool:
        """Whether DNS answers with its endpoints' own addresses."""
        return not self.cluster_ip and not self.external_name

    @property
    def addresses(self) -> tuple[str, ...]:
        """Those that every node takes for its own, on its ports: ClusterIP, external and load balancer's addresses."""
        return tuple(filter(None, (self.cluster_ip, *self.external_ips, *self.load_balancer_ips)))


@dataclass(frozen=True, slots=True)
class Dns:
    """The cluster's DNS: its domain, the ClusterIP that pods ask, and the pods (places) behind it. `outside` is the
    internet's resolver, which machines ask.
    """

    domain: str = "cluster.local"
    service_ip: str = ""
    pods: tuple[str, ...] = ()
    outside: str = ""

    def search(self, namespace: str) -> tuple[str, ...]:
        """The search list in the resolv.conf of the namespace's pods."""
        return (f"{namespace}.svc.{self.domain}", f"svc.{self.domain}", self.domain)


@dataclass(frozen=True, slots=True)
class HostName:
    """A name of the lab's own internet and the address its resolver gives."""

    name: str
    address: str


@dataclass(frozen=True)
class LabMap:
    """The whole lab; the order of places is the design's. `stopped` are the components that somebody wants stopped,
    `impaired` the devices that lose or hold what leaves there.
    """

    lab: str
    encapsulation: str = ""
    subnets: tuple[Subnet, ...] = ()
    places: tuple[Place, ...] = ()
    services: tuple[Service, ...] = ()
    dns: Dns = Dns()
    internet: tuple[HostName, ...] = ()
    service_cidr: str = ""
    stopped: tuple[Stop, ...] = ()
    impaired: tuple[Impaired, ...] = ()

    @cached_property
    def by_name(self) -> dict[str, Place]:
        return {place.name: place for place in self.places}

    @cached_property
    def owners(self) -> dict[str, tuple[Place, Link]]:
        """Who has an address (without prefix length), and on which interface."""
        return {
            address.partition("/")[0]: (place, link)
            for place in self.places
            for link in place.links
            for address in link.addresses
        }

    @cached_property
    def by_mac(self) -> dict[str, str]:
        """The place whose interface has a MAC; of one that several have (the routed veths of pods), none."""
        found: dict[str, str] = {}
        for place in self.places:
            for link in place.links:
                if link.mac:
                    found[link.mac] = "" if link.mac in found else place.name
        return found

    @cached_property
    def by_address(self) -> dict[str, tuple[Service, ...]]:
        """The Services that have an address; several may share one for the outside, on different ports."""
        found: dict[str, tuple[Service, ...]] = {}
        for service in self.services:
            for address in service.addresses:
                found[address] = (*found.get(address, ()), service)
        return found

    def could_be_a_services(self, address: str) -> bool:
        """Whether it is in the range that ClusterIPs are taken of, and nobody has it."""
        if not self.service_cidr or address in self.by_address or address in self.owners:
            return False
        return number(address) in Prefix.of(self.service_cidr)

    @cached_property
    def by_node_port(self) -> dict[tuple[int, str], tuple[Service, ServicePort]]:
        """The Service and its port behind a node port, by its number and protocol as Kubernetes writes it."""
        return {
            (port.node_port, port.protocol): (service, port)
            for service in self.services
            for port in service.ports
            if port.node_port
        }

    def has_device(self, place: str, device: str) -> bool:
        """Whether the place is there, and has that interface."""
        return place in self.by_name and self.by_name[place].link(device) is not None

    @cached_property
    def by_impaired(self) -> dict[tuple[str, str], Impaired]:
        """What is done to what leaves a device, by its place and name."""
        return {(one.place, one.device): one for one in self.impaired}

    def find(self, name: str) -> Place:
        """The place of that name; a pod also by its name alone, where only one has it. UsageError otherwise."""
        found = self.by_name.get(name)
        if found is not None:
            return found
        pods = [place for place in self.places if place.kind == "pod" and place.name.partition("/")[2] == name]
        if len(pods) == 1:
            return pods[0]
        if pods:
            choice = " or ".join(pod.name for pod in pods)
            raise UsageError(f"{name!r} is the name of several pods", f"say {choice}")
        known = (*self.by_name, *(place.name.partition("/")[2] for place in self.places if place.kind == "pod"))
        otherwise = "`./inv inspect` lists the places"
        raise UsageError(f"lab {self.lab!r} has no place {name!r}", did_you_mean(name, known, otherwise))

    @cached_property
    def vxlan_ports(self) -> frozenset[int]:
        """The UDP ports on which VXLAN is to be expected: the usual ones, and those of the lab's own tunnels."""
        return frozenset((*VXLAN_PORTS, *(link.port for link in self._tunnels if link.kind == "vxlan")))

    @cached_property
    def wireguard_ports(self) -> frozenset[int]:
        """The UDP ports on which WireGuard speaks here."""
        return frozenset(link.port for link in self._tunnels if link.kind == SEALED)

    @cached_property
    def has_ipip(self) -> bool:
        """Whether some place has an IPIP tunnel."""
        return any(link.kind == "ipip" for link in self._tunnels)

    @property
    def _tunnels(self) -> Iterator[Link]:
        return (link for place in self.places for link in place.links if link.kind in TUNNELS)

    def wireguard_end(self, address: str) -> tuple[Place, Link] | None:
        """The node whose WireGuard device decrypts what is for an address, and the device: of a pod's, its node's."""
        owner, _ = self.owners.get(address, (None, None))
        node = self.by_name.get(owner.node or owner.name) if owner is not None else None
        device = next((link for link in node.links if link.kind == SEALED), None) if node is not None else None
        return (node, device) if node is not None and device is not None else None

    @cached_property
    def bridge_ports(self) -> dict[tuple[str, str], str]:
        """The bridge of every interface that is a port of one, by place and interface."""
        return {(place.name, link.name): link.master for place in self.places for link in place.links if link.master}

    def node_of(self, endpoint: Endpoint) -> str:
        """The node that an endpoint is on, "" where nobody said."""
        place = self.by_name.get(endpoint.pod)
        return place.node if place else endpoint.node

    def resolver(self, place: Place) -> Resolver:
        """What the lab wrote into the place's resolv.conf. The file itself is the truth: somebody may have edited it
        (`Sandbox.own_file` reads it, `Resolver.from_text` understands it).
        """
        if place.resolver is not None:
            return place.resolver
        if place.kind == "pod":
            search = self.dns.search(place.name.partition("/")[0])
            return Resolver((self.dns.service_ip,), search, (f"ndots:{NDOTS}",))
        return Resolver((self.dns.outside,))

    def hostname(self, place: Place) -> str:
        """What the place's kernel calls it."""
        return place.hostname or place.name.rpartition("/")[2]

    def hosts(self, place: Place) -> tuple[HostsEntry, ...]:
        """The lines of the place's hosts file beside localhost's, as the lab wrote them."""
        return place.hosts or (HostsEntry(place.address, (self.hostname(place),)),)

    def of_kind(self, kind: str) -> tuple[Place, ...]:
        return tuple(place for place in self.places if place.kind == kind)

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists and scalars for json.dumps."""
        plain: dict[str, Any] = _plain(self)
        return plain

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LabMap:
        """The map that `to_json` was made of; what is said beside it (`inspect --json`) is left out."""
        known = {each.name for each in fields(LabMap)}
        return _build(LabMap, {name: value for name, value in data.items() if name in known})


_LISTS: dict[type, dict[str, type | None]] = {  # of what a field's list is made; None for scalars
    LabMap: {
        "subnets": Subnet,
        "places": Place,
        "services": Service,
        "internet": HostName,
        "stopped": Stop,
        "impaired": Impaired,
    },
    Place: {"subnets": None, "links": Link, "routes": Way, "hosts": HostsEntry, "unobeyed": None},
    HostsEntry: {"names": None},
    Resolver: {"nameservers": None, "search": None, "options": None},
    Link: {"addresses": None},
    Service: {"ports": ServicePort, "external_ips": None, "load_balancer_ips": None},
    ServicePort: {"endpoints": Endpoint},
    Endpoint: {"for_nodes": None, "for_zones": None},
    Dns: {"pods": None},
}
_PARTS: dict[type, dict[str, type]] = {LabMap: {"dns": Dns}, Place: {"resolver": Resolver}}  # those that are no lists
_DEFAULTS: dict[type, tuple[tuple[str, Any], ...]] = {
    kind: tuple((item.name, item.default) for item in fields(kind))
    for kind in (
        *(LabMap, Place, Link, Way, Subnet, Service, ServicePort, Endpoint, Dns, HostName, Resolver, HostsEntry),
        *(Stop, Impaired),
    )
}


def _plain(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """`value` as JSON has it; members that have their default value are left out."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    defaults = _DEFAULTS.get(type(value))
    if defaults is None:
        return value
    return {name: _plain(member) for name, default in defaults if (member := getattr(value, name)) != default}


def _build(kind: type[T], data: Mapping[str, Any]) -> T:
    """An object of `kind`; its lists become tuples, its parts objects."""
    lists = _LISTS.get(kind)
    if lists is None:
        return kind(**data)
    values = dict(data)
    for name, member in lists.items():
        if found := values.get(name):
            values[name] = tuple(found if member is None else [_build(member, item) for item in found])
    for name, part in _PARTS.get(kind, {}).items():
        if name in values:
            values[name] = _build(part, values[name])
    return kind(**values)
