"""What a pod has whatever the plugin: namespace and settings, resolver, hosts file and hostname, and what listens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lab.network.objects import File, Listener, Namespace, Object, Process, Sysctl, netns_name

if TYPE_CHECKING:
    from lab.cluster.objects import Cluster, Pod
    from lab.network.addressing import Addresses
    from lab.topology.schema import Topology

BUILT_IN_PORTS = (("tcp", 8080), ("udp", 8080))
NDOTS = 5
DNS_SERVICE = "kube-system/kube-dns"

# kubelet writes these lines into every pod's file.
_LOCALHOST = """\
# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
"""

_SETTINGS = (
    ("net.ipv4.conf.eth0.forwarding", "0", "a host, not a router"),
    ("net.ipv6.conf.eth0.addr_gen_mode", "1", "no IPv6 address of its own"),
)


def namespaces(cluster: Cluster) -> Iterator[Namespace]:
    for pod in cluster.pods:
        yield Namespace(pod.place, "pod", pod.node, f"pod of {pod.node}")


def sysctls(cluster: Cluster) -> Iterator[Sysctl]:
    """As few as will do: each costs every pod."""
    for pod in cluster.pods:
        for name, value, intent in _SETTINGS:
            yield Sysctl(pod.place, name, value, intent)


def files(topology: Topology, cluster: Cluster, addresses: Addresses) -> Iterator[File]:
    """What `ip netns exec` and the lab's own commands put over /etc in a pod or node."""
    for node in topology.spec.nodes:
        path = f"/etc/netns/{netns_name(node.name)}/resolv.conf"
        yield File(node.name, path, f"nameserver {addresses.resolver}\n", "a node asks the internet's resolver")
    yield from pod_files(topology, cluster, addresses)


def pod_files(topology: Topology, cluster: Cluster, addresses: Addresses) -> Iterator[File]:
    """Those of the pods alone."""
    domain = topology.spec.dns.domain
    servers = [service.cluster_ip for service in cluster.services if service.full_name == DNS_SERVICE]
    tail = "".join(f"nameserver {server}\n" for server in servers) + f"options ndots:{NDOTS}\n"
    resolvers = {
        namespace: f"search {namespace}.svc.{domain} svc.{domain} {domain}\n{tail}" for namespace in cluster.namespaces
    }
    for pod in cluster.pods:
        place = pod.place
        folder = f"/etc/netns/{netns_name(place)}"
        hostname = pod.hostname or pod.name
        names = f"{hostname}.{pod.subdomain}.{pod.namespace}.svc.{domain}\t{hostname}" if pod.subdomain else hostname
        # A DNS server itself asks the world outside (dnsPolicy Default), for it cannot ask itself.
        resolver = f"nameserver {addresses.resolver}\n" if pod.system else resolvers[pod.namespace]
        yield File(place, f"{folder}/resolv.conf", resolver, "names are asked of the cluster's DNS")
        yield File(place, f"{folder}/hosts", f"{_LOCALHOST}{addresses.pods[place]}\t{names}\n", "the pod's own name")
        yield File(place, f"{folder}/hostname", f"{hostname}\n", "the pod's own name")


def servers(cluster: Cluster) -> Iterator[Object]:
    """What answers in the pods: the built-in server, or the program of their own."""
    for pod in cluster.pods:
        if pod.system or not pod.running:
            continue
        if pod.command:
            yield Process(pod.place, "command", pod.command, intent=f"program of pod {pod.place}")
        else:
            yield from _listeners(pod)


def _listeners(pod: Pod) -> Iterator[Listener]:
    declared = [(port.protocol.lower(), port.port) for port in pod.ports]
    for protocol, port in dict.fromkeys(declared or BUILT_IN_PORTS):
        if protocol in ("tcp", "udp"):
            yield Listener(pod.place, protocol, port, pod.name, "built-in server")
