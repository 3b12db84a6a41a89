"""The lab's own objects in the API: Kubernetes' namespaces, the nodes, the API server's Service, and the DNS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lab.api.kinds import complete
from lab.api.resources import (
    CONFIGMAPS,
    ENDPOINTS,
    ENDPOINTSLICES,
    NAMESPACES,
    NODES,
    PODS,
    SERVICECIDRS,
    SERVICES,
    Resource,
)
from lab.api.store import Json
from lab.cluster.addresses import ClusterIps
from lab.cluster.endpoints import SERVICE_NAME
from lab.cluster.file.system import API_PORT, DNS_LABELS, NAMESPACE, dns_nodes, dns_ports
from lab.cluster.nodes import MAX_PODS, Labels, node_labels
from lab.cluster.pod_hashes import stable_hash
from lab.topology.schema import Topology

SYSTEM = "hoplab.io/system"
"""The annotation of the lab's own pods: which of its servers runs in it."""

MADE = "hoplab.io/made"
"""The annotation by which the lab knows its own Corefile again."""

COREFILE = "Corefile"
_SKIP_MIRROR = "endpointslice.kubernetes.io/skip-mirror"
_ARCHITECTURE = "kubernetes.io/arch"

Own = tuple[Resource, Json]


@dataclass(frozen=True, slots=True)
class Machine:
    """What nodes say of the machine they run on: `info` as in a Node's status.nodeInfo, `capacity` as in its status
    (cpu, memory; how many pods is known).
    """

    info: Mapping[str, str] = field(default_factory=dict)
    capacity: Mapping[str, str] = field(default_factory=dict)


UNKNOWN = Machine()


def own_objects(
    topology: Topology,
    addresses: Mapping[str, str],
    machine: Machine,
    corefile: str = "",
    blocks: Mapping[str, Sequence[str]] | None = None,
) -> list[Own]:
    """In the order in which they are made. `addresses` are the nodes', `blocks` their prefixes of pods' addresses, as
    far as they are known; `corefile` is what CoreDNS starts with.
    """
    ips = ClusterIps(topology.spec.services.cidr)
    nodes = [node.name for node in topology.spec.nodes]
    made: list[Own] = [(NAMESPACES, _namespace(name)) for name in ("default", NAMESPACE)]
    made.append((SERVICECIDRS, _servicecidr(topology.spec.services.cidr)))
    labels = node_labels(topology)
    made += [
        (NODES, _node(name, labels[name], addresses[name], machine, (blocks or {}).get(name, ()))) for name in nodes
    ]
    if topology.spec.dns.server == "coredns":
        made.append((CONFIGMAPS, _configmap(corefile)))
    marks = {**DNS_LABELS, "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS"}
    ports = [
        {"name": name, "protocol": protocol, "port": number, "targetPort": number}
        for name, protocol, number in dns_ports(topology)
    ]
    made.append((SERVICES, _service(NAMESPACE, "kube-dns", ips.dns, ports, marks, selector=dict(DNS_LABELS))))
    made += [(PODS, _dns_pod(name, node, topology)) for name, node in dns_nodes(topology).items()]
    made += _api(ips.api_server, addresses[nodes[0]])
    return [(resource, complete(resource, item)) for resource, item in made]


def is_own_pod(pod: Json) -> bool:
    """Whether one of the lab's servers runs in it. The annotation counts only where the lab itself writes it."""
    metadata = pod["metadata"]
    named = metadata["namespace"] == NAMESPACE and metadata["name"].startswith("dns-")
    return named and SYSTEM in (metadata.get("annotations") or {})


def is_as_made(configmap: Json) -> bool:
    """Whether nobody has edited the Corefile since the lab wrote it."""
    text = (configmap.get("data") or {}).get(COREFILE, "")
    return (configmap["metadata"].get("annotations") or {}).get(MADE) == stable_hash(text, 10)


def _namespace(name: str) -> Json:
    metadata = {"name": name, "labels": {"kubernetes.io/metadata.name": name}}
    return {"metadata": metadata, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}


def _servicecidr(cidr: str) -> Json:
    return {"metadata": {"name": "kubernetes"}, "spec": {"cidrs": [cidr]}}


def _node(name: str, own: Labels, address: str, machine: Machine, blocks: Sequence[str]) -> Json:
    architecture = machine.info.get("architecture", "amd64")
    labels = {**own, _ARCHITECTURE: architecture, f"beta.{_ARCHITECTURE}": architecture}
    capacity = {**machine.capacity, "pods": str(MAX_PODS)}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": pod_cidrs(blocks),
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "capacity": capacity,
            "allocatable": capacity,
            "nodeInfo": dict(machine.info),
        },
    }


def pod_cidrs(blocks: Sequence[str]) -> Json:
    """The fields of a Node's spec that say which addresses its pods have; none while it has no block."""
    return {"podCIDR": blocks[0], "podCIDRs": list(blocks)} if blocks else {}


def _configmap(corefile: str) -> Json:
    annotations = {MADE: stable_hash(corefile, 10)}
    metadata = {"name": "coredns", "namespace": NAMESPACE, "annotations": annotations}
    return {"metadata": metadata, "data": {COREFILE: corefile}}


def _service(
    namespace: str, name: str, address: str, ports: list[Json], labels: Mapping[str, str], **given: Json
) -> Json:
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels)},
        "spec": {"type": "ClusterIP", "clusterIP": address, "clusterIPs": [address], "ports": ports, **given},
        "status": {"loadBalancer": {}},
    }


def _dns_pod(name: str, node: str, topology: Topology) -> Json:
    server = topology.spec.dns.server
    ports = [
        {"name": port, "containerPort": number, "protocol": protocol} for port, protocol, number in dns_ports(topology)
    ]
    probes = _COREDNS_PROBES if server == "coredns" else {}
    return {
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "labels": dict(DNS_LABELS),
            "annotations": {SYSTEM: server},
        },
        "spec": {
            "nodeName": node,
            "dnsPolicy": "Default",  # for it cannot ask itself
            "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": server, "image": server, "ports": ports, **probes}],
        },
    }


# As kubeadm's manifest has them; only it is asked more often whether it is ready.
_COREDNS_PROBES: Json = {
    "livenessProbe": {
        "httpGet": {"path": "/health", "port": 8080, "scheme": "HTTP"},
        "initialDelaySeconds": 60,
        "timeoutSeconds": 5,
        "successThreshold": 1,
        "failureThreshold": 5,
    },
    "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181, "scheme": "HTTP"}, "periodSeconds": 1},
}


def _api(cluster_ip: str, address: str) -> Iterator[Own]:
    """default/kubernetes, without a selector: its endpoint is no pod."""
    ports: list[Json] = [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": API_PORT}]
    labels = {"component": "apiserver", "provider": "kubernetes"}
    yield SERVICES, _service("default", "kubernetes", cluster_ip, ports, labels)
    metadata: Json = {"name": "kubernetes", "namespace": "default"}
    ports = [{"name": "https", "port": API_PORT, "protocol": "TCP"}]
    subsets = [{"addresses": [{"ip": address}], "ports": ports}]
    yield ENDPOINTS, {"metadata": {**metadata, "labels": {_SKIP_MIRROR: "true"}}, "subsets": subsets}
    yield (
        ENDPOINTSLICES,
        {
            "metadata": {**metadata, "labels": {SERVICE_NAME: "kubernetes"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
            "ports": ports,
        },
    )
