"""The desired network: everything the kernel should hold for a topology, a cluster and its addresses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lab.network import chains, flannel, pods
from lab.network.calico import dataplane
from lab.network.components import NONE_STALE, Stale
from lab.network.dns import servers
from lab.network.dns.coredns import NOTHING, Given
from lab.network.ipam import Addresses, assign
from lab.network.kubeproxy import health
from lab.network.kubeproxy.settings import route_localnet
from lab.network.objects import Chain, Network
from lab.network.underlay import firewall, forwarding, machine_names, routing, subnets
from lab.network.underlay.netem import NONE, Impairments, with_impairments
from lab.network.underlay.saved_machine import with_machines
from lab.topology.defaults import complete

if TYPE_CHECKING:
    from lab.cluster.objects import Cluster, Pod
    from lab.topology.schema import Topology

__all__ = ["Addresses", "assign", "design"]


def design(
    topology: Topology,
    cluster: Cluster,
    addresses: Addresses,
    given: Given = NOTHING,
    stale: Stale = NONE_STALE,
    impairments: Impairments = NONE,
) -> Network:
    """All objects, in the order in which a person would build them. `given` is what CoreDNS needs besides, `stale` what
    stopped kube-proxies know, `impairments` what was set live, and what the kernel can do of it and of the file's.
    """
    topology = complete(topology)
    plugin = dataplane if topology.spec.cni.plugin == "calico" else flannel
    proxy, options = topology.spec.services.proxy, chains.proxy_options(topology, addresses)
    wires, nodes = tuple(subnets.underlay(topology, addresses)), tuple(plugin.nodes(topology, addresses))
    network = Network.of(
        subnets.namespaces(topology),
        pods.namespaces(cluster),
        wires,
        routing.routing(topology, addresses),
        nodes,
        forwarding.of_devices((*wires, *nodes)),
        (route_localnet(node, proxy, options) for node in cluster.nodes),
        pods.sysctls(cluster),
        plugin.pods(topology, cluster, addresses),
        dataplane.ip_sets(topology, addresses) if plugin is dataplane else (),
        firewall.sets(topology),
        _chains(topology, cluster, addresses, stale),
        *(
            chains.node_tables(topology, addresses, node, stale.get(node, (cluster, addresses)))
            for node in cluster.nodes
        ),
        *(
            chains.node_servers(topology, addresses, node, stale.get(node, (cluster, addresses)))
            for node in cluster.nodes
        ),
        machine_names.files(topology, addresses),
        pods.pod_files(topology, cluster, addresses),
        pods.servers(topology, cluster, addresses),
        health.listeners(cluster, addresses, proxy, options, stale),
        servers.servers(topology, cluster, addresses, given),
    )
    return with_impairments(with_machines(network, topology), topology, impairments)


def _chains(topology: Topology, cluster: Cluster, addresses: Addresses, stale: Stale) -> Iterator[Chain]:
    residents: defaultdict[str, list[Pod]] = defaultdict(list)
    for pod in cluster.pods:
        residents[pod.node].append(pod)
    for node in cluster.nodes:
        proxied = stale.get(node, (cluster, addresses))
        yield from chains.node_chains(topology, addresses, node, residents[node], proxied)
    for router in topology.spec.routers:
        yield from chains.router_chains(topology, router.name)
    yield routing.nat(topology)
