"""How controllers delete: as a client of the API would, only without asking."""

from __future__ import annotations

from lab.api.deletion import Deletion, Propagation, marked
from lab.api.resources import Resource
from lab.api.store import Json, Store


def delete(store: Store, resource: Resource, item: Json, propagation: Propagation = "") -> None:
    """The object is gone, or marked while its programs or its finalizers keep it. `item` is as stored."""
    left = marked(resource, item, Deletion(propagation), store.now())
    if left is None:
        store.remove(resource, item["metadata"].get("namespace", ""), item["metadata"]["name"])
    else:
        store.update(resource, left)
