"""What the lab adds to every cluster, and what it takes when the file has no manifests."""

from __future__ import annotations

import re

from lab.cluster import manifests
from lab.cluster.addresses import ClusterIps
from lab.cluster.objects import ContainerPort, Service, ServicePort
from lab.cluster.sources import Manifests
from lab.cluster.templates import PodTemplate
from lab.cluster.workloads import Wanted
from lab.topology.schema import Topology

NAMESPACE = "kube-system"
_LABELS = (("k8s-app", "kube-dns"),)
_DNS_POD = re.compile(r"dns-\d+")


def dns_pods(topology: Topology) -> Wanted:
    """Names and templates of the DNS pods: one on each of the first nodes, as many as there are replicas."""
    ports = (ContainerPort(53, "UDP", "dns"), ContainerPort(53, "TCP", "dns-tcp"))
    nodes = [node.name for node in topology.spec.nodes][: topology.spec.dns.replicas]
    return [
        (
            f"dns-{index}",
            PodTemplate(NAMESPACE, _LABELS, ports, system=topology.spec.dns.server, pinned=node),
        )
        for index, node in enumerate(nodes)
    ]


def dns_service(address: str) -> Service:
    """kube-dns, whose address is in every pod's resolv.conf."""
    ports = (ServicePort("dns", "UDP", 53, 53), ServicePort("dns-tcp", "TCP", 53, 53))
    return Service(NAMESPACE, "kube-dns", "ClusterIP", address, ports, _LABELS)


def sample_pods(topology: Topology) -> Wanted:
    """pod-0, the client, and one pod of myapp on each further node; on an only node, beside the client."""
    nodes = [node.name for node in topology.spec.nodes]
    return [
        (f"pod-{index}", PodTemplate("default", (("app", "myapp"),) if index else (), pinned=node))
        for index, node in enumerate(nodes if len(nodes) > 1 else nodes * 2)
    ]


def sample_service(ips: ClusterIps) -> Service:
    """default/myapp, the pods of the sample."""
    ports = (ServicePort("http", "TCP", 80, 8080),)
    return Service("default", "myapp", "ClusterIP", ips.give("default/myapp"), ports, (("app", "myapp"),))


def check_names(result: Manifests) -> None:
    """Manifests must not use the names of the lab's own DNS."""
    for source, item in result.found:
        name, namespace = item.metadata.name, item.metadata.namespace
        is_dns_pod = isinstance(item, manifests.Pod) and _DNS_POD.fullmatch(name)
        is_dns_service = isinstance(item, manifests.Service) and name == "kube-dns"
        if namespace == NAMESPACE and (is_dns_pod or is_dns_service):
            problem = f"{NAMESPACE}/{name} is the lab's own DNS"
            result.mistakes.append(
                source.mistake(("metadata", "name"), problem, "leave it out, or choose another name")
            )
