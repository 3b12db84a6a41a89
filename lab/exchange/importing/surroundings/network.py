"""Which network plugin a cluster has, and how its pods' packets travel.

Sources: Calico's IPPools, flannel's annotations; where these are not there, devices and routes of the machines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Any

from lab.exchange.importing.collection.machine import Machine
from lab.exchange.importing.collection.notes import Notes
from lab.exchange.importing.collection.objects import Objects
from lab.exchange.importing.collection.routing import Route, prefix
from lab.exchange.importing.surroundings.ranges import pod_cidr
from lab.exchange.importing.surroundings.underlay import Underlay
from lab.topology.defaults import PLUGINS, overhead
from lab.topology.schema import Encapsulation

CALICO, FLANNEL = "calico", "flannel"
_FLANNEL = "flannel.alpha.coreos.com/"
TUNNELS = ("vxlan.calico", "flannel.1", "tunl0")


@dataclass(frozen=True, slots=True)
class Pool:
    cidr: str
    encapsulation: Encapsulation
    nat: bool = True


@dataclass(slots=True)
class Network:
    """As the topology says it. Fields that are empty are the defaults."""

    plugin: str
    encapsulation: Encapsulation
    pod_cidr: str
    pools: tuple[Pool, ...] = ()
    nat: bool = True
    tunnel: dict[str, int] = field(default_factory=dict)
    """vni and port, where they are not the plugin's own"""
    mtu: int = 0
    underlay_mtu: int = 1500

    @property
    def prefixes(self) -> list[IPv4Network]:
        """Where pods' addresses come from."""
        return [IPv4Network(pool.cidr) for pool in self.pools] or [IPv4Network(self.pod_cidr)]

    def encapsulation_of(self, block: IPv4Network) -> str:
        return next(
            (one.encapsulation for one in self.pools if block.subnet_of(IPv4Network(one.cidr))), self.encapsulation
        )


Routes = dict[str, list[Route]]
"""by the node's name"""


def network(objects: Objects, machines: dict[str, Machine], routes: Routes, ground: Underlay, notes: Notes) -> Network:
    """What all of it says together; what had to be guessed is noted."""
    devices = {name for machine in machines.values() for name in machine.devices}
    plugin = _plugin(objects, devices, notes)
    pools = _pools(objects, notes) if plugin == CALICO else ()
    encapsulation = pools[0].encapsulation if pools else _encapsulation(plugin, objects, devices, routes, ground)
    cidr = pools[0].cidr if pools else pod_cidr(objects, machines, notes)
    made = Network(plugin, encapsulation, cidr, pools if len(pools) > 1 else ())
    made.nat = pools[0].nat if pools else _masquerades(plugin, machines)
    made.tunnel = _tunnel(plugin, encapsulation, machines)
    mains = [
        one.machine.devices[one.device].mtu for one in ground.nodes if one.machine and one.device in one.machine.devices
    ]
    made.underlay_mtu = _most(mains) or 1500
    inner = _most(
        device.mtu
        for machine in machines.values()
        for device in machine.devices.values()
        if device.name.startswith(("cali", "veth")) or device.name in ("vxlan.calico", "flannel.1", "cni0")
    )
    kinds = [pool.encapsulation for pool in pools] or [encapsulation]
    usual = made.underlay_mtu - max(map(overhead, kinds))
    made.mtu = inner if inner and inner != usual else 0
    return made


def _most(numbers: Iterable[int]) -> int:
    found = Counter(one for one in numbers if one)
    return found.most_common(1)[0][0] if found else 0


def _plugin(objects: Objects, devices: set[str], notes: Notes) -> str:
    agents = {
        pod.name.rstrip("0123456789abcdefghijklmnopqrstuvwxyz").rstrip("-") or pod.name
        for pod in objects.pods
        if pod.host
    }
    annotated = {key.partition("/")[0] for node in objects.nodes for key, _ in node.annotations}
    if any(name.startswith("cilium_") for name in devices) or any(one.startswith("cilium") for one in agents):
        notes.add(
            "the cluster's network is Cilium's: what it does in eBPF is missing (Services, policies, tunnels); pods "
            "get routed cables as Calico's, and no more than routes and rules of iptables is as it was"
        )
        return CALICO
    calico = any(name.startswith("cali") or name == "vxlan.calico" for name in devices)
    if objects.pools or calico or "projectcalico.org" in annotated or any("calico-node" in one for one in agents):
        if "bpfin.cali" in devices:
            notes.add("Calico works with eBPF here: its programs are missing, the lab's Calico works with iptables")
        if "flannel.1" in devices:
            notes.add("Calico and flannel are both here (Canal): the lab has Calico, with a tunnel of its own")
        return CALICO
    if {"flannel.1", "cni0"} & devices or "flannel.alpha.coreos.com" in annotated:
        return FLANNEL
    told = "nothing tells the network plugin" if not devices else "the network plugin is none that the lab has"
    notes.add(f"{told}: pods get routed cables as Calico's, without a tunnel")
    return CALICO


def _pools(objects: Objects, notes: Notes) -> tuple[Pool, ...]:
    found = []
    for spec in objects.pools:
        cidr = str(spec.get("cidr"))
        if prefix(cidr) is None or spec.get("disabled") is True:
            continue  # of IPv6, say
        if spec.get("blockSize", 26) != 26:
            notes.add(f"the pool {cidr} has blocks of /{spec['blockSize']}: the lab's are /26")
        found.append(Pool(cidr, _mode(spec), spec.get("natOutgoing") is True))
    return tuple(found)


def _mode(spec: dict[str, Any]) -> Encapsulation:
    for (name, mode), encapsulation in _MODES.items():
        if spec.get(name) == mode:
            return encapsulation
    return "None"


_MODES: dict[tuple[str, str], Encapsulation] = {
    ("vxlanMode", "Always"): "VXLAN",
    ("vxlanMode", "CrossSubnet"): "VXLANCrossSubnet",
    ("ipipMode", "Always"): "IPIP",
    ("ipipMode", "CrossSubnet"): "IPIPCrossSubnet",
}


def _encapsulation(plugin: str, objects: Objects, devices: set[str], routes: Routes, ground: Underlay) -> Encapsulation:
    if plugin == FLANNEL:
        backends = {node.annotation(f"{_FLANNEL}backend-type") for node in objects.nodes}
        return "VXLAN" if "flannel.1" in devices or "vxlan" in backends else "None"
    annotated = {key for node in objects.nodes for key, _ in node.annotations}
    through = {route.device for found in routes.values() for route in found}
    if "vxlan.calico" in devices or "projectcalico.org/IPv4VXLANTunnelAddr" in annotated:
        return "VXLANCrossSubnet" if _goes_direct(routes, ground) else "VXLAN"
    if "tunl0" in through or "projectcalico.org/IPv4IPIPTunnelAddr" in annotated:
        return "IPIPCrossSubnet" if _goes_direct(routes, ground) else "IPIP"
    return "None"


def _goes_direct(routes: Routes, ground: Underlay) -> bool:
    """Whether some node reaches pods of another in its subnet without the tunnel; where there is no such pair of
    nodes, nobody can tell, and CrossSubnet is what most have.
    """
    by_address = {one.address: one for one in ground.nodes}
    pairs = False
    for here in ground.nodes:
        for route in routes.get(here.node.name, ()):
            there = by_address.get(route.via)
            if there and there.subnet == here.subnet and not route.kernel and route.destination != "default":
                if route.device == here.device:
                    return True
                pairs = True
    return not pairs and len({one.subnet for one in ground.nodes}) == len(ground.nodes)


def _masquerades(plugin: str, machines: dict[str, Machine]) -> bool:
    told = [machine.sets for machine in machines.values() if "cali40all-ipam-pools" in machine.sets]
    return plugin != CALICO or not told or any("add cali40masq-ipam-pools" in sets for sets in told)


def _tunnel(plugin: str, encapsulation: str, machines: dict[str, Machine]) -> dict[str, int]:
    if not encapsulation.startswith("VXLAN"):
        return {}
    name = "vxlan.calico" if plugin == CALICO else "flannel.1"
    told = [machine.devices[name].data for machine in machines.values() if name in machine.devices]
    usual = {"vni": PLUGINS[plugin].vni, "port": PLUGINS[plugin].port}
    found = {
        field_: _most(int(data[key]) for data in told if isinstance(data.get(key), int))
        for field_, key in (("vni", "id"), ("port", "port"))
    }
    return {field_: number for field_, number in found.items() if number and number != usual[field_]}
