"""Calico's shape: routed pods behind `cali…` veths, a block of addresses per node, tunnels between nodes.

Facts: the tunnel device of every node, one neighbour and one forwarding entry per remote node (same subnet included),
one route per remote block, a blackhole for every own block, a /32 route per pod.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from lab.network.cable import End, cable
from lab.network.calico import rules, sets, wireguard, workloads
from lab.network.calico.sets import Tunnel
from lab.network.naming import calico_device, calico_tunnel_mac, mac
from lab.network.objects import (
    Address,
    Chain,
    FdbEntry,
    Interface,
    Ipip,
    IpSet,
    Neighbour,
    Object,
    Route,
    Sysctl,
    Vxlan,
)
from lab.network.pools import Pools
from lab.network.underlay.routing import default_router, device_towards, next_router, router_hop
from lab.network.wiring import Wiring, wiring
from lab.topology.defaults import pools_of, tunnel_mtu

if TYPE_CHECKING:
    from lab.cluster.objects import Cluster, Pod
    from lab.network.ipam import Addresses
    from lab.topology.schema import Topology

POD_MAC = "ee:ee:ee:ee:ee:ee"
POD_GATEWAY = "169.254.1.1"
FELIX = "80"  # the route protocol of what Felix programs
BIRD = "12"  # and of what BIRD learns by BGP, `bird` in iproute2's words
VXLAN_PORT = 4789

_POD_SETTINGS = (
    ("net.ipv4.conf.%s.proxy_arp", "1", f"the node answers for {POD_GATEWAY}"),
    ("net.ipv4.conf.%s.forwarding", "1", "forwards packets of the pod"),
    ("net.ipv4.conf.%s.route_localnet", "1", "as Felix sets it"),
    ("net.ipv4.conf.%s.rp_filter", "0", "spoofing is stopped by a rule in raw"),
    ("net.ipv4.neigh.%s.proxy_delay", "0", f"answers for {POD_GATEWAY} at once"),
)


def tunnel_of(topology: Topology) -> Tunnel:
    """How this topology's nodes tunnel."""
    cni = topology.spec.cni
    encapsulation, encrypts = cni.encapsulation or "", cni.wireguard_enabled
    if encapsulation.startswith("VXLAN"):
        return Tunnel("vxlan", "vxlan.calico", cni.port or VXLAN_PORT, encrypts)
    return Tunnel("ipip", "tunl0", 0, encrypts) if encapsulation.startswith("IPIP") else Tunnel("", wireguard=encrypts)


def nodes(topology: Topology, addresses: Addresses) -> Iterator[Object]:
    """Tunnels and routes between the nodes."""
    wires, pools = wiring(topology), Pools.of(topology.spec.cni)
    for node in wires.nodes:
        yield from _tunnel(topology, addresses, node)
        if topology.spec.cni.wireguard_enabled:
            yield from wireguard.node(topology, addresses, node)
        for block in addresses.blocks.get(node, ()):
            proto = FELIX if pools.encapsulation_of(block) != "None" else BIRD
            yield Route(node, block, type="blackhole", proto=proto, intent=f"block of {node}: no pod has the address")
        for remote in wires.nodes:
            if remote != node:
                yield from _remote(topology, addresses, wires, pools, (node, remote))
    if "None" in pools.encapsulations:
        yield from _router_blocks(addresses, wires, pools)


def pods(topology: Topology, cluster: Cluster, addresses: Addresses) -> Iterator[Object]:
    """Every pod's veth, address and routes, on both sides."""
    mtu = topology.spec.cni.mtu or 0
    for pod in cluster.pods:
        yield from _pod(pod, addresses.pods[pod.place], mtu)
        if topology.spec.cni.wireguard_enabled:
            yield wireguard.pod(pod, addresses.pods[pod.place])


def ip_sets(topology: Topology, addresses: Addresses) -> Iterator[IpSet]:
    """The address sets of every node."""
    tunnel, found = tunnel_of(topology), pools_of(topology.spec.cni)
    pools = tuple(sorted(pool.cidr for pool in found))
    masqueraded = tuple(sorted(pool.cidr for pool in found if pool.nat_outgoing))
    for node in wiring(topology).nodes:
        own = (addresses.tunnels.get(node, "") if tunnel.kind else "", addresses.wireguard.get(node, ""))
        yield from sets.ip_sets(node, addresses.nodes, pools, masqueraded, tunnel, own)


def chains(topology: Topology, node: str, residents: Iterable[Pod]) -> Iterator[Chain]:
    """Calico's own chains on a node with these pods."""
    tunnel = tunnel_of(topology)
    devices: list[tuple[str, str]] = []
    yield from rules.chains(node, tunnel, nat_outgoing=topology.spec.cni.nat_outgoing)
    here = list(residents)
    for namespace in sorted({pod.namespace for pod in here}):
        yield from workloads.profile_chains(node, namespace)
    for pod in here:
        device = calico_device(pod.namespace, pod.name)
        devices.append((device, pod.place))
        yield from workloads.pod_chains(node, device, pod.place, tunnel.port or VXLAN_PORT)
    yield from workloads.dispatch_chains(node, tuple(sorted(devices)))


def _tunnel(topology: Topology, addresses: Addresses, node: str) -> Iterator[Object]:
    cni, tunnel = topology.spec.cni, tunnel_of(topology)
    if not tunnel.kind:
        return
    mtu = tunnel_mtu(cni, topology.spec.underlay_mtu)
    if tunnel.kind == "vxlan":
        vxlan = Vxlan(cni.vni or 0, tunnel.port, addresses.nodes[node], "eth0")
        intent = f"VXLAN {cni.vni} to the other nodes"
        yield Interface(node, tunnel.device, "vxlan", calico_tunnel_mac(node), mtu, vxlan=vxlan, intent=intent)
    else:
        yield Interface(node, tunnel.device, "ipip", "", mtu, ipip=Ipip(), intent="IPIP to the other nodes")
    yield Address(node, tunnel.device, f"{addresses.tunnels[node]}/32", intent=f"tunnel address of {node}")


def _remote(
    topology: Topology, addresses: Addresses, wires: Wiring, pools: Pools, pair: tuple[str, str]
) -> Iterator[Object]:
    """What the first node of the pair knows of the other one."""
    node, remote = pair
    tunnel, subnet = tunnel_of(topology), wires.nodes[node]
    address, endpoint = addresses.nodes[remote], addresses.tunnels[remote]
    if tunnel.kind == "vxlan":
        lladdr = calico_tunnel_mac(remote)
        yield Neighbour(node, tunnel.device, endpoint, lladdr, intent=f"tunnel end of {remote}")
        yield FdbEntry(node, tunnel.device, lladdr, address, intent=f"VXLAN for {remote} goes to {address}")
    same_subnet = subnet == wires.nodes[remote]
    for block in addresses.blocks[remote]:
        encapsulation = pools.encapsulation_of(block)
        if encapsulation == "None":
            via = address if same_subnet else _router_address(addresses, wires, subnet, wires.nodes[remote])
            yield Route(node, block, via=via, device="eth0", proto=BIRD, intent=f"pods of {remote}, not encapsulated")
        elif same_subnet and encapsulation in ("VXLANCrossSubnet", "IPIPCrossSubnet"):
            intent = f"pods of {remote} in the same subnet, not encapsulated"
            yield Route(node, block, via=address, device="eth0", proto=FELIX, onlink=True, intent=intent)
        else:
            via = endpoint if tunnel.kind == "vxlan" else address
            intent = f"pods of {remote} through the tunnel"
            yield Route(node, block, via=via, device=tunnel.device, onlink=True, intent=intent)


def _router_address(addresses: Addresses, wires: Wiring, subnet: str, target: str) -> str:
    router = next_router(wires, subnet, target) or default_router(wires, subnet)
    return addresses.routers[router, subnet]


def _router_blocks(addresses: Addresses, wires: Wiring, pools: Pools) -> Iterator[Route]:
    """Without a tunnel the routers must know the pods' blocks: they peer with the nodes by BGP."""
    for router, joined in wires.routers.items():
        for node, subnet in wires.nodes.items():
            if subnet in joined:
                via, device = addresses.nodes[node], device_towards(wires, router, subnet)
            elif hop := router_hop(wires, addresses, router, subnet):
                via, device = hop[0], hop[1]
            else:
                continue
            for block in (one for one in addresses.blocks[node] if pools.encapsulation_of(one) == "None"):
                yield Route(router, block, via=via, device=device, proto=BIRD, intent=f"pods of {node}, by BGP")


def _pod(pod: Pod, address: str, mtu: int) -> Iterator[Object]:
    place, node, device = pod.place, pod.node, calico_device(pod.namespace, pod.name)
    near = End(node, device, POD_MAC, f"cable to pod {place}")
    yield from cable(near, End(place, "eth0", mac(place, "eth0"), f"cable to {node}"), mtu)
    for name, value, intent in _POD_SETTINGS:
        yield Sysctl(node, name % device, value, intent)
    yield Address(place, "eth0", f"{address}/32", f"address of pod {place}")
    yield Route(place, f"{POD_GATEWAY}/32", device="eth0", scope="link", intent="the node, by proxy ARP")
    yield Route(place, "default", via=POD_GATEWAY, device="eth0", intent=f"everything through {node}")
    yield Route(node, f"{address}/32", device=device, scope="link", intent=f"pod {place} on this node")
