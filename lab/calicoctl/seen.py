"""A lab as Calico's datastore would show it: pools, blocks and who has which address, nodes, pods, BGP peers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lab.network.calico.dataplane import tunnel_of
from lab.network.calico.wireguard import private_key, public_key
from lab.network.ipv4 import Prefix, number
from lab.network.naming import calico_tunnel_mac
from lab.network.pools import Pools
from lab.network.wiring import wiring
from lab.topology.defaults import complete, pools_of

if TYPE_CHECKING:
    from lab.network.ipam import Addresses
    from lab.topology.schema import Topology

Json = dict[str, Any]

DEFAULT_POOL = "default-ipv4-ippool"
NETWORK = "k8s-pod-network"  # what Calico's manifests call the CNI network, and handles begin with
MESH, OF_NODE = "node-to-node mesh", "node specific"
_TYPES = {"vxlan": "vxlanTunnelAddress", "ipip": "ipipTunnelAddress", "wireguard": "wireguardTunnelAddress"}


@dataclass(frozen=True, slots=True)
class Pool:
    """`encapsulation` is the topology's word, such as VXLANCrossSubnet; `block` the length of its blocks."""

    name: str
    cidr: str
    encapsulation: str
    nat_outgoing: bool
    block: int

    def mode(self, tunnel: str) -> str:
        """When packets travel in a tunnel of that kind (`VXLAN`, `IPIP`): Always, CrossSubnet or Never."""
        if not self.encapsulation.startswith(tunnel):
            return "Never"
        return self.encapsulation.removeprefix(tunnel) or "Always"


@dataclass(frozen=True, slots=True)
class Node:
    """`address` has its subnet's prefix length; without a tunnel its address and MAC are "", without WireGuard the
    device's address and public key.
    """

    name: str
    address: str
    tunnel: str = ""
    tunnel_mac: str = ""
    wireguard: str = ""
    public_key: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a pool, and the node that has claimed it."""

    cidr: str
    node: str

    @property
    def size(self) -> int:
        return Prefix.of(self.cidr).size


@dataclass(frozen=True, slots=True)
class Allocation:
    """An address that is given away: to a pod, or as a node's tunnel's. `attributes` are sorted by their names."""

    address: str
    node: str
    handle: str
    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Peer:
    """Whom a node's BIRD would talk to: `place` has the address. One that is `passive` is waited for: it begins."""

    address: str
    place: str
    kind: str
    passive: bool = False


@dataclass(frozen=True)
class Seen:
    """`tunnel` is vxlan, ipip or ""; `pods` and `api_nodes` are the API's objects, at `revision`; `began` is when the
    lab came up, in seconds since 1970.
    """

    plugin: str
    tunnel: str
    pools: tuple[Pool, ...]
    nodes: tuple[Node, ...]
    blocks: tuple[Block, ...]
    given: Mapping[str, str]
    routers: Mapping[str, tuple[tuple[str, str], ...]]
    pods: tuple[Json, ...]
    api_nodes: tuple[Json, ...]
    revision: str
    began: float

    @property
    def speaks_bgp(self) -> bool:
        """Whether some pool's routes are BGP's: those without a tunnel, and those with IPIP."""
        return any(not pool.encapsulation.startswith("VXLAN") for pool in self.pools)

    @cached_property
    def allocations(self) -> tuple[Allocation, ...]:
        """All addresses that are given away, in their order."""
        found = [*self._of_tunnels(), *self._of_pods()]
        return tuple(sorted(found, key=lambda one: number(one.address)))

    @cached_property
    def _by_block(self) -> dict[int, list[Allocation]]:
        """By the first address of the block that each is of: all blocks have one length."""
        found: defaultdict[int, list[Allocation]] = defaultdict(list)
        for one in self.allocations:
            found[self._block_of(one.address)].append(one)
        return found

    def _block_of(self, address: str) -> int:
        return number(address) & Prefix(0, self.pools[0].block).mask

    def within(self, block: Block) -> list[Allocation]:
        """Those of a block."""
        return self._by_block.get(Prefix.of(block.cidr).network, [])

    def peers(self, node: str) -> tuple[Peer, ...]:
        """The mesh's, then the routers that learn the blocks of pools without a tunnel. Source: confd's templates; of
        two nodes the one with the lesser address, as text, waits for the other.
        """
        own = next(one for one in self.nodes if one.name == node).address.partition("/")[0]
        mesh = [(one.address.partition("/")[0], one.name) for one in self.nodes if one.name != node]
        others = self.routers.get(node, ()) if any(pool.encapsulation == "None" for pool in self.pools) else ()
        return (
            *(Peer(address, place, MESH, address > own) for address, place in mesh),
            *(Peer(address, place, OF_NODE) for address, place in others),
        )

    def _of_tunnels(self) -> Iterator[Allocation]:
        for node in self.nodes:
            for kind, address in ((self.tunnel, node.tunnel), ("wireguard", node.wireguard)):
                if address:
                    attributes = (("node", node.name), ("type", _TYPES[kind]))
                    yield Allocation(address, node.name, f"{kind}-tunnel-addr-{node.name}", attributes)

    def _of_pods(self) -> Iterator[Allocation]:
        known = {place_of(pod): pod for pod in self.pods}
        claimed = {Prefix.of(block.cidr).network: block.node for block in self.blocks}
        for place, address in self.given.items():
            namespace, _, name = place.partition("/")
            node = claimed.get(self._block_of(address), "")
            attributes = {"namespace": namespace, "node": node, "pod": name}
            pod = known.get(place)
            if pod is not None:
                attributes["timestamp"] = _as_go_prints(pod["metadata"]["creationTimestamp"])
            handle = f"{NETWORK}.{container_id(pod)}" if pod else ""
            yield Allocation(address, node, handle, tuple(sorted(attributes.items())))


def place_of(pod: Json) -> str:
    """`NAMESPACE/NAME`."""
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def container_id(pod: Json) -> str:
    """What stands for the pod's sandbox: in the lab its uid, as its containers' ids have it."""
    return str(pod["metadata"]["uid"])


def seen(
    topology: Topology,
    addresses: Addresses,
    pods: Sequence[Json] = (),
    nodes: Sequence[Json] = (),
    revision: str = "",
    began: float = 0.0,
) -> Seen:
    """Of a design, and of the API's objects."""
    topology = complete(topology)
    cni, wires = topology.spec.cni, wiring(topology)
    tunnel = tunnel_of(topology).kind if cni.plugin == "calico" else ""
    block, several = Pools.of(cni).block, len(pools_of(cni)) > 1
    pools = [
        Pool(_pool_name(one.cidr, i) if several else DEFAULT_POOL, one.cidr, one.encapsulation or "None", nat, block)
        for i, one in enumerate(pools_of(cni))
        for nat in (one.nat_outgoing,)
    ]

    def node(name: str, subnet: str) -> Node:
        address = f"{addresses.nodes[name]}/{Prefix.of(wires.subnets[subnet]).length}"
        mac = calico_tunnel_mac(name) if tunnel == "vxlan" else ""
        key = public_key(private_key(name)) if name in addresses.wireguard else ""
        own = addresses.tunnels[name] if tunnel else ""
        return Node(name, address, own, mac, addresses.wireguard.get(name, ""), key)

    blocks = [Block(cidr, name) for name, owned in addresses.blocks.items() for cidr in owned]
    return Seen(
        cni.plugin,
        tunnel,
        tuple(sorted(pools, key=lambda one: one.name)),
        tuple(node(name, subnet) for name, subnet in sorted(wires.nodes.items())),
        tuple(sorted(blocks, key=_by_name)),
        addresses.pods,
        {
            name: tuple((addresses.routers[router, subnet], router) for router in wires.routers_of(subnet))
            for name, subnet in wires.nodes.items()
        },
        tuple(sorted(pods, key=lambda one: (one["metadata"]["namespace"], one["metadata"]["name"]))),
        tuple(sorted(nodes, key=lambda one: str(one["metadata"]["name"]))),
        revision,
        began,
    )


def _by_name(block: Block) -> str:
    """As the API sorts blocks: by what Calico calls their objects."""
    return block.cidr.replace(".", "-").replace("/", "-")


def _pool_name(cidr: str, index: int) -> str:
    """The topology gives pools no names; the first has the one that Calico's manifests give the only one."""
    return DEFAULT_POOL if index == 0 else f"ippool-{cidr.replace('.', '-').replace('/', '-')}"


def _as_go_prints(moment: str) -> str:
    """A time of the API (2026-11-30T09:26:22Z) as Go prints one."""
    return f"{moment.removesuffix('Z').replace('T', ' ')} +0000 UTC"
