"""What kube-proxy balances: each port of each Service that has a ClusterIP, with the endpoints behind it.

Headless and ExternalName Services have no ClusterIP and are DNS's business alone. The records are named tuples, and not
dataclasses, because the rules of a port are remembered by its record, and 10,000 are looked up for every change.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol

from lab.network.kubeproxy.names import service_port_name

if TYPE_CHECKING:
    from lab.cluster.objects import Cluster, Endpoint, Service


class PodAddresses(Protocol):
    """Whoever knows the pods' addresses."""

    def pod(self, place: str) -> str:
        """IPv4 address of the pod `NAMESPACE/POD`, without prefix length."""
        ...


class Target(NamedTuple):
    """One endpoint. `name` is for people: the pod (with its namespace where it is not the Service's) or the address."""

    endpoint: str
    """"address:port", as kube-proxy writes it"""
    address: str
    name: str
    ready: bool


class ProxiedPort(NamedTuple):
    """A Service port. `name` is as in kube-proxy's comments, `title` for people; `protocol` in lower case."""

    name: str
    title: str
    protocol: str
    cluster_ip: str
    port: int
    node_port: int
    """0 for none"""
    targets: tuple[Target, ...]
    """sorted as strings, as kube-proxy lists them; those that are not ready included"""

    @property
    def ready(self) -> tuple[Target, ...]:
        """The endpoints that get traffic."""
        return tuple([target for target in self.targets if target.ready])


_SlicePort = tuple[str, str, str, str]  # namespace, service, port name, protocol


def proxied_ports(cluster: Cluster, addresses: PodAddresses) -> tuple[ProxiedPort, ...]:
    """Every Service port with a ClusterIP, sorted by name (kube-proxy's own order is that of a Go map: none)."""
    targets = _targets(cluster, addresses)
    proxied = (service for service in cluster.services if service.cluster_ip)
    return tuple(sorted(port for service in proxied for port in _ports(service, targets)))


def _ports(service: Service, targets: dict[_SlicePort, dict[str, Target]]) -> Iterator[ProxiedPort]:
    for port in service.ports:
        behind = targets.get((service.namespace, service.name, port.name, port.protocol), {})
        number = str(port.port) if port.protocol == "TCP" else f"{port.port}/{port.protocol}"
        yield ProxiedPort(
            name=service_port_name(service.full_name, port.name),
            title=f"{service.full_name}:{number}",
            protocol=port.protocol.lower(),
            cluster_ip=service.cluster_ip,
            port=port.port,
            node_port=port.node_port,
            targets=tuple([behind[endpoint] for endpoint in sorted(behind)]),
        )


def _targets(cluster: Cluster, addresses: PodAddresses) -> dict[_SlicePort, dict[str, Target]]:
    """Endpoints of all slices by Service port. One that stands in two slices is one, ready if either says so."""
    found: dict[_SlicePort, dict[str, Target]] = {}
    for item in cluster.slices:
        for port in item.ports:
            behind = found.setdefault((item.namespace, item.service, port.port, port.protocol), {})
            for endpoint in port.endpoints:
                address = addresses.pod(endpoint.pod) if endpoint.pod else endpoint.address
                key = f"{address}:{port.target}"
                if key not in behind or endpoint.ready:
                    behind[key] = Target(key, address, _spoken(endpoint, item.namespace), endpoint.ready)
    return found


def _spoken(endpoint: Endpoint, namespace: str) -> str:
    return endpoint.pod.removeprefix(f"{namespace}/") or endpoint.address
