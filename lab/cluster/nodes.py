"""The labels of nodes: those that every node has, and those that the topology gives them."""

from __future__ import annotations

from collections.abc import Mapping

from lab.topology.schema import ZONE, Topology

HOSTNAME = "kubernetes.io/hostname"

# Labels that every node has, beside its hostname.
NODE_LABELS = {"kubernetes.io/os": "linux", "beta.kubernetes.io/os": "linux"}

Labels = Mapping[str, str]


def node_labels(topology: Topology) -> dict[str, Labels]:
    """By the nodes' names, without those that follow from the machine."""
    return {
        node.name: {HOSTNAME: node.name, **NODE_LABELS, **node.labels, **({ZONE: node.zone} if node.zone else {})}
        for node in topology.spec.nodes
    }


def zones(topology: Topology) -> tuple[tuple[str, str], ...]:
    """Nodes and their zones, without the nodes that have none."""
    found = ((name, labels.get(ZONE, "")) for name, labels in node_labels(topology).items())
    return tuple((name, zone) for name, zone in found if zone)
