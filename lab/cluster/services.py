"""Service manifests to Services with their ClusterIPs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lab.cluster import manifests
from lab.cluster.addresses import ClusterIpError, ClusterIps
from lab.cluster.distribution import AUTOMATIC, TOPOLOGY_MODE
from lab.cluster.nodeports import NodePorts, NodePortsUsedUpError
from lab.cluster.objects import PROXY_NAME, Service, ServicePort
from lab.cluster.servicechecks import HEADLESS, WITH_NODE_PORTS, checks_health, clashes, exposed, mistakes, warnings
from lab.cluster.sourceranges import restricting
from lab.cluster.sources import Manifests, Source
from lab.topology.yaml.document import Path

__all__ = ["HEADLESS", "WITH_NODE_PORTS", "MadeService", "health_owner", "make_services", "port_owner"]


@dataclass(frozen=True, slots=True)
class MadeService:
    """A Service and the manifest it comes from; `preference` is the trafficDistribution that counts, "" for none."""

    source: Source
    service: Service
    publish_not_ready: bool
    preference: str


def make_services(
    result: Manifests, ips: ClusterIps, previous: Mapping[str, str], previous_ports: Mapping[str, int]
) -> list[MadeService]:
    """All Services of the manifests in order. Addresses that are asked for go first, then those of `previous`
    (ClusterIPs by NAMESPACE/NAME) that are still free, then new ones; node ports likewise (by `port_owner`)."""
    found = list(result.of(manifests.Service))
    addresses: dict[str, str] = {}
    for source, item in found:
        result.mistakes += mistakes(source, item)
        result.warnings += warnings(source, item)
        if not _has_address(item.spec) or not item.spec.cluster_ip:
            continue
        try:
            addresses[_full_name(item)] = ips.take(item.spec.cluster_ip, _full_name(item))
        except ClusterIpError as mistake:
            result.mistakes.append(source.mistake(("spec", "clusterIP"), str(mistake), mistake.remedy))
    result.mistakes += clashes(found)
    waiting = [(source, item) for source, item in found if _has_address(item.spec) and not item.spec.cluster_ip]
    for _, item in waiting:
        name = _full_name(item)
        if name in previous and ips.is_free(previous[name]):
            addresses[name] = ips.take(previous[name], name)
    for source, item in waiting:
        name = _full_name(item)
        if name not in addresses:
            try:
                addresses[name] = ips.give(name)
            except ClusterIpError as mistake:
                result.mistakes.append(source.mistake(("metadata", "name"), str(mistake), mistake.remedy))
    node_ports = _node_ports(result, found, previous_ports)
    return [
        MadeService(
            source,
            _service(item, addresses.get(_full_name(item), ""), node_ports),
            item.spec.publish_not_ready_addresses,
            "" if item.metadata.annotations.get(TOPOLOGY_MODE, "") in AUTOMATIC else item.spec.traffic_distribution,
        )
        for source, item in found
    ]


def port_owner(service: str, port: str, protocol: str) -> str:
    """Whose node port it is: a port, by its name ("" if it has none), of the Service `NAMESPACE/NAME`."""
    return f"{service}:{port}/{protocol}"


def health_owner(service: str) -> str:
    """Whose port it is on which load balancers ask for the health of the Service `NAMESPACE/NAME`."""
    return f"{service}/health"


def _node_ports(
    result: Manifests, found: list[tuple[Source, manifests.Service]], previous: Mapping[str, int]
) -> dict[str, int]:
    """By owner, the node ports of those that name none, health check ports included."""
    waiting = [(source, where, owner) for source, item in found for where, owner in _without_number(item)]
    free = NodePorts(_numbers(found), previous, (owner for _, _, owner in waiting))
    given = {}
    for source, where, owner in waiting:
        try:
            given[owner] = free.give(owner)
        except NodePortsUsedUpError as mistake:
            remedy = "make some Services of type ClusterIP"
            result.mistakes.append(source.mistake(where, str(mistake), remedy))
    return given


def _without_number(item: manifests.Service) -> Iterator[tuple[Path, str]]:
    """The ports that are to be given a number: where they stand, and the owner."""
    spec, name = item.spec, _full_name(item)
    if spec.type == "NodePort" or (spec.type == "LoadBalancer" and spec.allocate_load_balancer_node_ports):
        for i, port in enumerate(spec.ports):
            if port.node_port is None:
                yield ("spec", "ports", i), port_owner(name, port.name, port.protocol)
    if checks_health(spec) and spec.health_check_node_port is None:
        yield ("spec", "type"), health_owner(name)


def _numbers(found: Iterable[tuple[Source, manifests.Service]]) -> Iterator[int]:
    """The node ports that manifests name."""
    for _, item in found:
        named = [port.node_port for port in item.spec.ports] + [item.spec.health_check_node_port]
        yield from (number for number in named if number is not None)


def _full_name(item: manifests.Service) -> str:
    return f"{item.metadata.namespace}/{item.metadata.name}"


def _has_address(spec: manifests.ServiceSpec) -> bool:
    return spec.type != "ExternalName" and spec.cluster_ip != HEADLESS


def _service(item: manifests.Service, cluster_ip: str, node_ports: Mapping[str, int]) -> Service:
    spec, name = item.spec, _full_name(item)
    if spec.type == "ExternalName":
        return _external_name(item)
    ports = tuple(
        ServicePort(
            port.name,
            port.protocol,
            port.port,
            port.target_port or port.port,
            port.node_port or node_ports.get(port_owner(name, port.name, port.protocol), 0),
        )
        for port in spec.ports
    )
    balanced = spec.type == "LoadBalancer"
    ingress = item.status.load_balancer.ingress if balanced else ()
    return Service(
        item.metadata.namespace,
        item.metadata.name,
        spec.type,
        cluster_ip,
        ports,
        tuple(spec.selector.items()),
        external_ips=tuple(one for one in spec.external_ips if ":" not in one),
        load_balancer_ips=tuple(one.ip for one in ingress if one.ip and ":" not in one.ip and one.ip_mode == "VIP"),
        source_ranges=restricting(spec.load_balancer_source_ranges),
        affinity_seconds=(
            spec.session_affinity_config.client_ip.timeout_seconds if spec.session_affinity == "ClientIP" else 0
        ),
        internal_policy=spec.internal_traffic_policy,
        external_policy=spec.external_traffic_policy if exposed(spec) else "Cluster",
        health_check_port=(
            spec.health_check_node_port or node_ports.get(health_owner(name), 0) if checks_health(spec) else 0
        ),
        proxy=item.metadata.labels.get(PROXY_NAME),
    )


def _external_name(item: manifests.Service) -> Service:
    ports = tuple(
        ServicePort(port.name, port.protocol, port.port, port.target_port or port.port) for port in item.spec.ports
    )
    name = item.spec.external_name
    return Service(item.metadata.namespace, item.metadata.name, "ExternalName", "", ports, external_name=name)
