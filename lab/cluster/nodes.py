"""What every node has: its labels, those that the topology gives it among them, and room for so many pods."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from lab.cluster.objects import Cluster
from lab.topology.schema import ZONE, Topology

HOSTNAME = "kubernetes.io/hostname"
MAX_PODS = 110  # kubelet's default

# Labels that every node has, beside its hostname.
NODE_LABELS = {"kubernetes.io/os": "linux", "beta.kubernetes.io/os": "linux"}

Labels = Mapping[str, str]


def node_labels(topology: Topology) -> dict[str, Labels]:
    """By the nodes' names, without those that follow from the machine."""
    return {
        node.name: {HOSTNAME: node.name, **NODE_LABELS, **node.labels, **({ZONE: node.zone} if node.zone else {})}
        for node in topology.spec.nodes
    }


def crowded(cluster: Cluster) -> tuple[str, ...]:
    """A sentence for each node that has more pods than its kubelet would take."""
    number = Counter(pod.node for pod in cluster.pods)
    return tuple(too_many(node) for node in cluster.nodes if number[node] > MAX_PODS)


def too_many(node: str) -> str:
    return f"{node} has more than {MAX_PODS} pods, kubelet's default limit"
