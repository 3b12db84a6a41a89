"""What a pod has whatever the plugin: namespace and settings, resolver, hosts file and host name, and what listens."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import TYPE_CHECKING

from lab.cluster.environment import environment, expanded
from lab.cluster.objects import CLUSTER_FIRST
from lab.network.dns import pod_names
from lab.network.dns.coredns import API_PORT
from lab.network.ipv4 import Prefix
from lab.network.objects import File, Listener, Namespace, Object, Process, Sysctl
from lab.network.place_names import OWN_FILES, netns_name
from lab.network.underlay.machine_names import machine_resolver

if TYPE_CHECKING:
    from lab.cluster.objects import Cluster, Pod
    from lab.network.ipam import Addresses
    from lab.topology.schema import Topology

BUILT_IN_PORTS = (("tcp", 8080), ("udp", 8080))
DNS_SERVICE = "kube-system/kube-dns"

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


def pod_files(topology: Topology, cluster: Cluster, addresses: Addresses) -> Iterator[File]:
    """What `ip netns exec` and the lab's own commands put over /etc in a pod."""
    domain, of_node = topology.spec.dns.domain, machine_resolver(addresses)
    servers = cluster_dns(cluster)
    usual: dict[str, str] = {}
    for pod in cluster.pods:
        place = pod.place
        folder = f"{OWN_FILES}/{netns_name(place)}"
        if pod.dns == CLUSTER_FIRST and not pod.host_network:
            if pod.namespace not in usual:
                usual[pod.namespace] = pod_names.resolver(pod, domain, servers, of_node).to_text()
            resolver = usual[pod.namespace]
        else:
            resolver = pod_names.resolver(pod, domain, servers, of_node).to_text()
        hosts = pod_names.hosts_text(pod_names.hosts(pod, domain, addresses.pods[place]))
        yield File(place, f"{folder}/resolv.conf", resolver, f"whom the pod asks for names: dnsPolicy {pod.dns.policy}")
        yield File(place, f"{folder}/hosts", hosts, "names that the pod knows by itself")
        yield File(place, f"{folder}/hostname", f"{pod_names.host_name(pod, domain)}\n", "the pod's own name")


def cluster_dns(cluster: Cluster) -> tuple[str, ...]:
    """The address of kube-dns, if there is such a Service."""
    return tuple(service.cluster_ip for service in cluster.services if service.full_name == DNS_SERVICE)


def servers(topology: Topology, cluster: Cluster, addresses: Addresses) -> Iterator[Object]:
    """What answers in the pods: the built-in server, or the program of their own."""
    api = Prefix.of(topology.spec.services.cidr).address(1)
    for pod in cluster.pods:
        if pod.system or not pod.running:
            continue
        if pod.command:
            yield _program(pod, addresses, api)
        else:
            yield from _listeners(pod)


def variables(topology: Topology, pod: Pod, addresses: Addresses) -> dict[str, str]:
    """What whatever runs in the pod is given: the variables that kubelet gives to every one, those of its manifest."""
    return _variables(pod, addresses, Prefix.of(topology.spec.services.cidr).address(1))


def _variables(pod: Pod, addresses: Addresses, api: str) -> dict[str, str]:
    usual = {
        "HOSTNAME": pod.hostname or pod.name,
        "KUBERNETES_SERVICE_HOST": api,
        "KUBERNETES_SERVICE_PORT": str(API_PORT),
        "KUBERNETES_SERVICE_PORT_HTTPS": str(API_PORT),
    }
    return environment(pod.variables, _fields(pod, addresses), usual)


def _program(pod: Pod, addresses: Addresses, api: str) -> Process:
    """The pod's own program."""
    known = _variables(pod, addresses, api)
    argv = tuple(expanded(word, known) if "$" in word else word for word in pod.command)
    given = tuple(f"{name}={value}" for name, value in known.items())
    intent = f"program of pod {pod.place}"
    return Process(
        pod.place,
        "command",
        argv,
        _born_with(pod),
        environment=given,
        node=pod.node,
        added=pod.power.added,
        dropped=pod.power.dropped,
        intent=intent,
    )


def _fields(pod: Pod, addresses: Addresses) -> dict[str, str]:
    """What a variable may refer to, by its path in the pod."""
    address, host = addresses.pods[pod.place], addresses.nodes[pod.node]
    return {
        "metadata.name": pod.name,
        "metadata.namespace": pod.namespace,
        "spec.nodeName": pod.node,
        "status.podIP": address,
        "status.podIPs": address,
        "status.hostIP": host,
        "status.hostIPs": host,
        **{f"metadata.labels['{name}']": value for name, value in pod.labels},
    }


def _born_with(pod: Pod) -> str:
    """A digest of what its program reads as it starts, of the names it has and asks for; "" for the usual."""
    names = (pod.hostname, pod.subdomain, pod.fqdn, pod.host_aliases, pod.host_network, pod.dns)
    if names == ("", "", False, (), False, CLUSTER_FIRST):
        return ""
    return sha256(repr(names).encode()).hexdigest()[:16]


def _listeners(pod: Pod) -> Iterator[Listener]:
    declared = [(port.protocol.lower(), port.port) for port in pod.ports]
    for protocol, port in dict.fromkeys(declared or BUILT_IN_PORTS):
        if protocol in ("tcp", "udp"):
            yield Listener(pod.place, protocol, port, pod.name, "built-in server")
