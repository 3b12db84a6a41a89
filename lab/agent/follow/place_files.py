"""What programs of a place are given to speak to the API with, and whether a place that is gone is remembered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lab.agent.tell.nodes_asking import PROGRAM, program
from lab.api.resources import PODS
from lab.control.pods import podstatus

if TYPE_CHECKING:
    from lab.agent.apiserver.entrance import Entrance
    from lab.agent.lab import Lab
    from lab.api.store import Store


class PlaceFiles:
    """Of one lab's places."""

    def __init__(self, lab: Lab, store: Store, entrance: Entrance) -> None:
        self._lab, self._store, self._entrance = lab, store, entrance

    def given(self, place: str) -> Mapping[str, str]:
        """With what programs of a place speak to the API: a pod's as its ServiceAccount, a node's as the node, which
        has a calicoctl as well.
        """
        if not self._entrance.is_prepared:
            return {}
        namespace, _, name = place.rpartition("/")
        pod = self._store.find(PODS, namespace, name) if namespace else None
        if pod is not None:
            return self._entrance.mounted(pod)
        return {**self._entrance.node_files(place), PROGRAM: program()} if self.is_node(place) else {}

    def is_node(self, place: str) -> bool:
        design = self._lab.design
        return design is not None and any(node.name == place for node in design.topology.spec.nodes)

    def is_outlived(self, place: str) -> bool:
        """Whether it is the place of a pod that has finished, and is still in the API: its log can be asked for."""
        namespace, _, name = place.rpartition("/")
        pod = self._store.find(PODS, namespace, name) if namespace else None
        return pod is not None and podstatus.is_finished(pod)
