"""What follows when the file says nothing: the same topology with every choice made."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network

from lab.topology.schema import Cni, Encapsulation, IpPool, Router, Spec, Topology


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


WIREGUARD = 60
"""Headers of IPv4, UDP and WireGuard, and its authentication tag."""


def overhead(encapsulation: Encapsulation) -> int:
    """Bytes that a tunnel adds to each packet: 50 for VXLAN over IPv4, 20 for IPIP."""
    return 50 if encapsulation.startswith("VXLAN") else 20 if encapsulation.startswith("IPIP") else 0


def most_overhead(cni: Cni) -> int:
    """What pods' packets may get around them: by the encapsulation, or by WireGuard over IPv4, which is 60."""
    return WIREGUARD if cni.wireguard_enabled else overhead(cni.encapsulation or "None")


def pools_of(cni: Cni) -> tuple[IpPool, ...]:
    """The pools of pods' addresses, in the order in which they are tried: those that are given, or the only one."""
    if cni.ip_pools:
        return cni.ip_pools
    return (IpPool(cidr=cni.pod_cidr, encapsulation=cni.encapsulation, nat_outgoing=cni.nat_outgoing),)


def tunnel_pool(cni: Cni) -> int:
    """Which of the pools gives nodes their tunnels' addresses: the first that has a tunnel, else the first."""
    found = (i for i, pool in enumerate(pools_of(cni)) if pool.encapsulation != "None")
    return next(found, 0)


def tunnel_mtu(cni: Cni, underlay_mtu: int) -> int:
    """The MTU of a node's tunnel: the pods', but of VXLAN over a device no more than leaves room for its headers there.

    The kernel refuses more (vxlan_change_mtu: EINVAL); an IPIP device may have any.
    """
    wanted, encapsulation = cni.mtu or 0, cni.encapsulation or "None"
    if cni.wireguard_enabled and wanted == underlay_mtu - WIREGUARD:
        wanted = underlay_mtu - overhead(encapsulation)  # nobody chose it: Felix has each device's own
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
        "cni": _complete_cni(spec),
    }
    return topology.model_copy(update={"spec": spec.model_copy(update=changes)})


def _complete_cni(spec: Spec) -> Cni:
    cni, underlay_mtu = spec.cni, spec.underlay_mtu
    plugin = PLUGINS[cni.plugin]
    if cni.ip_pools:
        cni = _with_pools(spec, plugin)
    encapsulation = cni.encapsulation or plugin.encapsulation
    changes = {
        "encapsulation": encapsulation,
        "vni": cni.vni or plugin.vni,
        "port": cni.port or plugin.port,
    }
    cni = cni.model_copy(update=changes)
    return cni.model_copy(update={"mtu": cni.mtu or underlay_mtu - most_overhead(cni)})


def _with_pools(spec: Spec, plugin: Plugin) -> Cni:
    """What follows from the pools for all pods: the kind of tunnel, and the prefix that kube-proxy takes for theirs."""
    pools = tuple(
        pool if pool.encapsulation else pool.model_copy(update={"encapsulation": plugin.encapsulation})
        for pool in spec.cni.ip_pools
    )
    cni = spec.cni.model_copy(update={"ip_pools": pools})
    changes = {
        "encapsulation": pools[tunnel_pool(cni)].encapsulation,
        "pod_cidr": _cluster_cidr(spec),
        "nat_outgoing": any(pool.nat_outgoing for pool in pools),
    }
    return cni.model_copy(update=changes)


def _cluster_cidr(spec: Spec) -> str:
    """The smallest prefix that has all pools in it and nothing else of the topology; where there is none, the first."""
    pools = [IPv4Network(pool.cidr) for pool in spec.cni.ip_pools]
    others = [IPv4Network(text) for text in (spec.services.cidr, spec.internet.cidr)]
    others += [IPv4Network(subnet.cidr) for subnet in spec.subnets]
    found = pools[0]
    while found.prefixlen > 0 and not all(pool.subnet_of(found) for pool in pools):
        found = found.supernet()
    return str(pools[0] if any(found.overlaps(other) for other in others) else found)
