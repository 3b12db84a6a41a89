"""What a file means by itself: the cluster that the controllers make of it, in a store of its own, without a lab."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count

from lab.api.resources import PODS, RESOURCES
from lab.api.store import Json
from lab.control.own_objects import UNKNOWN
from lab.control.plane import ControlPlane, Picture
from lab.control.pods import podstatus
from lab.topology.schema import Topology
from lab.topology.yaml.document import Document

_MOMENT = "2000-01-01T00:00:00Z"  # at which all of it happens


def meant(
    topology: Topology, documents: Sequence[Document], change: Callable[[ControlPlane], None] = lambda _: None
) -> Picture:
    """All pods run, and those that are probed first are found ready; then whatever `change` makes otherwise. FileError
    for what the API refuses, UsageError where there are too few addresses.
    """
    plane = _plane(topology, documents)
    plane.expected()
    for pod in tuple(plane.store.each(PODS)):
        if podstatus.is_started(pod) and podstatus.probes(pod):
            plane.store.update(PODS, podstatus.with_readiness(pod, True, _MOMENT))
    change(plane)
    return plane.picture()


def stored(topology: Topology, documents: Sequence[Document]) -> Iterator[Json]:
    """All objects that the API has then, the lab's own among them. Errors as above."""
    plane = _plane(topology, documents)
    plane.expected()
    for resource in RESOURCES:
        if resource.stored is resource:
            for item in plane.store.each(resource):
                yield {"apiVersion": resource.api_version, "kind": resource.kind, **item}


def _plane(topology: Topology, documents: Sequence[Document]) -> ControlPlane:
    numbers = count()
    plane = ControlPlane(lambda: _MOMENT, lambda: f"uid-{next(numbers)}", lambda: 0.0, UNKNOWN, events=False)
    plane.load(topology, documents)
    return plane
