"""What kube-proxy answers to load balancers that ask whether a node has endpoints: a Service's healthCheckNodePort.

Source of answer, headers and of what counts as an endpoint: kube-proxy (its service health server). Whether it is
healthy itself is no question here: the lab's is.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterator
from typing import TYPE_CHECKING

from lab.network.kubeproxy.options import EVERYWHERE, LOOPBACK
from lab.network.objects import Listener, Reply

if TYPE_CHECKING:
    from lab.cluster.objects import Cluster, EndpointSlice, Service
    from lab.network.kubeproxy.options import ProxyOptions
    from lab.network.kubeproxy.service_ports import PodAddresses

NAME = "kube-proxy"
WELL, NOBODY_HERE = 200, 503


def listeners(
    cluster: Cluster, addresses: PodAddresses, proxy: str, options: ProxyOptions, stopped: Container[str] = ()
) -> Iterator[Listener]:
    """On every node, a port for each Service that has one: 200 where it has ready endpoints, else 503. Nobody answers
    where kube-proxy is stopped.
    """
    checked = [service for service in cluster.services if service.health_check_port and service.proxy is None]
    if not checked:
        return
    counts = {service.full_name: _local_endpoints(cluster.slices, addresses, service) for service in checked}
    for node in (node for node in cluster.nodes if node not in stopped):
        listening = _listening(addresses, node, proxy, options)
        for service in checked:
            count = counts[service.full_name].get(node, 0)
            told = f"health check of Service {service.full_name}: {count} ready endpoints on {node}"
            for address in listening:
                port = service.health_check_port
                yield Listener(node, "tcp", port, NAME, told, address, reply(service.namespace, service.name, count))


def reply(namespace: str, name: str, count: int) -> Reply:
    """What a node with so many ready endpoints of the Service says."""
    told = {
        "service": {"namespace": namespace, "name": name},
        "localEndpoints": count,
        "serviceProxyHealthy": True,
    }
    headers = (
        "Content-Type: application/json",
        "X-Content-Type-Options: nosniff",
        f"X-Load-Balancing-Endpoint-Weight: {count}",
    )
    return Reply(WELL if count else NOBODY_HERE, "\r\n".join(headers), json.dumps(told, indent="\t"))


def _local_endpoints(slices: tuple[EndpointSlice, ...], addresses: PodAddresses, service: Service) -> dict[str, int]:
    """Ready endpoints by node. One that has several ports counts once; one that terminates does not count."""
    found: dict[str, set[str]] = {}
    for item in slices:
        if (item.namespace, item.service) == (service.namespace, service.name):
            for port in item.ports:
                for one in port.endpoints:
                    if one.ready and one.node:
                        found.setdefault(one.node, set()).add(addresses.pod(one.pod) if one.pod else one.address)
    return {node: len(held) for node, held in found.items()}


def _listening(addresses: PodAddresses, node: str, proxy: str, options: ProxyOptions) -> tuple[str, ...]:
    """The addresses that node ports have there too; "" for all."""
    if EVERYWHERE in options.nodeport_addresses or (proxy != "nftables" and not options.nodeport_addresses):
        return ("",)
    if not options.nodeport_addresses:
        return (addresses.nodes[node],)
    return options.node_port_addresses((LOOPBACK, *addresses.held(node)))
