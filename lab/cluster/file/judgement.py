"""A file's manifests judged among each other, before anything is made of them; controllers make the cluster."""

from __future__ import annotations

from collections.abc import Sequence

from lab.cluster.file import system
from lab.cluster.file.podchecks import check_pods
from lab.cluster.file.servicechecks import check_services
from lab.cluster.file.slicechecks import check_slices
from lab.cluster.file.sources import read_manifests
from lab.cluster.nodes import node_labels
from lab.topology.field_errors import file_error
from lab.topology.schema import Topology
from lab.topology.yaml.document import Document


def judge(topology: Topology, documents: Sequence[Document]) -> tuple[str, ...]:
    """What is accepted and has no effect, or another than in a cluster: a sentence for each.

    Raises FileError with every mistake that can be told at once.
    """
    result = read_manifests(documents)
    system.check_names(result)
    pods = check_pods(result, node_labels(topology))
    for one in system.dns_pods(topology):
        pods.add(one)
    check_services(result, topology.spec.services.cidr, pods)
    check_slices(result, pods)
    if result.mistakes:
        raise file_error(result.mistakes)
    return tuple(result.warnings)
