"""The part of a network that differs between two states of its cluster: all that is designed when little changed.

What hangs on pods is designed for the pods that changed and the nodes they are on; what DNS servers read follows from
all Services, and is a part of its own. kube-proxy's rules are the business of `kubeproxy.sync`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lab.network import chains, flannel, pods
from lab.network.calico import dataplane
from lab.network.components import NONE_STALE, Stale
from lab.network.dns import servers as dns
from lab.network.dns.coredns import NOTHING, Given
from lab.network.kubeproxy import health
from lab.network.objects import Address, Chain, Network, Object
from lab.network.underlay import subnets
from lab.network.underlay.saved_machine import without_saved
from lab.topology.defaults import complete

if TYPE_CHECKING:
    from lab.cluster.objects import Cluster, Pod
    from lab.network.ipam import Addresses
    from lab.topology.schema import Topology


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a change reaches: the places of pods that came, went or differ, and the nodes they are or were on."""

    pods: frozenset[str]
    nodes: frozenset[str]


def extent(before: Cluster, at_first: Addresses, after: Cluster, now: Addresses) -> Extent | None:
    """None when it reaches further than to pods: then only whole networks can be compared."""
    fixed = (at_first.nodes, at_first.blocks, at_first.tunnels, at_first.wireguard, at_first.pod_cidr, before.nodes)
    if fixed != (now.nodes, now.blocks, now.tunnels, now.wireguard, now.pod_cidr, after.nodes):
        return None
    old = {pod.place: pod for pod in before.pods}
    new = {pod.place: pod for pod in after.pods}
    changed = {
        place
        for place in old.keys() | new.keys()
        if not _same(old.get(place), new.get(place)) or at_first.pods.get(place) != now.pods.get(place)
    }
    nodes = {pods[place].node for pods in (old, new) for place in changed if place in pods}
    return Extent(frozenset(changed), frozenset(nodes))


def _same(old: Pod | None, new: Pod | None) -> bool:
    """Whether the network has the same of both: their readiness and labels matter to Services alone."""
    if old is new:
        return True
    return old is not None and new is not None and replace(old, ready=new.ready, labels=new.labels) == new


def part(
    topology: Topology, cluster: Cluster, addresses: Addresses, reached: Extent, stale: Stale = NONE_STALE
) -> Network:
    """What the network of this state has there, as `design` has it, without DNS servers and kube-proxy's rules."""
    topology = complete(topology)
    proxy, options = topology.spec.services.proxy, chains.proxy_options(topology, addresses)
    some = replace(cluster, pods=tuple(pod for pod in cluster.pods if pod.place in reached.pods))
    network = Network.of(
        subnets.namespaces(topology),  # nothing of them differs; but nodes come before pods, whose links they make
        pods.namespaces(some),
        pods.sysctls(some),
        _plugin_pods(topology, some, addresses),
        _chains(topology, cluster, addresses, reached),
        pods.pod_files(topology, some, addresses),
        pods.servers(topology, some, addresses),
        health.listeners(cluster, addresses, proxy, options, stale),
    )
    return without_saved(network, topology)


def dns_part(topology: Topology, cluster: Cluster, addresses: Addresses, given: Given = NOTHING) -> Network:
    """The DNS servers and what they read, with their pods' addresses, at which they are asked whether they are up."""
    topology = complete(topology)
    servers = replace(cluster, pods=tuple(pod for pod in cluster.pods if pod.system))
    return Network.of(
        pods.namespaces(servers),
        (item for item in _plugin_pods(topology, servers, addresses) if isinstance(item, Address)),
        dns.cluster_servers(topology, cluster, addresses, given),
    )


def _plugin_pods(topology: Topology, cluster: Cluster, addresses: Addresses) -> Iterator[Object]:
    plugin = dataplane if topology.spec.cni.plugin == "calico" else flannel
    yield from plugin.pods(topology, cluster, addresses)


def _chains(topology: Topology, cluster: Cluster, addresses: Addresses, reached: Extent) -> Iterator[Chain]:
    for node in cluster.nodes:
        if node in reached.nodes:
            residents = [pod for pod in cluster.pods if pod.node == node]
            yield from chains.plugin_chains(topology, addresses, node, residents)
