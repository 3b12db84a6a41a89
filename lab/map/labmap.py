"""A lab as its readers see it: places, how they are joined, Services and names; all that a drawing or a trace needs.

The agent makes it from the design (`survey.lab_map`) and sends it as JSON; commands read it back without importing
anything heavy.
Values that are the usual ones ("" or 0, no members, ready) are left out of the JSON, so that 1,000 pods stay small.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lab.errors import UsageError
from lab.map.json_form import build, plain
from lab.map.names import Dns, HostName
from lab.map.place import Link, Place, Subnet
from lab.map.services import Endpoint, Service, ServicePort
from lab.network.components import Stop
from lab.network.dns.resolver import HostsEntry, Resolver
from lab.network.ipv4 import Prefix, number
from lab.network.tunnels import SEALED, TUNNELS
from lab.network.underlay.netem_device import Impaired
from lab.suggestion import did_you_mean

VXLAN_PORTS = (4789, 8472)  # IANA's, and Linux's own default, which flannel uses
NDOTS = 5  # kubelet's ClusterFirst
_NO_DNS = Dns()


@dataclass(frozen=True)
class LabMap:
    """The whole lab; the order of places is the design's. `stopped` are the components that somebody wants stopped,
    `impaired` the devices that lose or hold what leaves there, `unmasked` the pools whose pods go out with their own
    addresses.
    """

    lab: str
    encapsulation: str = ""
    subnets: tuple[Subnet, ...] = ()
    places: tuple[Place, ...] = ()
    services: tuple[Service, ...] = ()
    dns: Dns = _NO_DNS
    internet: tuple[HostName, ...] = ()
    service_cidr: str = ""
    stopped: tuple[Stop, ...] = ()
    impaired: tuple[Impaired, ...] = ()
    unmasked: tuple[str, ...] = ()

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
        members: dict[str, Any] = plain(self)
        return members

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LabMap:
        """The map that `to_json` was made of; what is said beside it (`inspect --json`) is left out."""
        lists: dict[str, Any] = {
            name: tuple(build(kind, item) for item in data.get(name, ())) for name, kind in _MEMBERS.items()
        }
        words: dict[str, Any] = {name: data[name] for name in ("lab", "encapsulation", "service_cidr") if name in data}
        unmasked = tuple(data.get("unmasked", ()))
        return cls(dns=build(Dns, data.get("dns", {})), unmasked=unmasked, **lists, **words)


_MEMBERS: dict[str, type] = {
    "subnets": Subnet,
    "places": Place,
    "services": Service,
    "internet": HostName,
    "stopped": Stop,
    "impaired": Impaired,
}
