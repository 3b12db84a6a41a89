"""Services' selectors and pods' readiness to EndpointSlices, as the endpoint slice controller makes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import AddressValueError, IPv4Address
from types import MappingProxyType

from lab.cluster import manifests
from lab.cluster.deployments import stable_hash
from lab.cluster.distribution import NONE, hints
from lab.cluster.objects import Endpoint, EndpointSlice, Pod, PortEndpoints, Service, ServicePort
from lab.cluster.sources import Manifests, Source
from lab.topology.yaml.document import Path, shown

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
CONTROLLER = "endpointslice-controller.k8s.io"

NO_ZONES: Mapping[str, str] = MappingProxyType({})


class PodsByLabel:
    """Finds the pods that a selector matches without looking at all of them."""

    def __init__(self, pods: Iterable[Pod]) -> None:
        self._pods: dict[tuple[str, str, str], dict[str, Pod]] = {}
        for pod in pods:
            place = pod.place
            for key, value in pod.labels:
                self._pods.setdefault((pod.namespace, key, value), {})[place] = pod

    def matching(self, namespace: str, selector: tuple[tuple[str, str], ...]) -> list[Pod]:
        """Pods of the namespace that have all labels, in order."""
        groups = sorted((self._pods.get((namespace, key, value), {}) for key, value in selector), key=len)
        if not groups:
            return []
        return [pod for place, pod in groups[0].items() if all(place in group for group in groups[1:])]


def selected(
    service: Service,
    pods: list[Pod],
    publish_not_ready: bool = False,
    preference: str = "",
    zones: Mapping[str, str] = NO_ZONES,
) -> list[EndpointSlice]:
    """The slices of a Service with a selector: one, or one more for each other set of numbers its named ports have.

    `preference` is its trafficDistribution, `zones` those of the nodes that have one. A headless Service without ports
    has its endpoints at port 0, for DNS alone.
    """
    groups: dict[tuple[int, ...], list[Endpoint]] = {}
    ports = service.ports or (ServicePort("", "TCP", 0, 0),)
    numbers = tuple(port.target_port for port in ports if isinstance(port.target_port, int))
    named = len(numbers) < len(ports)
    for pod in pods:
        targets = tuple(resolve(port, pod) for port in ports) if named else numbers
        hostname = pod.hostname if pod.subdomain == service.name else ""
        zone, ready = zones.get(pod.node, ""), pod.ready or publish_not_ready
        told = hints(preference, pod.node, zone) if preference and ready else NONE
        endpoint = Endpoint(pod.place, "", pod.node, hostname, ready, pod.ready, False, zone, told.zones, told.nodes)
        groups.setdefault(targets, []).append(endpoint)
    return [
        EndpointSlice(
            service.namespace,
            slice_name(service.namespace, service.name, number),
            service.name,
            _ports(ports, targets, endpoints),
        )
        for number, (targets, endpoints) in enumerate(groups.items() or (((), []),))
    ]


def slice_name(namespace: str, service: str, number: int) -> str:
    """The name of a Service's slice, counted from 0."""
    return f"{service}-{stable_hash(f'{namespace}/{service}/{number}', 5)}"


def _ports(
    ports: tuple[ServicePort, ...], targets: tuple[int, ...], endpoints: list[Endpoint]
) -> tuple[PortEndpoints, ...]:
    members = tuple(endpoints)
    return tuple(
        PortEndpoints(port.name, port.protocol, target, members)
        for port, target in zip(ports, targets, strict=False)
        if target >= 0
    )


def resolve(port: ServicePort, pod: Pod) -> int:
    """The number of the target port in this pod; -1 when the pod has no port of that name."""
    if isinstance(port.target_port, int):
        return port.target_port
    wanted = (port.target_port, port.protocol)
    return next((own.port for own in pod.ports if (own.name, own.protocol) == wanted), -1)


def check_named_ports(source: Source, service: Service, pods: list[Pod], result: Manifests) -> None:
    """A targetPort that no selected pod has is a mistake; with no pods at all, nobody knows yet."""
    for i, port in enumerate(service.ports):
        if not pods or any(resolve(port, pod) >= 0 for pod in pods):
            continue
        names = sorted({own.name for pod in pods for own in pod.ports if own.name and own.protocol == port.protocol})
        remedy = f"their {port.protocol} ports are named {', '.join(names[:8])}" if names else "name a containerPort so"
        problem = f"no pod of the Service has a {port.protocol} port named {shown(port.target_port)}"
        result.mistakes.append(source.mistake(("spec", "ports", i, "targetPort"), problem, remedy))


def written(result: Manifests, services: Iterable[Service], pods: Mapping[str, Pod]) -> list[EndpointSlice]:
    """The slices that manifests give, for Services without a selector."""
    known = {service.full_name for service in services}
    slices = []
    for source, item in result.of(manifests.EndpointSlice):
        metadata, service = item.metadata, item.metadata.labels.get(SERVICE_NAME, "")
        label = ("metadata", "labels", SERVICE_NAME)
        if metadata.labels.get(MANAGED_BY) == CONTROLLER:
            problem = f"{metadata.name} is passed over: the lab makes it from the selector"
            result.warnings.append(source.warning((), problem))
        elif item.address_type != "IPv4":
            problem = f"{metadata.name} is passed over: only IPv4 is supported"
            result.warnings.append(source.warning(("addressType",), problem))
        elif not service:
            result.mistakes.append(source.mistake(label, "is missing", "name the Service whose endpoints these are"))
        else:
            if f"{metadata.namespace}/{service}" not in known:
                problem = f"{metadata.name} has no effect: there is no Service {metadata.namespace}/{service}"
                result.warnings.append(source.warning(label, problem))
            endpoints = _members(source, item, pods, result)
            ports = tuple(PortEndpoints(port.name, port.protocol, port.port, endpoints) for port in item.ports)
            slices.append(EndpointSlice(metadata.namespace, metadata.name, service, ports))
    return slices


def _members(
    source: Source, item: manifests.EndpointSlice, pods: Mapping[str, Pod], result: Manifests
) -> tuple[Endpoint, ...]:
    """Each endpoint: the pod that its targetRef names, or else its first address; kube-proxy looks at no other."""
    endpoints = []
    for i, member in enumerate(item.endpoints):
        reference, address, said = member.target_ref, member.addresses[0], member.conditions
        for_zones = tuple(one.name for one in member.hints.for_zones)
        for_nodes = tuple(one.name for one in member.hints.for_nodes)
        told = (said.ready, said.serving, said.terminating, member.zone, for_zones, for_nodes)
        place = f"{reference.namespace or item.metadata.namespace}/{reference.name}"
        if reference.kind == "Pod" and place in pods:
            endpoints.append(Endpoint(place, "", pods[place].node, member.hostname, *told))
        elif reference.kind == "Pod":
            path: Path = ("endpoints", i, "targetRef", "name")
            remedy = "leave targetRef out for what is no pod"
            result.mistakes.append(source.mistake(path, f"there is no pod {shown(place)}", remedy))
        elif is_host(address):
            endpoints.append(Endpoint("", address, member.node_name, member.hostname, *told))
        else:
            path = ("endpoints", i, "addresses", 0)
            problem = f"{shown(address)} cannot be an endpoint's address"
            result.mistakes.append(source.mistake(path, problem, "use the IPv4 address of a host"))
    return tuple(endpoints)


def is_host(text: str) -> bool:
    """Whether Kubernetes would take the address for an endpoint, or for an external IP."""
    try:
        address = IPv4Address(text)
    except AddressValueError:
        return False
    return not (address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified)
