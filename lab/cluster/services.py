"""Service manifests to Services with their ClusterIPs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lab.cluster import manifests
from lab.cluster.addresses import ClusterIpError, ClusterIps
from lab.cluster.nodeports import NodePorts, NodePortsUsedUpError
from lab.cluster.objects import Service, ServicePort
from lab.cluster.sources import Manifests, Source
from lab.errors import Mistake
from lab.topology.document import Path

HEADLESS = "None"
WITH_NODE_PORTS = ("NodePort", "LoadBalancer")


@dataclass(frozen=True, slots=True)
class MadeService:
    """A Service and the manifest it comes from."""

    source: Source
    service: Service
    publish_not_ready: bool


def make_services(
    result: Manifests, ips: ClusterIps, previous: Mapping[str, str], previous_ports: Mapping[str, int]
) -> list[MadeService]:
    """All Services of the manifests in order. Addresses that are asked for go first, then those of `previous`
    (ClusterIPs by NAMESPACE/NAME) that are still free, then new ones; node ports likewise (by `port_owner`)."""
    found = list(result.of(manifests.Service))
    addresses: dict[str, str] = {}
    for source, item in found:
        result.mistakes += _mistakes(source, item)
        result.warnings += _warnings(source, item)
        if not _has_address(item.spec) or not item.spec.cluster_ip:
            continue
        try:
            addresses[_full_name(item)] = ips.take(item.spec.cluster_ip, _full_name(item))
        except ClusterIpError as mistake:
            result.mistakes.append(source.mistake(("spec", "clusterIP"), str(mistake), mistake.remedy))
    result.mistakes += _node_port_mistakes(found)
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
        )
        for source, item in found
    ]


def port_owner(service: str, port: str, protocol: str) -> str:
    """Whose node port it is: a port, by its name ("" if it has none), of the Service `NAMESPACE/NAME`."""
    return f"{service}:{port}/{protocol}"


def _node_ports(
    result: Manifests, found: list[tuple[Source, manifests.Service]], previous: Mapping[str, int]
) -> dict[str, int]:
    """By owner, the node ports of those that name none."""
    waiting = [
        (source, i, port_owner(_full_name(item), port.name, port.protocol))
        for source, item in found
        if item.spec.type in WITH_NODE_PORTS
        for i, port in enumerate(item.spec.ports)
        if port.node_port is None
    ]
    taken = (port.node_port for _, item in found for port in item.spec.ports if port.node_port is not None)
    free = NodePorts(taken, previous, (owner for _, _, owner in waiting))
    given = {}
    for source, i, owner in waiting:
        try:
            given[owner] = free.give(owner)
        except NodePortsUsedUpError as mistake:
            remedy = "make some Services of type ClusterIP"
            result.mistakes.append(source.mistake(("spec", "ports", i), str(mistake), remedy))
    return given


def _full_name(item: manifests.Service) -> str:
    return f"{item.metadata.namespace}/{item.metadata.name}"


def _has_address(spec: manifests.ServiceSpec) -> bool:
    return spec.type != "ExternalName" and spec.cluster_ip != HEADLESS


def _service(item: manifests.Service, cluster_ip: str, node_ports: Mapping[str, int]) -> Service:
    spec = item.spec
    external = spec.type == "ExternalName"
    ports = tuple(
        ServicePort(
            port.name,
            port.protocol,
            port.port,
            port.target_port or port.port,
            port.node_port or node_ports.get(port_owner(_full_name(item), port.name, port.protocol), 0),
        )
        for port in spec.ports
    )
    return Service(
        item.metadata.namespace,
        item.metadata.name,
        spec.type,
        cluster_ip,
        ports,
        () if external else tuple(spec.selector.items()),
        spec.external_name if external else "",
    )


def _mistakes(source: Source, item: manifests.Service) -> Iterator[Mistake]:
    """What Kubernetes' API server would refuse."""
    spec = item.spec
    if spec.type == "ExternalName":
        if not spec.external_name:
            yield source.mistake(("spec", "externalName"), "is missing", "name the host that it stands for")
        if spec.cluster_ip not in ("", HEADLESS):
            yield source.mistake(("spec", "clusterIP"), "an ExternalName has no address", "leave it out")
        return
    if spec.cluster_ip == HEADLESS and spec.type != "ClusterIP":
        yield source.mistake(("spec", "clusterIP"), f"a {spec.type} cannot be headless", "leave 'None' out")
    if not spec.ports and spec.cluster_ip != HEADLESS:
        yield source.mistake(("spec", "ports"), "a Service without ports leads nowhere", "name at least one port")
    numbers: dict[tuple[int, str], Path] = {}
    names: set[str] = set()
    for i, port in enumerate(spec.ports):
        path: Path = ("spec", "ports", i)
        if not port.name and len(spec.ports) > 1:
            yield source.mistake((*path, "name"), "is missing", "where there are several ports, each has a name")
        if port.name and port.name in names:
            yield source.mistake((*path, "name"), f"the name {port.name} is used twice", "choose another")
        if (port.port, port.protocol) in numbers:
            problem = f"{port.port}/{port.protocol} is there twice"
            yield source.mistake((*path, "port"), problem, "keep one of the two")
        names.add(port.name)
        numbers[port.port, port.protocol] = path


def _node_port_mistakes(found: list[tuple[Source, manifests.Service]]) -> Iterator[Mistake]:
    first: dict[tuple[int, str], str] = {}
    for source, item in found:
        for i, port in enumerate(item.spec.ports):
            if port.node_port is None:
                continue
            path: Path = ("spec", "ports", i, "nodePort")
            key = (port.node_port, port.protocol)
            if item.spec.type not in WITH_NODE_PORTS:
                yield source.mistake(path, f"a {item.spec.type} has no node port", "write 'type: NodePort'")
            elif key in first:
                problem = f"{port.node_port}/{port.protocol} is already the node port of {first[key]}"
                yield source.mistake(path, problem, "choose another")
            first.setdefault(key, _full_name(item))


def _warnings(source: Source, item: manifests.Service) -> Iterator[str]:
    """What is accepted but has no effect yet."""
    spec, name = item.spec, _full_name(item)
    if spec.type == "LoadBalancer":
        told = f"{name}: no load balancer's address is assigned; it has its ClusterIP and its node ports"
        yield source.warning(("spec", "type"), told)
    if spec.external_ips:
        yield source.warning(("spec", "externalIPs"), f"{name}: external addresses are not programmed yet")
    if spec.session_affinity != "None":
        yield source.warning(("spec", "sessionAffinity"), f"{name}: session affinity is not programmed yet")
    if spec.type in WITH_NODE_PORTS and spec.external_traffic_policy != "Cluster":
        told = f"{name}: traffic policies are not programmed yet; its node ports lead to every node's pods"
        yield source.warning(("spec", "externalTrafficPolicy"), told)
    if spec.internal_traffic_policy != "Cluster":
        yield source.warning(("spec", "internalTrafficPolicy"), f"{name}: traffic policies are not programmed yet")
