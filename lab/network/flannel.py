"""flannel's shape: a subnet of pod addresses per node, pods behind the bridge cni0, VXLAN or routes between nodes.

Rules, their comments and their order are flanneld's; the pod's interface is the bridge plugin's, with hairpin on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lab.network.cable import End, cable
from lab.network.ipv4 import Prefix
from lab.network.naming import bridge_device, mac
from lab.network.objects import Address, Chain, FdbEntry, Interface, Neighbour, Object, Route, Rule, Vxlan
from lab.network.wiring import wiring
from lab.topology.defaults import tunnel_mtu

if TYPE_CHECKING:
    from lab.cluster.objects import Cluster, Pod
    from lab.network.ipam import Addresses
    from lab.topology.schema import Topology

TUNNEL = "flannel.1"
BRIDGE = "cni0"
_MASQ = '-m comment --comment "flanneld masq"'
_FORWARD = '-m comment --comment "flanneld forward"'


def nodes(topology: Topology, addresses: Addresses) -> Iterator[Object]:
    """The bridge of every node, its tunnel, and its routes to the others.

    Without encapsulation (host-gw) a node has routes only to nodes of its own subnet: flannel cannot do more.
    """
    wires, cni = wiring(topology), topology.spec.cni
    mtu = cni.mtu or 0
    tunnels = cni.encapsulation == "VXLAN"
    for node, subnet in wires.nodes.items():
        own = Prefix.of(addresses.blocks[node][0])
        if tunnels:
            vxlan = Vxlan(cni.vni or 0, cni.port or 0, addresses.nodes[node], "eth0")
            intent = f"VXLAN {cni.vni} to the other nodes"
            its_mtu = tunnel_mtu(cni, topology.spec.underlay_mtu)
            yield Interface(node, TUNNEL, "vxlan", mac(node, TUNNEL), its_mtu, vxlan=vxlan, intent=intent)
            yield Address(node, TUNNEL, f"{addresses.tunnels[node]}/32", f"tunnel address of {node}")
        yield Interface(node, BRIDGE, "bridge", mac(node, BRIDGE), mtu, intent=f"bridge of the pods on {node}")
        yield Address(node, BRIDGE, f"{own.address(1)}/{own.length}", f"gateway of the pods on {node}")
        for remote, its_subnet in wires.nodes.items():
            block, end, address = addresses.blocks[remote][0], addresses.tunnels[remote], addresses.nodes[remote]
            if remote == node:
                continue
            if tunnels:
                lladdr = mac(remote, TUNNEL)
                yield Route(node, block, via=end, device=TUNNEL, onlink=True, intent=f"pods of {remote} in the tunnel")
                yield Neighbour(node, TUNNEL, end, lladdr, f"tunnel end of {remote}")
                yield FdbEntry(node, TUNNEL, lladdr, address, f"VXLAN for {remote} goes to {address}")
            elif its_subnet == subnet:
                yield Route(node, block, via=address, device="eth0", intent=f"pods of {remote}, not encapsulated")


def pods(topology: Topology, cluster: Cluster, addresses: Addresses) -> Iterator[Object]:
    """Every pod's cable into its node's bridge, its address and its routes."""
    mtu = topology.spec.cni.mtu or 0
    for pod in cluster.pods:
        yield from _pod(pod, addresses, mtu)


def chains(addresses: Addresses, node: str) -> tuple[Chain, ...]:
    """flanneld's own chains on a node."""
    everyone, own = addresses.pod_cidr, addresses.blocks[node][0]
    masquerade = (
        Rule(f"-m mark --mark 0x4000/0x4000 {_MASQ} -j RETURN", "kube-proxy takes care of it"),
        Rule(f"-s {own} -d {everyone} {_MASQ} -j RETURN", "between pods: unchanged"),
        Rule(f"-s {everyone} -d {own} {_MASQ} -j RETURN", "between pods: unchanged"),
        Rule(f"! -s {everyone} -d {own} {_MASQ} -j RETURN", "to this node's pods: unchanged"),
        Rule(f"-s {everyone} ! -d 224.0.0.0/4 {_MASQ} -j MASQUERADE --random-fully", "a pod leaving the cluster"),
        Rule(f"! -s {everyone} -d {everyone} {_MASQ} -j MASQUERADE --random-fully", "from outside to a pod elsewhere"),
    )
    forward = (
        Rule(f"-s {everyone} {_FORWARD} -j ACCEPT", "from a pod"),
        Rule(f"-d {everyone} {_FORWARD} -j ACCEPT", "to a pod"),
    )
    return (
        Chain(node, "nat", "FLANNEL-POSTRTG", masquerade, intent="source NAT of what leaves"),
        Chain(node, "filter", "FLANNEL-FWD", forward, intent="pods' traffic may be forwarded"),
    )


def jumps() -> dict[tuple[str, str], tuple[Rule, ...]]:
    """What flanneld appends to the built-in chains, by (table, chain)."""
    return {
        ("nat", "POSTROUTING"): (Rule(f"{_MASQ} -j FLANNEL-POSTRTG", "flannel's source NAT"),),
        ("filter", "FORWARD"): (Rule(f"{_FORWARD} -j FLANNEL-FWD", "flannel's forwarding"),),
    }


def _pod(pod: Pod, addresses: Addresses, mtu: int) -> Iterator[Object]:
    place, node, device = pod.place, pod.node, bridge_device(pod.namespace, pod.name)
    own = Prefix.of(addresses.blocks[node][0])
    gateway = own.address(1)
    near = End(node, device, mac(node, device), f"cable to pod {place}")
    far = End(place, "eth0", mac(place, "eth0"), f"cable to {node}")
    yield from cable(near, far, mtu, BRIDGE, hairpin=True)
    yield Address(place, "eth0", f"{addresses.pods[place]}/{own.length}", f"address of pod {place}")
    yield Route(place, "default", via=gateway, device="eth0", intent=f"everything else through {node}")
    yield Route(place, addresses.pod_cidr, via=gateway, device="eth0", intent="other nodes' pods")
