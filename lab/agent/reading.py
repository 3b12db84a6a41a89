"""From a file's text to the network that it means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.cluster import build_cluster
from lab.cluster.objects import Cluster
from lab.network.addressing import Addresses, assign
from lab.network.design import design
from lab.network.objects import Network
from lab.topology import Topology, load_topology


@dataclass(frozen=True)
class Design:
    """What one file means: all of it follows from the text, and from the addresses that pods had before."""

    file: str
    topology: Topology
    cluster: Cluster
    addresses: Addresses
    network: Network
    warnings: tuple[str, ...]


def read_design(text: str, file: str, settings: Sequence[str], previous: Design | None = None) -> Design:
    """From text to network. FileError when it cannot be right.

    What is free to choose (a pod's node and address, a Service's ClusterIP) stays as it was in `previous`.
    """

    def read_beside(name: str) -> str:
        return (Path(file).parent / name).read_text(encoding="utf-8")

    loaded = load_topology(text, file, read_beside, settings)
    cluster = build_cluster(loaded.topology, loaded.manifests, previous.cluster if previous else None)
    addresses = assign(loaded.topology, cluster, previous.addresses if previous else None)
    network = design(loaded.topology, cluster, addresses)
    return Design(file, loaded.topology, cluster, addresses, network, loaded.warnings + cluster.warnings)
