"""Namespaces that are deleted: first everything in them goes, then they do."""

from __future__ import annotations

from collections.abc import Iterable

from lab.api.resources import BY_KIND, NAMESPACES
from lab.api.store import Change, Store
from lab.control.controllers import Key
from lab.control.removal import delete

FINALIZER = "kubernetes"


class Namespaces:
    name = "namespace"
    resource = NAMESPACES

    def __init__(self, store: Store) -> None:
        self._store = store
        self._content: dict[str, dict[Key, None]] = {}

    def keys(self, change: Change) -> Iterable[Key]:
        if change.resource is NAMESPACES:
            return (change.key,) if change.object["metadata"].get("deletionTimestamp") else ()
        namespace, name = change.key
        if not namespace:
            return ()
        key = (change.resource.api_version, change.resource.kind, namespace, name)
        if change.type != "DELETED":
            if change.type == "ADDED":
                self._content.setdefault(namespace, {})[key] = None
            return ()
        self._content.get(namespace, {}).pop(key, None)
        return (("", namespace),) if not self._content.get(namespace) else ()

    def reconcile(self, key: Key) -> float | None:
        namespace = self._store.find(NAMESPACES, *key)
        if namespace is None or not namespace["metadata"].get("deletionTimestamp"):
            return None
        name = key[1]
        for version, kind, space, one in tuple(self._content.get(name, ())):
            resource = BY_KIND[version, kind]
            item = self._store.find(resource, space, one)
            if item is not None and not item["metadata"].get("deletionTimestamp"):
                delete(self._store, resource, item)
        if self._content.get(name):
            return None
        spec = namespace.get("spec") or {}
        finalizers = [one for one in spec.get("finalizers") or () if one != FINALIZER]
        self._store.update(NAMESPACES, {**namespace, "spec": {**spec, "finalizers": finalizers}})
        return None
