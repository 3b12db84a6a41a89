"""What each topology file amounts to, as a text in tests/golden/clusters that a person can read and diff.

`HOPLAB_WRITE_GOLDEN=1 pytest …` writes the texts anew, to be read before they are kept.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.cluster.file.judgement import judge
from lab.cluster.objects import Endpoint
from lab.topology import LoadedFile, load_topology
from tests.clusters import cluster_of

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "topologies").glob("*.yaml"))


def told(loaded: LoadedFile) -> Iterator[str]:
    topology, cluster = loaded.topology, cluster_of(loaded)
    spec, cni = topology.spec, topology.spec.cni
    yield f"topology {topology.metadata.name}"
    yield from (f"subnet {subnet.name} {subnet.cidr}" for subnet in spec.subnets)
    yield from (f"router {router.name} joins {', '.join(router.subnets)}" for router in spec.routers)
    yield from (f"node {node.name} in {node.subnet} {node.address or '(next free address)'}" for node in spec.nodes)
    yield f"cni {cni.plugin} {cni.encapsulation} pods {cni.pod_cidr} vni {cni.vni} port {cni.port} mtu {cni.mtu}"
    yield f"namespaces {', '.join(cluster.namespaces)}"
    for pod in cluster.pods:
        labels = ",".join(f"{key}={value}" for key, value in pod.labels) or "no labels"
        ports = ",".join(f"{port.name}:{port.port}/{port.protocol}" for port in pod.ports) or "default ports"
        yield f"pod {pod.place} on {pod.node} {labels} {ports}{'' if pod.ready else ' NOT READY'}"
    for service in cluster.services:
        yield f"service {service.full_name} {service.type} {service.cluster_ip or 'headless'}"
        yield from (f"  {port.name} {port.port}/{port.protocol} -> {port.target_port}" for port in service.ports)
    for found in cluster.slices:
        yield f"slice {found.namespace}/{found.name} of {found.service}"
        for part in found.ports:
            yield f"  {part.port} {part.target}/{part.protocol}: {', '.join(map(endpoint, part.endpoints))}"
    yield from (f"warning {warning}" for warning in judge(topology, loaded.manifests))


def endpoint(item: Endpoint) -> str:
    return (item.pod or item.address) + ("" if item.ready else " (not ready)")


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_the_cluster_of_a_topology_is_as_written(file: Path) -> None:
    loaded = load_topology(file.read_text(encoding="utf-8"), file.name, lambda name: (file.parent / name).read_text())
    text = "\n".join(told(loaded)) + "\n"
    golden = ROOT / "tests" / "golden" / "clusters" / f"{file.stem}.txt"
    if os.environ.get("HOPLAB_WRITE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8"), f"the cluster of {file.name} changed"
