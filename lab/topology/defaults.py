"""What follows when the file says nothing: the same topology with every choice made."""

from __future__ import annotations

from dataclasses import dataclass

from lab.topology.schema import Cni, Encapsulation, Router, Topology


@dataclass(frozen=True, slots=True)
class Plugin:
    """A network plugin's own defaults, and what it can do. `block` is the length of each node's prefix."""

    encapsulation: Encapsulation
    vni: int
    port: int
    block: int
    encapsulations: tuple[Encapsulation, ...]


PLUGINS = {
    "calico": Plugin(
        "VXLANCrossSubnet", 4096, 4789, 26, ("VXLANCrossSubnet", "VXLAN", "IPIPCrossSubnet", "IPIP", "None")
    ),
    "flannel": Plugin("VXLAN", 1, 8472, 24, ("VXLAN", "None")),
}


def overhead(encapsulation: Encapsulation) -> int:
    """Bytes that a tunnel adds to each packet: 50 for VXLAN over IPv4, 20 for IPIP."""
    return 50 if encapsulation.startswith("VXLAN") else 20 if encapsulation.startswith("IPIP") else 0


def tunnel_mtu(cni: Cni, underlay_mtu: int) -> int:
    """The MTU of a node's tunnel: the pods', but of VXLAN over a device no more than leaves room for its headers there.

    The kernel refuses more (vxlan_change_mtu: EINVAL); an IPIP device may have any.
    """
    wanted, encapsulation = cni.mtu or 0, cni.encapsulation or "None"
    return min(wanted, underlay_mtu - overhead(encapsulation)) if encapsulation.startswith("VXLAN") else wanted


def complete(topology: Topology) -> Topology:
    """One `router` on all subnets unless there are routers; nodes in the first subnet; the plugin's own numbers."""
    spec = topology.spec
    subnets = tuple(subnet.name for subnet in spec.subnets)
    routers = spec.routers or (Router(name="router"),)
    changes = {
        "routers": tuple(
            router if router.subnets else router.model_copy(update={"subnets": subnets}) for router in routers
        ),
        "nodes": tuple(
            node if node.subnet else node.model_copy(update={"subnet": subnets[0] if subnets else None})
            for node in spec.nodes
        ),
        "cni": _complete_cni(spec.cni, spec.underlay_mtu),
    }
    return topology.model_copy(update={"spec": spec.model_copy(update=changes)})


def _complete_cni(cni: Cni, underlay_mtu: int) -> Cni:
    plugin = PLUGINS[cni.plugin]
    encapsulation = cni.encapsulation or plugin.encapsulation
    changes = {
        "encapsulation": encapsulation,
        "vni": cni.vni or plugin.vni,
        "port": cni.port or plugin.port,
        "mtu": cni.mtu or underlay_mtu - overhead(encapsulation),
    }
    return cni.model_copy(update=changes)
