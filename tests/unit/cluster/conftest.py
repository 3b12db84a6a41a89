"""Clusters of manifests, as a file would have them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from lab.cluster.file.judgement import judge
from lab.cluster.objects import Cluster
from lab.control.own_objects import UNKNOWN
from lab.control.plane import ControlPlane
from lab.topology import LoadedFile, load_topology
from tests.clusters import cluster_of

HEAD = "apiVersion: hoplab/v1\nkind: Topology\nmetadata: {name: lab}\n"

Build = Callable[..., Cluster]
Warned = Callable[..., tuple[str, ...]]


def no_file(name: str) -> str:
    raise FileNotFoundError(2, "No such file or directory", name)


def loaded(*manifests: str, nodes: int = 3, spec: str = "") -> LoadedFile:
    """Of the manifests (without their `---`) on as many nodes as asked."""
    listed = ", ".join(f"{{name: node-{number}}}" for number in range(nodes))
    parts = [f"{HEAD}spec: {{nodes: [{listed}], {spec}}}", *manifests]
    return load_topology("\n---\n".join(parts), "lab.yaml", no_file)


@pytest.fixture
def build() -> Build:
    """What such a file means by itself."""
    return lambda *manifests, **given: cluster_of(loaded(*manifests, **given))


@pytest.fixture
def rebuild() -> Build:
    """What it means after those with which this was called before."""
    uids = count()
    plane = ControlPlane(lambda: "2026-01-01T00:00:00Z", lambda: f"uid-{next(uids)}", lambda: 0.0, UNKNOWN)

    def rebuild(*manifests: str, **given: object) -> Cluster:
        file = loaded(*manifests, **given)  # type: ignore[arg-type]
        plane.load(file.topology, file.manifests)
        return plane.expected().cluster

    return rebuild


@pytest.fixture
def warned() -> Warned:
    """What is said of such a file, which can be right."""

    def warned(*manifests: str) -> tuple[str, ...]:
        file = loaded(*manifests)
        return judge(file.topology, file.manifests)

    return warned
