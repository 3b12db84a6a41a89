"""Who has which address: nodes, routers, gateway, internet, blocks of pod addresses, tunnels and pods."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.errors import UsageError
from lab.network.ipv4 import Prefix, dotted, number
from lab.network.pools import Pools
from lab.network.wiring import TRANSIT, Wiring, wiring
from lab.topology.defaults import complete
from lab.topology.handed.kept import Kept

if TYPE_CHECKING:
    from lab.cluster.objects import Cluster, Pod
    from lab.topology.schema import Cni, Topology

FIRST_NODE = 10  # nodes begin at .10 of their subnet; below are the routers
RESOLVER, WEB = 53, 80  # offsets in the internet's prefix, easy to remember; .2 and .3 where it is too small


@dataclass(frozen=True)
class Addresses:
    """Addresses without prefix length unless said otherwise; `routers` by (router, subnet), pods by place.

    `pod_cidr` is what kube-proxy takes for the pods' prefix. `blocks` are prefixes, those of each node in the order in
    which it claimed them; the first address of its first block in the pool that has a tunnel is its tunnel's (Calico),
    or its network's (flannel). `wireguard` is each node's address on its WireGuard device, where there are such.
    `further` are the addresses that a node really has beside its own: of tunnels, and of its pods' bridge.
    """

    pod_cidr: str
    nodes: dict[str, str]
    routers: dict[tuple[str, str], str]
    gateway_transit: str
    router_transit: str
    gateway_internet: str
    resolver: str
    web: str
    blocks: dict[str, tuple[str, ...]]
    tunnels: dict[str, str]
    pods: dict[str, str]
    wireguard: dict[str, str] = field(default_factory=dict)
    further: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def held(self, node: str) -> tuple[str, ...]:
        """A node's own addresses: its first, and those of its tunnels and of its pods' bridge."""
        return (self.nodes[node], *self.further.get(node, ()))

    def pod(self, place: str) -> str:
        """Address of the pod `NAMESPACE/POD`."""
        return self.pods[place]


def assign(topology: Topology, cluster: Cluster, previous: Addresses | None = None) -> Addresses:
    """Addresses for everything. Nodes, blocks and pods of `previous` keep theirs as long as the topology allows them.

    UsageError when a prefix is too small for what must go into it.
    """
    topology = complete(topology)
    spec = topology.spec
    wires = wiring(topology)
    pools = Pools.of(spec.cni)
    given = {node.name: node.pod_cidrs for node in spec.nodes}
    blocks, pods, wireguard = _pods(cluster, pools, given, previous, wireguard=spec.cni.wireguard_enabled)
    transit, outside = Prefix.of(wires.transit), Prefix.of(spec.internet.cidr)
    routers = {
        (router, subnet): Prefix.of(cidr).address(place)
        for subnet, cidr in wires.subnets.items()
        for place, router in enumerate(wires.routers_of(subnet), start=1)
    }
    routers[wires.first_router, TRANSIT] = transit.address(2)
    tunnels = {node: dotted(pools.tunnel_block(owned).network) for node, owned in blocks.items()}
    return Addresses(
        pod_cidr=spec.cni.pod_cidr,
        nodes=_nodes(topology, wires, previous),
        routers=routers,
        gateway_transit=transit.address(1),
        router_transit=transit.address(2),
        gateway_internet=outside.address(1),
        resolver=outside.address(RESOLVER if outside.size > WEB + 1 else 2),
        web=outside.address(WEB if outside.size > WEB + 1 else 3),
        blocks={node: tuple(map(str, owned)) for node, owned in blocks.items()},
        tunnels=tunnels,
        pods=pods,
        wireguard=wireguard,
        further={
            node: tuple(_further(spec.cni, tunnels[node], owned[0], wireguard.get(node, "")))
            for node, owned in blocks.items()
        },
    )


def _further(cni: Cni, tunnel: str, block: Prefix, wireguard: str) -> Iterator[str]:
    if cni.encapsulation not in (None, "None"):
        yield tunnel
    if cni.plugin == "flannel":
        yield block.address(1)
    if wireguard:
        yield wireguard


def kept_addresses(kept: Kept) -> Addresses | None:
    """What a lab had given out, as `previous` of `assign`; None where nothing is said of it."""
    if kept == Kept():
        return None
    pods = {place: pod.address for place, pod in kept.pods.items()}
    return Addresses("", dict(kept.nodes), {}, "", "", "", "", "", dict(kept.blocks), {}, pods)


def node_addresses(topology: Topology, previous: Addresses | None = None) -> dict[str, str]:
    """Those of the nodes alone, in the topology's order, as `assign` gives them. UsageError as there."""
    return _nodes(complete(topology), wiring(complete(topology)), previous)


def _nodes(topology: Topology, wires: Wiring, previous: Addresses | None) -> dict[str, str]:
    """Node addresses: the file's own first, then those of before, then the next free one from .10 on."""
    taken = defaultdict(set)
    for subnet in wires.subnets:
        taken[subnet] = set(range(1 + len(wires.routers_of(subnet))))
    found: dict[str, str] = {}
    prefixes = {name: Prefix.of(cidr) for name, cidr in wires.subnets.items()}
    for node in topology.spec.nodes:
        if node.address:
            found[node.name] = node.address
            subnet = wires.nodes[node.name]
            taken[subnet].add(number(node.address) - prefixes[subnet].network)
    for name, address in (previous.nodes if previous else {}).items():
        subnet = wires.nodes.get(name, "")
        if name in found or not subnet:
            continue
        offset = number(address) - prefixes[subnet].network
        if number(address) in prefixes[subnet] and offset not in taken[subnet]:
            found[name] = address
            taken[subnet].add(offset)
    for name, subnet in wires.nodes.items():
        if name not in found:
            offset = _free(prefixes[subnet], taken[subnet], subnet)
            taken[subnet].add(offset)
            found[name] = prefixes[subnet].address(offset)
    return {name: found[name] for name in wires.nodes}


def _free(prefix: Prefix, taken: set[int], subnet: str) -> int:
    """The next free offset from .10 on; in a subnet too small for that, the next one at all. The last is broadcast."""
    for start in (FIRST_NODE, 1):
        for offset in range(start, prefix.size - 1):
            if offset not in taken:
                return offset
    raise UsageError(f"spec.subnets: {subnet} ({prefix}) has no address left for a node", "a larger cidr has room")


def _pods(
    cluster: Cluster,
    pools: Pools,
    given: Mapping[str, tuple[str, ...]],
    previous: Addresses | None,
    *,
    wireguard: bool,
) -> tuple[dict[str, list[Prefix]], dict[str, str], dict[str, str]]:
    """Blocks per node, addresses per pod, and of each node's WireGuard device. One block for every node first, which
    may be given, further ones as pods need them.
    """
    blocks = _blocks(cluster, pools, given, previous)
    free = pools.free_blocks(block for owned in blocks.values() for block in owned)
    for owned in blocks.values():
        if not any(block.network in pools.tunnel for block in owned):
            owned.append(next(free[pools.tunnel_index], None) or pools.exhausted())
    used: defaultdict[str, set[int]] = defaultdict(set)
    addresses: dict[str, str] = {}
    placed = [(pod.place, pod) for pod in cluster.pods]
    for pod, address in _held(cluster, blocks, pools, previous):
        addresses[pod.place] = address
        used[pod.node].add(number(address))
    devices: dict[str, str] = {}
    for node in cluster.nodes if wireguard else ():
        kept = previous.wireguard.get(node, "") if previous else ""
        if not (kept and any(number(kept) in block for block in blocks[node])):
            index = pools.tunnel_index
            kept = dotted(next(pools.addresses(index, blocks[node], free[index], used[node]), 0) or pools.exhausted())
        devices[node] = kept
        used[node].add(number(kept))
    cursors: dict[tuple[str, int], Iterator[int]] = {}
    for place, pod in placed:
        if place not in addresses:
            found = None
            for index in pools.open_to(pod.pools):
                where = (pod.node, index)
                if where not in cursors:
                    cursors[where] = pools.addresses(index, blocks[pod.node], free[index], used[pod.node])
                found = next(cursors[where], None)
                if found is not None:
                    break
            addresses[place] = dotted(pools.exhausted() if found is None else found)
    return blocks, {place: addresses[place] for place, _ in placed}, devices


def _blocks(
    cluster: Cluster, pools: Pools, given: Mapping[str, tuple[str, ...]], previous: Addresses | None
) -> dict[str, list[Prefix]]:
    """Each node's of before, and those that are given to it and were no other's."""
    before = previous.blocks if previous else {}
    owners = {block: node for node, blocks in before.items() for block in blocks}
    found: dict[str, list[Prefix]] = {}
    for node in cluster.nodes:
        own = (block for block in given.get(node, ()) if owners.get(block, node) == node)
        both = dict.fromkeys((*before.get(node, ()), *own))
        owned = [Prefix.of(block) for block in both if pools.has(block)]
        found[node] = owned[:1] if pools.flannel else owned
    return found


def _held(
    cluster: Cluster, blocks: Mapping[str, list[Prefix]], pools: Pools, previous: Addresses | None
) -> Iterator[tuple[Pod, str]]:
    """Pods that keep the address of before, then those that ask for one which is free."""
    used: set[tuple[str, int]] = set()
    for pod in cluster.pods if previous else ():
        address = previous.pods.get(pod.place) if previous else None
        kept = number(address) if address else 0
        if address and any(kept in block for block in blocks[pod.node]):
            used.add((pod.node, kept))
            yield pod, address
    had = previous.pods if previous else {}
    for pod in cluster.pods:
        if not pod.address or had.get(pod.place):
            continue
        wanted = number(pod.address)
        if (pod.node, wanted) not in used and _may_have(wanted, blocks[pod.node], pools):
            used.add((pod.node, wanted))
            yield pod, pod.address


def _may_have(wanted: int, owned: list[Prefix], pools: Pools) -> bool:
    """Whether it is of the node's blocks, and none that the node itself has."""
    block = next((one for one in owned if wanted in one), None)
    if block is None:
        return False
    if pools.flannel:
        return 2 <= wanted - block.network < block.size - 1
    return wanted != pools.tunnel_block(owned).network
