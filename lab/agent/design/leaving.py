"""Pods that an edited file takes away: nothing new goes to them before they go, as with pods that are deleted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lab.agent.design.blueprint import Design

if TYPE_CHECKING:
    from collections.abc import Container

    from lab.cluster.objects import EndpointSlice, PortEndpoints


def without_leaving(before: Design, wanted: Design) -> Design | None:
    """The lab as it stands, but for the endpoints that the wanted one does not have; None where nobody leaves.

    A pod that is to be on another node, or at another address, leaves too.
    """
    old = {pod.place: (pod.node, before.addresses.pods.get(pod.place)) for pod in before.cluster.pods}
    new = {pod.place: (pod.node, wanted.addresses.pods.get(pod.place)) for pod in wanted.cluster.pods}
    leaving = frozenset(place for place, where in old.items() if new.get(place) != where)
    if not leaving:
        return None
    slices = tuple(_without(item, leaving) for item in before.cluster.slices)
    if slices == before.cluster.slices:
        return None
    cluster = replace(before.cluster, slices=slices)
    return replace(before, cluster=cluster)


def _without(item: EndpointSlice, leaving: Container[str]) -> EndpointSlice:
    """The slice itself where none of its endpoints leaves."""

    def port(one: PortEndpoints) -> PortEndpoints:
        return replace(one, endpoints=tuple(endpoint for endpoint in one.endpoints if endpoint.pod not in leaving))

    made = replace(item, ports=tuple(map(port, item.ports)))
    return item if made == item else made
