"""What the lab adds to every cluster, and what it takes when the file has no manifests."""

from __future__ import annotations

import re

from lab.cluster import manifests
from lab.cluster.objects import ContainerPort, Endpoint, EndpointSlice, PodDns, PortEndpoints, Service, ServicePort
from lab.cluster.sources import Manifests
from lab.cluster.templates import PodTemplate
from lab.cluster.workloads import Wanted
from lab.topology.schema import Topology

NAMESPACE = "kube-system"
API_PORT = 6443  # kube-apiserver's default
_LABELS = (("k8s-app", "kube-dns"),)
_DNS_PORTS = (("dns", "UDP", 53), ("dns-tcp", "TCP", 53))
_METRICS_PORTS = (("metrics", "TCP", 9153),)
_ASKS_OUTSIDE = PodDns("Default")  # for it cannot ask itself
_DNS_POD = re.compile(r"dns-\d+")


def dns_pods(topology: Topology) -> Wanted:
    """Names and templates of the DNS pods: one on each of the first nodes, as many as there are replicas."""
    ports = tuple(ContainerPort(number, protocol, name) for name, protocol, number in _dns_ports(topology))
    nodes = [node.name for node in topology.spec.nodes][: topology.spec.dns.replicas]
    return [
        (
            f"dns-{index}",
            PodTemplate(NAMESPACE, _LABELS, ports, system=topology.spec.dns.server, among=(node,), dns=_ASKS_OUTSIDE),
        )
        for index, node in enumerate(nodes)
    ]


def dns_service(topology: Topology, address: str) -> Service:
    """kube-dns, whose address is in every pod's resolv.conf."""
    ports = tuple(ServicePort(name, protocol, number, number) for name, protocol, number in _dns_ports(topology))
    return Service(NAMESPACE, "kube-dns", "ClusterIP", address, ports, _LABELS)


def _dns_ports(topology: Topology) -> tuple[tuple[str, str, int], ...]:
    """Name, protocol and number, as kubeadm has them."""
    return _DNS_PORTS + (_METRICS_PORTS if topology.spec.dns.server == "coredns" else ())


def api_service(address: str) -> Service:
    """default/kubernetes, by which pods reach the API server."""
    return Service("default", "kubernetes", "ClusterIP", address, (ServicePort("https", "TCP", 443, API_PORT),))


def api_slice(address: str) -> EndpointSlice:
    """Where the API server listens: it is no pod."""
    port = PortEndpoints("https", "TCP", API_PORT, (Endpoint(address=address),))
    return EndpointSlice("default", "kubernetes", "kubernetes", (port,))


def sample_pods(topology: Topology) -> Wanted:
    """pod-0, the client, and one pod of myapp on each further node; on an only node, beside the client."""
    nodes = [node.name for node in topology.spec.nodes]
    return [
        (f"pod-{index}", PodTemplate("default", (("app", "myapp"),) if index else (), among=(node,)))
        for index, node in enumerate(nodes if len(nodes) > 1 else nodes * 2)
    ]


def sample_service(address: str = "") -> Service:
    """default/myapp, the pods of the sample; `address` is the ClusterIP that it was given."""
    ports = (ServicePort("http", "TCP", 80, 8080),)
    return Service("default", "myapp", "ClusterIP", address, ports, (("app", "myapp"),))


def check_names(result: Manifests) -> None:
    """Manifests must not use the names of the lab's own DNS and API server."""
    for source, item in result.found:
        name, namespace = item.metadata.name, item.metadata.namespace
        is_dns_pod = isinstance(item, manifests.Pod) and _DNS_POD.fullmatch(name)
        is_service = isinstance(item, manifests.Service)
        if is_service and (namespace, name) == ("default", "kubernetes"):
            problem, remedy = "default/kubernetes is the lab's own API server", "leave it out, or choose another name"
            result.mistakes.append(source.mistake(("metadata", "name"), problem, remedy))
        is_dns_service = is_service and name == "kube-dns"
        if namespace == NAMESPACE and (is_dns_pod or is_dns_service):
            problem = f"{NAMESPACE}/{name} is the lab's own DNS"
            result.mistakes.append(
                source.mistake(("metadata", "name"), problem, "leave it out, or choose another name")
            )
