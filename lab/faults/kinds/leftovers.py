"""What other components have left on a node: rules of a kube-proxy that ran in another mode."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lab.cluster.objects import Endpoint
from lab.faults.difference import Difference, Given
from lab.faults.fault import Fault, Rewrite
from lab.faults.ground import Ground
from lab.network.chains import node_tables
from lab.network.ipv4 import Prefix

if TYPE_CHECKING:
    from lab.cluster.objects import EndpointSlice
    from lab.topology.schema import Topology

NFTABLES, IPTABLES = "nftables", "iptables"


def _answered(ground: Ground) -> str:
    """The first of the lab's own Services that pods are ready for; "" for none."""
    own = {pod.place for pod in ground.cluster.pods if pod.system}
    services = (one for one in ground.cluster.services if one.cluster_ip and one.ports)
    return next((one.full_name for one in services if set(ground.ready(one.full_name)) - own), "")


def _in_nftables_mode(topology: Topology) -> Topology:
    services = topology.spec.services.model_copy(update={"proxy": NFTABLES})
    return topology.model_copy(update={"spec": topology.spec.model_copy(update={"services": services})})


def _with_former_pod(piece: EndpointSlice, address: str) -> EndpointSlice:
    """The slice as it was when somebody else served."""
    former = (Endpoint(address=address),)
    return replace(piece, ports=tuple(replace(port, endpoints=former) for port in piece.ports))


def _stale(ground: Ground, place: str, _: Given) -> Difference:
    """kube-proxy's table of a time when a pod that is gone stood behind a Service. Of two chains that translate at one
    priority the kernel asks the younger one first, and iptables' own were there before (nf_hook_entries_grow).
    """
    block = Prefix.of(ground.addresses.blocks[ground.others(place)[0]][0])
    former, of_then = block.address(block.size - 2), _answered(ground)
    slices = tuple(
        _with_former_pod(one, former) if f"{one.namespace}/{one.service}" == of_then else one
        for one in ground.cluster.slices
    )
    proxied = replace(ground.cluster, slices=slices), ground.addresses
    return Difference(objects=tuple(node_tables(_in_nftables_mode(ground.topology), ground.addresses, place, proxied)))


def _with_other_mode(ground: Ground) -> tuple[str, ...]:
    if ground.topology.spec.services.proxy != IPTABLES or not _answered(ground):
        return ()
    pods = {ground.node_of(pod) for pod in ground.pods}
    return tuple(
        node
        for node in ground.of_kind("node")
        if node in pods and ground.others(node) and ground.addresses.blocks.get(ground.others(node)[0])
    )


FAULTS = (
    Fault(
        "proxy-leftovers",
        "kube-proxy's nftables table was left on a node when its mode became iptables, and leads to a pod that is gone",
        "kubernetes/kubernetes#102314",
        "one node's pods do not reach a Service that answers everywhere else",
        "a node with pods, not alone, in iptables mode (services.proxy), and a Service with ready pods",
        _with_other_mode,
        Rewrite(_stale),
    ),
)
