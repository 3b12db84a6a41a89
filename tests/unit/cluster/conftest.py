"""Builds clusters from manifests, as a file would."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lab.cluster import Cluster, build_cluster
from lab.topology import load_topology

HEAD = "apiVersion: hoplab/v1\nkind: Topology\nmetadata: {name: lab}\n"

Build = Callable[..., Cluster]


def no_file(name: str) -> str:
    raise FileNotFoundError(2, "No such file or directory", name)


@pytest.fixture
def build() -> Build:
    """Builds the manifests (without their `---`) on as many nodes as asked, after what was there before."""

    def build(*manifests: str, nodes: int = 3, spec: str = "", previous: Cluster | None = None) -> Cluster:
        listed = ", ".join(f"{{name: node-{number}}}" for number in range(nodes))
        parts = [f"{HEAD}spec: {{nodes: [{listed}], {spec}}}", *manifests]
        loaded = load_topology("\n---\n".join(parts), "lab.yaml", no_file)
        return build_cluster(loaded.topology, loaded.manifests, previous)

    return build
