"""What is wrong with a file's Services: what Kubernetes' API server would refuse, and what has no effect here."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address, ip_network

from lab.cluster.addresses import ClusterIpError, ClusterIps
from lab.cluster.endpoints import is_host
from lab.cluster.file import manifests
from lab.cluster.file.podsasked import AllPods
from lab.cluster.file.sources import Manifests, Source
from lab.cluster.nodeports import ALL, USED_UP
from lab.errors import Mistake
from lab.topology.yaml.document import Path, shown

HEADLESS = "None"
WITH_NODE_PORTS = ("NodePort", "LoadBalancer")

Found = list[tuple[Source, manifests.Service]]

_BALANCED = {
    "load_balancer_source_ranges": "loadBalancerSourceRanges",
    "allocate_load_balancer_node_ports": "allocateLoadBalancerNodePorts",
}


def check_services(result: Manifests, cidr: str, pods: AllPods) -> None:
    """`cidr` is the range of ClusterIPs. Mistakes and warnings go to `result`."""
    found = list(result.of(manifests.Service))
    for source, item in found:
        result.mistakes += mistakes(source, item)
        result.warnings += warnings(source, item)
        result.mistakes += _named_ports(source, item, pods)
    result.mistakes += _addresses(found, cidr)
    result.mistakes += clashes(found)
    result.mistakes += _node_ports(found)


def _addresses(found: Found, cidr: str) -> Iterator[Mistake]:
    """Of those that are asked for, and where there are not enough for the others."""
    ips = ClusterIps(cidr)
    waiting = []
    for source, item in found:
        if item.spec.type == "ExternalName" or item.spec.cluster_ip == HEADLESS:
            continue
        if not item.spec.cluster_ip:
            waiting.append(source)
            continue
        try:
            ips.take(item.spec.cluster_ip, f"{item.metadata.namespace}/{item.metadata.name}")
        except ClusterIpError as mistake:
            yield source.mistake(("spec", "clusterIP"), str(mistake), mistake.remedy)
    for source in waiting[ips.free :]:
        yield source.mistake(("metadata", "name"), str(ips.used_up), ips.used_up.remedy)


def _node_ports(found: Found) -> Iterator[Mistake]:
    """Where there are not enough for those that name none, health checks included."""
    named: set[int | None] = set()
    waiting: list[tuple[Source, Path]] = []
    for source, item in found:
        spec = item.spec
        named.update(port.node_port for port in spec.ports)
        named.add(spec.health_check_node_port)
        if spec.type == "NodePort" or (spec.type == "LoadBalancer" and spec.allocate_load_balancer_node_ports):
            without = (i for i, port in enumerate(spec.ports) if port.node_port is None)
            waiting += [(source, ("spec", "ports", i)) for i in without]
        if checks_health(spec) and spec.health_check_node_port is None:
            waiting.append((source, ("spec", "type")))
    for source, where in waiting[ALL - len(named - {None}) :]:
        yield source.mistake(where, USED_UP, "make some Services of type ClusterIP")


def _named_ports(source: Source, item: manifests.Service, pods: AllPods) -> Iterator[Mistake]:
    """A targetPort that no selected pod has; with no pods at all, nobody knows yet."""
    named = [(i, port) for i, port in enumerate(item.spec.ports) if isinstance(port.target_port, str)]
    if not named or item.spec.type == "ExternalName":
        return
    theirs = [one.ports for one in pods.selected(item.metadata.namespace, item.spec.selector)]
    for i, port in named:
        if not theirs or any((port.target_port, port.protocol) in ports for ports in theirs):
            continue
        names = sorted({name for ports in theirs for name, protocol in ports if protocol == port.protocol})
        remedy = f"their {port.protocol} ports are named {', '.join(names[:8])}" if names else "name a containerPort so"
        problem = f"no pod of the Service has a {port.protocol} port named {shown(port.target_port)}"
        yield source.mistake(("spec", "ports", i, "targetPort"), problem, remedy)


def exposed(spec: manifests.ServiceSpec) -> bool:
    """Whether the Service can be reached from outside of the cluster."""
    return spec.type in WITH_NODE_PORTS or (spec.type == "ClusterIP" and bool(spec.external_ips))


def checks_health(spec: manifests.ServiceSpec) -> bool:
    """Whether load balancers ask each node if it has endpoints of the Service: then it has a port for that."""
    return spec.type == "LoadBalancer" and spec.external_traffic_policy == "Local"


def mistakes(source: Source, item: manifests.Service) -> Iterator[Mistake]:
    """What Kubernetes' API server would refuse, of one Service by itself."""
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
    yield from _ports(source, spec)
    yield from _outside(source, item)
    yield from _affinity(source, spec)


def _ports(source: Source, spec: manifests.ServiceSpec) -> Iterator[Mistake]:
    numbers: set[tuple[int, str]] = set()
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
        numbers.add((port.port, port.protocol))


def _outside(source: Source, item: manifests.Service) -> Iterator[Mistake]:
    """External addresses, and what is for load balancers."""
    spec = item.spec
    for i, text in enumerate(spec.external_ips):
        if not _is_ipv6(text) and not is_host(text):
            problem = f"{shown(text)} cannot be an external IP"
            yield source.mistake(("spec", "externalIPs", i), problem, "use the IPv4 address of a host")
    if "external_traffic_policy" in spec.model_fields_set and not exposed(spec):
        problem = "is only for Services that can be reached from outside"
        remedy = "leave it out, or write 'type: NodePort' or 'type: LoadBalancer'"
        yield source.mistake(("spec", "externalTrafficPolicy"), problem, remedy)
    if spec.health_check_node_port is not None and not checks_health(spec):
        problem = "is only for a LoadBalancer with externalTrafficPolicy Local"
        yield source.mistake(("spec", "healthCheckNodePort"), problem, "leave it out")
    for i, text in enumerate(spec.load_balancer_source_ranges):
        if not _is_prefix(text):
            problem = f"{shown(text)} is not a prefix"
            yield source.mistake(("spec", "loadBalancerSourceRanges", i), problem, "write it as 198.51.100.0/24")
    if spec.type != "LoadBalancer":
        for name, field in _BALANCED.items():
            if name in spec.model_fields_set and getattr(spec, name) != ():
                yield source.mistake(("spec", field), f"a {spec.type} has none", "it is for 'type: LoadBalancer'")
    for i, one in enumerate(item.status.load_balancer.ingress):
        path: Path = ("status", "loadBalancer", "ingress", i, "ip")
        if spec.type != "LoadBalancer":
            yield source.mistake(path, f"a {spec.type} has no load balancer", "write 'type: LoadBalancer'")
        elif one.ip and not _is_ipv6(one.ip) and not is_host(one.ip):
            problem = f"{shown(one.ip)} cannot be a load balancer's address"
            yield source.mistake(path, problem, "use the IPv4 address of a host")


def _affinity(source: Source, spec: manifests.ServiceSpec) -> Iterator[Mistake]:
    if spec.session_affinity == "None" and "session_affinity_config" in spec.model_fields_set:
        problem = "is there, but the Service has no session affinity"
        yield source.mistake(("spec", "sessionAffinityConfig"), problem, "write 'sessionAffinity: ClientIP'")


def clashes(found: Found) -> Iterator[Mistake]:
    """Node ports, health check ports among them, that two Services name, or one that has none."""
    first: dict[tuple[int, str], str] = {}
    for source, item in found:
        for path, number, protocol in _named(item):
            key = (number, protocol)
            if item.spec.type not in WITH_NODE_PORTS:
                yield source.mistake(path, f"a {item.spec.type} has no node port", "write 'type: NodePort'")
            elif key in first:
                problem = f"{number}/{protocol} is already the node port of {first[key]}"
                yield source.mistake(path, problem, "choose another")
            first.setdefault(key, f"{item.metadata.namespace}/{item.metadata.name}")


def _named(item: manifests.Service) -> Iterator[tuple[Path, int, str]]:
    for i, port in enumerate(item.spec.ports):
        if port.node_port is not None:
            yield ("spec", "ports", i, "nodePort"), port.node_port, port.protocol
    if item.spec.health_check_node_port is not None and checks_health(item.spec):
        yield ("spec", "healthCheckNodePort"), item.spec.health_check_node_port, "TCP"


def warnings(source: Source, item: manifests.Service) -> Iterator[str]:
    """What is accepted but has no effect."""
    spec, name = item.spec, f"{item.metadata.namespace}/{item.metadata.name}"
    ingress = item.status.load_balancer.ingress
    if spec.type == "LoadBalancer" and not any(one.ip for one in ingress):
        told = f"{name}: no load balancer gives it an address; status.loadBalancer.ingress may name one"
        yield source.warning(("spec", "type"), told)
    texts = {
        ("spec", "externalIPs"): spec.external_ips,
        ("spec", "loadBalancerSourceRanges"): spec.load_balancer_source_ranges,
        ("status", "loadBalancer", "ingress"): [one.ip for one in ingress],
    }
    for path, values in texts.items():
        for i, text in enumerate(values):
            if ":" in text:
                yield source.warning((*path, i), f"{name}: {shown(text)} is passed over: only IPv4 is supported")


def _is_ipv6(text: str) -> bool:
    try:
        return isinstance(ip_address(text), IPv6Address)
    except ValueError:
        return False


def _is_prefix(text: str) -> bool:
    try:
        ip_network(text.strip(), strict=False)
    except ValueError:
        return False
    return "/" in text
