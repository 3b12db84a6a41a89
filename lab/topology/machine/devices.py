"""Which interfaces a place has whatever pods it has: those that a dump's lines may be about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.topology.machine.dump import LeftOutError

if TYPE_CHECKING:
    from lab.topology.schema import Spec

PODS = ("cali", "veth")
"""How the names of pods' cables begin, of Calico and of the CNI plugin bridge."""


@dataclass(frozen=True, slots=True)
class Devices:
    """Those of one place. `tunnels` are its VXLAN devices."""

    place: str
    names: tuple[str, ...]
    tunnels: tuple[str, ...] = ()

    def require(self, name: str) -> None:
        """LeftOutError where there is no such interface."""
        if name not in self.names:
            pods = "of pods' interfaces: the lab makes those of its own pods"
            raise LeftOutError(pods if name.startswith(PODS) else f"of interfaces that {self.place} has not")


def devices(spec: Spec, place: str, cables: tuple[str, ...]) -> Devices:
    """Of a complete spec's node or router; `cables` are its own in subnets, as `node-0/eth0`."""
    ends = tuple(name.partition("/")[2] for name in cables)
    if all(node.name != place for node in spec.nodes):
        return Devices(place, ("lo", *ends))
    tunnels = tuple(_vxlan(spec))
    return Devices(place, ("lo", *ends, *tunnels, *_further(spec)), tunnels)


def _encapsulations(spec: Spec) -> Iterator[str]:
    yield spec.cni.encapsulation or ""
    yield from (pool.encapsulation or "" for pool in spec.cni.ip_pools)


def _vxlan(spec: Spec) -> Iterator[str]:
    if any(one.startswith("VXLAN") for one in _encapsulations(spec)):
        yield "vxlan.calico" if spec.cni.plugin == "calico" else "flannel.1"


def _further(spec: Spec) -> Iterator[str]:
    if any(one.startswith("IPIP") for one in _encapsulations(spec)):
        yield "tunl0"
    if spec.cni.plugin == "flannel":
        yield "cni0"
    if spec.cni.wireguard_enabled:
        yield "wireguard.cali"
    if spec.services.proxy == "ipvs":
        yield "kube-ipvs0"
