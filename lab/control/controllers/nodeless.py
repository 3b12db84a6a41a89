"""Pods whose node has left the cluster are gone: nobody is there to run them, or to end them.

Source: kube-controller-manager's pod garbage collector (there they have 40 s).
"""

from __future__ import annotations

from collections.abc import Iterable

from lab.api.resources import NODES, PODS
from lab.api.store import Change, Store
from lab.control.controllers import Key


class Nodeless:
    name = "pod-garbage-collector"
    resource = PODS

    def __init__(self, store: Store) -> None:
        self._store = store

    def keys(self, change: Change) -> Iterable[Key]:
        if change.resource is not NODES or change.type != "DELETED":
            return ()
        name = change.key[1]
        pods = (pod for pod in self._store.each(PODS) if pod["spec"].get("nodeName") == name)
        return [(pod["metadata"]["namespace"], pod["metadata"]["name"]) for pod in pods]

    def reconcile(self, key: Key) -> float | None:
        namespace, name = key
        pod = self._store.find(PODS, namespace, name)
        if pod is not None and self._store.find(NODES, "", pod["spec"].get("nodeName", "")) is None:
            self._store.remove(PODS, namespace, name)
        return None
