"""The cluster of a file, as golden files and texts have it: without the Service of the API server."""

from __future__ import annotations

from dataclasses import replace

from lab.cluster.file.judgement import judge
from lab.cluster.objects import Cluster
from lab.control.meaning import meant
from lab.topology import LoadedFile


def cluster_of(loaded: LoadedFile) -> Cluster:
    """FileError where the file cannot be right."""
    judge(loaded.topology, loaded.manifests)
    made = meant(loaded.topology, loaded.manifests).cluster
    services = tuple(one for one in made.services if one.full_name != "default/kubernetes")
    slices = tuple(one for one in made.slices if (one.namespace, one.service) != ("default", "kubernetes"))
    return replace(made, services=services, slices=slices)
