"""Kubernetes objects and what follows from them: placement, Deployments' pods, readiness, EndpointSlices. Pure.

Imports lab.topology and lab.errors; network and everything after it may import this.
"""

from __future__ import annotations

from lab.cluster.build import build_cluster
from lab.cluster.objects import Cluster

__all__ = ["Cluster", "build_cluster"]
