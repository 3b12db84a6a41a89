"""What kube-proxy balances: each port of each Service that has a ClusterIP, with the endpoints behind it.

Headless and ExternalName Services have no ClusterIP and are DNS's business alone. The records are named tuples, and not
dataclasses, because there are 10,000 of them, and making a frozen dataclass takes three times as long.
Source of which endpoints are used: kube-proxy (its CategorizeEndpoints).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from lab.network.kubeproxy.hints import are_complete, meant_for
from lab.network.kubeproxy.iptables.names import service_port_name

if TYPE_CHECKING:
    from lab.cluster.objects import Cluster, EndpointSlice, Service, ServicePort


class PodAddresses(Protocol):
    """Whoever knows the addresses of pods and nodes, all IPv4 and without prefix length."""

    @property
    def nodes(self) -> Mapping[str, str]:
        """Each node's own address, by its name."""
        ...

    def held(self, node: str) -> tuple[str, ...]:
        """A node's own addresses: its first, then those of its tunnels or pod bridge."""
        ...

    def pod(self, place: str) -> str:
        """Address of the pod `NAMESPACE/POD`."""
        ...


class Target(NamedTuple):
    """One endpoint. `name` is for people: the pod (with its namespace where it is not the Service's) or the address."""

    endpoint: str
    """"address:port", as kube-proxy writes it"""
    address: str
    name: str
    node: str
    """"" where nobody said on which node it is: then it is local to none"""
    ready: bool
    leaving: bool
    """serving while it terminates: the last resort"""
    for_nodes: tuple[str, ...] = ()
    for_zones: tuple[str, ...] = ()
    """hints: for whose traffic it is meant"""


class ProxiedPort(NamedTuple):
    """A Service port. `name` is as in kube-proxy's comments, `title` for people; `protocol` in lower case.

    `targets` are all endpoints, sorted as strings, as kube-proxy lists them; `chosen` those of them that get traffic
    from anywhere: the ready ones or else the leaving ones. Ports and seconds are 0 for none.
    """

    name: str
    title: str
    protocol: str
    cluster_ip: str
    port: int
    node_port: int
    targets: tuple[Target, ...]
    chosen: tuple[Target, ...]
    external_ips: tuple[str, ...] = ()
    load_balancer_ips: tuple[str, ...] = ()
    source_ranges: tuple[str, ...] = ()
    affinity_seconds: int = 0
    internal_local: bool = False
    external_local: bool = False
    health_check_port: int = 0

    def local(self, node: str) -> tuple[Target, ...]:
        """The endpoints that get traffic on `node` under a Local policy: its ready ones, or else its leaving ones."""
        return preferred([target for target in self.targets if target.node == node])

    def near(self, node: str, zone: str) -> tuple[Target, ...]:
        """The endpoints that get traffic of `node`, in `zone` ("" for none), where no Local policy is for it.

        Hints are for ready endpoints alone.
        """
        return meant_for(self.chosen, node, zone) if self.hinted else self.chosen

    def reached(self, near: tuple[Target, ...], local: tuple[Target, ...]) -> tuple[Target, ...]:
        """The endpoints that a node may choose which has these `near` and `local` ones: of its own it may take some
        that leave while others are ready, and some that hints mean for others.
        """
        if not self.uses_cluster:
            return local
        return tuple(sorted({*near, *local})) if local else near

    @property
    def hinted(self) -> bool:
        """Whether its endpoints may be others on each node, as hints say."""
        return are_complete(self.chosen) and self.chosen[0].ready

    @property
    def exposed(self) -> bool:
        """Whether it can be reached by another address than its ClusterIP."""
        return bool(self.node_port or self.external_ips or self.load_balancer_ips)

    @property
    def uses_cluster(self) -> bool:
        """Whether endpoints on any node matter. With a way in from outside they do: pods and nodes take them all."""
        return not self.internal_local or self.exposed

    @property
    def uses_local(self) -> bool:
        """Whether a Local policy makes endpoints on the node itself matter."""
        return self.internal_local or (self.external_local and self.exposed)

    @property
    def guarded(self) -> bool:
        """Whether source ranges say who may use the load balancer's addresses."""
        return bool(self.source_ranges and self.load_balancer_ips)


class ProxiedService(NamedTuple):
    """A Service with its ports, and all that these follow from."""

    service: Service
    slices: tuple[EndpointSlice, ...]
    addresses: tuple[str, ...]
    """of the pods in its slices, in their order"""
    ports: tuple[ProxiedPort, ...]


def preferred(targets: Sequence[Target]) -> tuple[Target, ...]:
    """Those that get traffic: the ready ones; where there are none, those that serve while they terminate."""
    ready = tuple([target for target in targets if target.ready])
    return ready or tuple([target for target in targets if target.leaving])


def proxied_services(
    cluster: Cluster, addresses: PodAddresses, before: Mapping[str, ProxiedService]
) -> dict[str, ProxiedService]:
    """Every Service with a ClusterIP by NAMESPACE/NAME, sorted (kube-proxy's own order is that of a Go map: none), but
    those that are another proxy's.

    What did not change since `before`, what this returned for an earlier state, is the very same object.
    """
    slices: dict[str, list[EndpointSlice]] = {}
    for item in cluster.slices:
        slices.setdefault(f"{item.namespace}/{item.service}", []).append(item)
    found = {}
    for service in cluster.services:
        if service.cluster_ip and service.proxy is None:
            name = service.full_name
            found[name] = _proxied(name, service, tuple(slices.get(name, ())), addresses, before.get(name))
    return {name: found[name] for name in sorted(found)}


def proxied_ports(cluster: Cluster, addresses: PodAddresses) -> tuple[ProxiedPort, ...]:
    """Every Service port with a ClusterIP, sorted by Service and port."""
    return tuple(port for service in proxied_services(cluster, addresses, {}).values() for port in service.ports)


def _proxied(
    name: str,
    service: Service,
    slices: tuple[EndpointSlice, ...],
    addresses: PodAddresses,
    before: ProxiedService | None,
) -> ProxiedService:
    pods = tuple(
        [addresses.pod(one.pod) for item in slices for port in item.ports for one in port.endpoints if one.pod]
    )
    # A tuple's own comparison looks at identity first, a dataclass's does not.
    if before is not None and before[:3] == (service, slices, pods):
        return before
    behind = _targets(slices, iter(pods))
    ports = [_port(name, service, port, behind.get((port.name, port.protocol), {})) for port in service.ports]
    return ProxiedService(service, slices, pods, tuple(sorted(ports)) if len(ports) > 1 else tuple(ports))


def _port(name: str, service: Service, port: ServicePort, behind: dict[str, Target]) -> ProxiedPort:
    number = str(port.port) if port.protocol == "TCP" else f"{port.port}/{port.protocol}"
    targets = tuple([behind[endpoint] for endpoint in sorted(behind)] if len(behind) > 1 else behind.values())
    return ProxiedPort(
        service_port_name(name, port.name),
        f"{name}:{number}",
        port.protocol.lower(),
        service.cluster_ip,
        port.port,
        port.node_port,
        targets,
        preferred(targets),
        service.external_ips,
        service.load_balancer_ips,
        service.source_ranges,
        service.affinity_seconds,
        service.internal_policy == "Local",
        service.external_policy == "Local",
        service.health_check_port,
    )


def _targets(slices: tuple[EndpointSlice, ...], pods: Iterator[str]) -> dict[tuple[str, str], dict[str, Target]]:
    """Endpoints by (port name, protocol) and "address:port". One in two slices is one, ready if either says so."""
    found: dict[tuple[str, str], dict[str, Target]] = {}
    for item in slices:
        for port in item.ports:
            behind = found.setdefault((port.port, port.protocol), {})
            for one in port.endpoints:
                address = next(pods) if one.pod else one.address
                key = f"{address}:{port.target}"
                if key not in behind or one.ready:
                    name = one.pod.removeprefix(f"{item.namespace}/") if one.pod else address
                    leaving = one.serving and one.terminating
                    behind[key] = Target(key, address, name, one.node, one.ready, leaving, one.for_nodes, one.for_zones)
    return found
