"""Which remembered UDP flows no longer lead where their Service leads: kube-proxy has the kernel forget these.

A TCP connection to an endpoint that is no longer chosen goes on; a UDP client would be sent there for as long as it
keeps asking. Source: kube-proxy (its conntrack reconciler).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from lab.network.kubeproxy.service_ports import PodAddresses, ProxiedPort, proxied_ports

if TYPE_CHECKING:
    from lab.cluster.objects import Cluster

End = tuple[str, int]
"""Address and port; the address is "" for a node port, which is one of every node's addresses."""

Chosen = Mapping[End, frozenset[str]]
"""What clients ask for, and the endpoints ("address:port") that may answer."""


def changed_flows(
    before: Cluster, addresses_before: PodAddresses, after: Cluster, addresses_after: PodAddresses
) -> Chosen:
    """The ways in to UDP Services whose endpoints are others than before, those of removed Services included."""
    if before.slices == after.slices and before.services == after.services:
        return {}
    old, new = dict(_ways(before, addresses_before)), dict(_ways(after, addresses_after))
    return {end: new.get(end, frozenset()) for end in {**old, **new} if old.get(end) != new.get(end)}


def _ways(cluster: Cluster, addresses: PodAddresses) -> Iterator[tuple[End, frozenset[str]]]:
    for port in proxied_ports(_only_udp(cluster), addresses):
        if port.protocol == "udp":
            chosen = frozenset(target.endpoint for target in port.chosen)
            for end in _ends(port):
                yield end, chosen


def _ends(port: ProxiedPort) -> Iterator[End]:
    for address in (port.cluster_ip, *port.external_ips, *port.load_balancer_ips):
        yield address, port.port
    if port.node_port:
        yield "", port.node_port


def _only_udp(cluster: Cluster) -> Cluster:
    """The cluster with those Services alone that have a UDP port, and their slices: few among thousands."""
    services = tuple(one for one in cluster.services if any(port.protocol == "UDP" for port in one.ports))
    names = {(one.namespace, one.name) for one in services}
    slices = tuple(one for one in cluster.slices if (one.namespace, one.service) in names)
    return type(cluster)(cluster.nodes, cluster.namespaces, cluster.pods, services, slices)
