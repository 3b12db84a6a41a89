"""A cluster's own objects, as they were written down, to the Cluster that one node's kube-proxy sees.

Endpoints are bare addresses; there are no pods. Only IPv4 counts, and only what kube-proxy would look at. Sources:
kube-proxy (which objects it watches, which Services it skips), discovery.k8s.io/v1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from lab.cluster.file.sources import Source
from lab.cluster.objects import PROXY_NAME, Cluster, Endpoint, EndpointSlice, PortEndpoints, Service, ServicePort
from lab.cluster.recorded import fields
from lab.cluster.recorded.dump import HEADLESS, SERVICE_NAME, Dump
from lab.cluster.sourceranges import restricting
from lab.errors import Mistake, UsageError
from lab.suggestion import did_you_mean
from lab.topology.field_errors import file_error
from lab.topology.schema import ZONE
from lab.topology.yaml.document import Path

INTERNAL_IP = "InternalIP"


@dataclass(frozen=True, slots=True)
class Written:
    """`cluster` as the node sees it, which is the first of its nodes.

    `node_addresses` are the node's own IPv4 addresses, the internal ones first; `service_cidrs` the prefixes of
    ClusterIPs, where the objects tell them; `warnings` say what is missing.
    """

    cluster: Cluster
    node_addresses: tuple[str, ...]
    service_cidrs: tuple[str, ...]
    warnings: tuple[str, ...]


def written_cluster(dump: Dump, node: str) -> Written:
    """What kube-proxy on `node` sees. UsageError where there are Nodes and it is none of them; FileError where an
    address is none.
    """
    warnings: list[str] = []
    nodes = {item.metadata.name: item for _, item in dump.of(fields.Node)}
    _check_node(nodes, node, warnings)
    services = [item for _, item in dump.of(fields.Service)]
    warnings += _without_address(services)
    zones = tuple((name, zone) for name, item in nodes.items() if (zone := item.metadata.labels.get(ZONE)))
    made = tuple(_service(item) for item in services)
    slices = tuple(_slices(dump, made, warnings))
    warnings += _others(dump)
    namespaces = tuple(dict.fromkeys(service.namespace for service in made))
    everywhere = tuple(dict.fromkeys((node, *nodes)))
    cluster = Cluster(everywhere, namespaces, (), made, slices, (), zones)
    prefixes = [text for _, item in dump.of(fields.ServiceCidr) for text in _ipv4(item.spec.cidrs)]
    return Written(cluster, _addresses(nodes.get(node)), tuple(prefixes), tuple(warnings))


def _check_node(nodes: dict[str, fields.Node], node: str, warnings: list[str]) -> None:
    if not nodes:
        warnings.append(
            "there is no Node among the objects: what is local is told by the endpoints' nodeName alone, and the "
            "node's own address is unknown"
        )
    elif node not in nodes:
        few = f"there are {', '.join(list(nodes)[:8])}{', …' if len(nodes) > 8 else ''}"
        raise UsageError(f"there is no Node {node!r} among the objects", did_you_mean(node, nodes, few))


def _without_address(services: Iterable[fields.Service]) -> Iterator[str]:
    names = [
        f"{item.metadata.namespace}/{item.metadata.name}"
        for item in services
        if item.spec.type != "ExternalName" and not item.spec.cluster_ip
    ]
    if names:
        yield (
            f"{_listed(names)}: without a clusterIP, which the API server gives, there is nothing to program; "
            "take the objects from a cluster (kubectl get -o yaml)"
        )


def _others(dump: Dump) -> Iterator[str]:
    has_slices = any(True for _ in dump.of(fields.EndpointSlice))
    if not any(True for _ in dump.of(fields.Service)):
        yield "there is no Service among the objects: only what kube-proxy always programs is left"
    elif not has_slices and dump.others.get("Endpoints"):
        yield "kube-proxy reads EndpointSlices, and there are only Endpoints: no Service has any endpoint here"
    elif not has_slices:
        yield "there is no EndpointSlice among the objects: no Service has any endpoint here"


def _addresses(node: fields.Node | None) -> tuple[str, ...]:
    """Its IPv4 addresses; host names, which stand among them in status, are none."""
    found = node.status.addresses if node else ()
    ordered = sorted(found, key=lambda item: item.type != INTERNAL_IP)
    return tuple(dict.fromkeys(item.address for item in ordered if _is_ipv4(item.address)))


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def _service(item: fields.Service) -> Service:
    spec = item.spec
    ingress = item.status.load_balancer.ingress  # whatever the type is by now: kube-proxy does not ask for it
    external_ips = _ipv4(spec.external_ips)
    accessible = spec.type in ("NodePort", "LoadBalancer") or bool(spec.external_ips)
    local = accessible and spec.external_traffic_policy == "Local"
    return Service(
        namespace=item.metadata.namespace,
        name=item.metadata.name,
        type=spec.type,
        cluster_ip=_cluster_ip(spec),
        ports=tuple(
            [ServicePort(port.name, port.protocol, port.port, port.port, port.node_port) for port in spec.ports]
        ),
        external_ips=external_ips,
        load_balancer_ips=_ipv4(item.ip for item in ingress if item.ip and item.ip_mode == "VIP"),
        source_ranges=restricting(spec.load_balancer_source_ranges),
        affinity_seconds=(
            spec.session_affinity_config.client_ip.timeout_seconds if spec.session_affinity == "ClientIP" else 0
        ),
        internal_policy=spec.internal_traffic_policy,
        external_policy="Local" if local else "Cluster",
        health_check_port=spec.health_check_node_port if local and spec.type == "LoadBalancer" else 0,
        proxy=item.metadata.labels.get(PROXY_NAME),
    )


def _ipv4(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple([text for text in texts if ":" not in text])


def _cluster_ip(spec: fields.ServiceSpec) -> str:
    """Its IPv4 address; "" for what has none: headless, ExternalName, IPv6 only."""
    if spec.type == "ExternalName" or spec.cluster_ip in ("", "None"):
        return ""
    return next(iter(_ipv4(spec.cluster_ips or (spec.cluster_ip,))), "")


def _slices(dump: Dump, services: Iterable[Service], warnings: list[str]) -> Iterator[EndpointSlice]:
    """The slices of these Services; those of others lead nowhere. kube-proxy does not watch those of headless ones."""
    by_service: dict[tuple[str, str], list[tuple[Source, fields.EndpointSlice]]] = {}
    for source, item in dump.of(fields.EndpointSlice):
        if item.address_type == "IPv4" and HEADLESS not in item.metadata.labels:
            key = (item.metadata.namespace, item.metadata.labels.get(SERVICE_NAME, ""))
            by_service.setdefault(key, []).append((source, item))
    mistakes: list[Mistake] = []
    for service in services:
        found = by_service.pop((service.namespace, service.name), [])
        # kube-proxy takes a Service's slices in the order of their names: of an endpoint in two, the first counts
        found.sort(key=lambda pair: pair[1].metadata.name)
        for source, item in found:
            endpoints = tuple(_endpoints(source, item, mistakes))
            ports = tuple(
                [PortEndpoints(port.name, port.protocol, port.port, endpoints) for port in item.ports if port.port]
            )
            yield EndpointSlice(service.namespace, item.metadata.name, service.name, ports)
    if mistakes:
        raise file_error(mistakes)
    lost = [f"{namespace}/{name}" for namespace, name in by_service if name]
    if lost:
        warnings.append(f"{_listed(lost)}: there are endpoints, but the Service is not among the objects")


def _endpoints(source: Source, item: fields.EndpointSlice, mistakes: list[Mistake]) -> Iterator[Endpoint]:
    for index, member in enumerate(item.endpoints):
        address = member.addresses[0]  # kube-proxy looks at no other
        if not _is_ipv4(address):
            path: Path = ("endpoints", index, "addresses", 0)
            mistakes.append(source.mistake(path, "this is not an IPv4 address", "which the addressType promises"))
        else:
            told, hints = member.conditions, member.hints
            yield Endpoint(
                address=address,
                node=member.node_name,
                ready=told.ready,
                serving=told.serving,
                terminating=told.terminating,
                for_zones=tuple([one.name for one in hints.for_zones]),
                for_nodes=tuple([one.name for one in hints.for_nodes]),
            )


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
