"""The names of the lab's own in every cluster: its DNS and its API server."""

from __future__ import annotations

import re

from lab.cluster.file import manifests
from lab.cluster.file.podsasked import PodsAsked
from lab.cluster.file.sources import Manifests
from lab.topology.schema import Topology

NAMESPACE = "kube-system"
API_PORT = 6443  # kube-apiserver's default
DNS_LABELS = {"k8s-app": "kube-dns"}
_DNS_PORTS = (("dns", "UDP", 53), ("dns-tcp", "TCP", 53))
_METRICS_PORTS = (("metrics", "TCP", 9153),)
_DNS_POD = re.compile(r"dns-\d+")


def dns_nodes(topology: Topology) -> dict[str, str]:
    """The node of each DNS pod: one on each of the first, as many as there are replicas."""
    nodes = topology.spec.nodes[: topology.spec.dns.replicas]
    return {f"dns-{index}": node.name for index, node in enumerate(nodes)}


def dns_ports(topology: Topology) -> tuple[tuple[str, str, int], ...]:
    """Name, protocol and number, as kubeadm has them."""
    return _DNS_PORTS + (_METRICS_PORTS if topology.spec.dns.server == "coredns" else ())


def dns_pods(topology: Topology) -> list[PodsAsked]:
    """The DNS pods, as manifests may speak of them."""
    ports = frozenset((name, protocol) for name, protocol, _ in dns_ports(topology))
    return [PodsAsked(NAMESPACE, name, DNS_LABELS, ports) for name in dns_nodes(topology)]


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
