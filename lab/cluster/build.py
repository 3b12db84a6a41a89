"""A topology and its manifests to the Cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from lab.cluster import system
from lab.cluster.addresses import ClusterIps
from lab.cluster.endpoints import PodsByLabel, check_named_ports, selected, written
from lab.cluster.nodes import node_labels, zones
from lab.cluster.objects import Cluster, EndpointSlice, Pod, Service
from lab.cluster.placement import MAX_PODS, place
from lab.cluster.services import MadeService, health_owner, make_services, port_owner
from lab.cluster.sources import Manifests, read_manifests
from lab.cluster.templates import PodTemplate
from lab.cluster.workloads import Wanted, wanted_deployments, wanted_pods
from lab.topology.field_errors import file_error
from lab.topology.schema import Topology
from lab.topology.yaml.document import Document


def build_cluster(
    topology: Topology, documents: Sequence[Document], previous: Cluster | None = None, api_server: str = ""
) -> Cluster:
    """The cluster that the manifests describe, with its DNS; without any manifests, a sample of its own.

    `api_server` is the address of the API server, "" where there is none: default/kubernetes leads to it.

    Pods without a node of their choice and Services without an address of their choice keep those they have in
    `previous`. Raises FileError with every mistake that can be told at once.
    """
    result = read_manifests(documents)
    system.check_names(result)
    nodes = tuple(node.name for node in topology.spec.nodes)
    wanted = system.dns_pods(topology) + wanted_pods(result, node_labels(topology))
    deployments = wanted_deployments(result)
    ips = ClusterIps(topology.spec.services.cidr)
    own = [system.dns_service(topology, ips.dns)]
    if not documents:
        wanted += system.sample_pods(topology)
        own.append(system.sample_service(ips.give(system.sample_service().full_name)))
    pods = _placed(wanted, nodes, previous, result)
    made = make_services(result, ips, _addresses(previous), _node_ports(previous))
    in_zones = zones(topology)
    slices = _slices(result, own, made, pods, dict(in_zones))
    if api_server:
        own.insert(1, system.api_service(ips.api_server))
        slices.insert(1, system.api_slice(api_server))
    if result.mistakes:
        raise file_error(result.mistakes)
    services = (*own, *(item.service for item in made))
    return Cluster(
        nodes,
        result.namespaces,
        tuple(pods),
        services,
        tuple(slices),
        deployments,
        tuple(result.warnings),
        in_zones,
    )


def _addresses(previous: Cluster | None) -> dict[str, str]:
    services: Iterable[Service] = previous.services if previous else ()
    return {service.full_name: service.cluster_ip for service in services if service.cluster_ip}


def _node_ports(previous: Cluster | None) -> dict[str, int]:
    services: Iterable[Service] = previous.services if previous else ()
    found = {}
    for service in services:
        found[health_owner(service.full_name)] = service.health_check_port
        for port in service.ports:
            found[port_owner(service.full_name, port.name, port.protocol)] = port.node_port
    return {owner: number for owner, number in found.items() if number}


def _placed(wanted: Wanted, nodes: tuple[str, ...], previous: Cluster | None, result: Manifests) -> list[Pod]:
    """The pods on their nodes: where they must be, else where they were, else where there are fewest."""
    known = frozenset(nodes)
    before = {pod.place: pod.node for pod in previous.pods if pod.node in known} if previous else {}
    placement = place(
        nodes,
        (
            _allowed(template, before.get(f"{template.namespace}/{name}", "") if before else "")
            for name, template in wanted
        ),
    )
    result.warnings += [f"{node} has more than {MAX_PODS} pods, kubelet's default limit" for node in placement.crowded]
    return [template.pod(name, node) for (name, template), node in zip(wanted, placement.nodes, strict=True)]


def _allowed(template: PodTemplate, before: str) -> tuple[str, ...]:
    return (before,) if before and (not template.among or before in template.among) else template.among


def _slices(
    result: Manifests, own: list[Service], made: list[MadeService], pods: list[Pod], in_zones: Mapping[str, str]
) -> list[EndpointSlice]:
    """The slices of Services with a selector, the lab's own first, then those that manifests give."""
    by_label = PodsByLabel(pods)
    slices = [
        found
        for service in own
        for found in selected(service, by_label.matching(service.namespace, service.selector), zones=in_zones)
    ]
    for item in made:
        service = item.service
        if not service.selector:
            continue
        members = by_label.matching(service.namespace, service.selector)
        check_named_ports(item.source, service, members, result)
        slices += selected(service, members, item.publish_not_ready, item.preference, in_zones)
    by_place = {pod.place: pod for pod in pods}
    return slices + written(result, (item.service for item in made), by_place)
