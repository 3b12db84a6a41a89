"""What becomes of objects whose owners go: they go too, first, or stay behind without them.

Source: kube-controller-manager's garbage collector.
"""

from __future__ import annotations

from collections.abc import Iterable

from lab.api.resources import BY_KIND, Resource
from lab.api.store import Change, Json, Store
from lab.control.controllers import Key
from lab.control.indexes import Owned
from lab.control.ownership import references, without_owners
from lab.control.removal import delete

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"


class Garbage:
    name = "garbage-collector"
    resource = None

    def __init__(self, store: Store) -> None:
        self._store = store
        self._owned = Owned(_named)
        self._alive: dict[str, Key] = {}

    def keys(self, change: Change) -> Iterable[Key]:
        key = _named(change)
        metadata = change.object["metadata"]
        uid = metadata["uid"]
        owners = references(change.object)
        if owners or change.previous is not None:
            self._owned.hear(change)
        if change.type == "DELETED":
            self._alive.pop(uid, None)
            return [*self._owned.of(uid), *self._waiting(owners)]
        self._alive[uid] = key
        found = [key] if owners and (change.type == "ADDED" or _owners_changed(change)) else []
        if metadata.get("deletionTimestamp"):
            found += [key] if _mark(change.object) else []
        if change.previous is not None and references(change.previous) != owners:
            found += self._waiting(references(change.previous))
        return found

    def _waiting(self, owners: Iterable[Json]) -> list[Key]:
        """The owners that are still there: they may wait for this one to be gone."""
        return [self._alive[one["uid"]] for one in owners if one.get("uid") in self._alive]

    def reconcile(self, key: Key) -> float | None:
        found = self._find(key)
        if found is None:
            return None
        resource, item = found
        if item["metadata"].get("deletionTimestamp"):
            match _mark(item):
                case "foregroundDeletion":
                    self._clear_owned(resource, item)
                case "orphan":
                    self._leave_owned(resource, item)
            return None
        self._collect(resource, item)
        return None

    def _find(self, key: Key) -> tuple[Resource, Json] | None:
        resource = BY_KIND[key[0], key[1]]
        item = self._store.find(resource, key[2], key[3])
        return (resource, item) if item else None

    def _collect(self, resource: Resource, item: Json) -> None:
        """Delete the object if all its owners are gone, or wait for it to go; forget those that are gone."""
        known = [one for one in references(item) if (one.get("apiVersion"), one.get("kind")) in BY_KIND]
        gone = {one["uid"] for one in known if one["uid"] not in self._alive}
        waiting = [one["uid"] for one in known if one["uid"] in self._alive and self._waits_for(one)]
        staying = len(references(item)) - len(gone) - len(waiting)
        if staying:
            if gone or waiting:
                self._store.update(resource, without_owners(item, {*gone, *waiting}))
        elif waiting:
            uid = item["metadata"]["uid"]
            delete(self._store, resource, item, "Foreground" if any(self._owned.of(uid)) else "Background")
        elif gone:
            delete(self._store, resource, item)

    def _waits_for(self, reference: Json) -> bool:
        """Whether the owner is only there until what it owns is gone."""
        found = self._find(self._alive[reference["uid"]])
        if found is None or not reference.get("blockOwnerDeletion"):
            return False
        return bool(found[1]["metadata"].get("deletionTimestamp")) and _mark(found[1]) == FOREGROUND

    def _clear_owned(self, resource: Resource, owner: Json) -> None:
        """Delete what it owns; when nothing is left that blocks it, let it go."""
        uid = owner["metadata"]["uid"]
        blocked = False
        for key in self._owned.of(uid):
            found = self._find(key)
            if found is None:
                continue
            kind, item = found
            if not item["metadata"].get("deletionTimestamp"):
                self._collect(kind, item)
                found = self._find(key)
            blocked = blocked or (found is not None and _blocks(found[1], uid))
        if not blocked:
            self._unmark(resource, owner, FOREGROUND)

    def _leave_owned(self, resource: Resource, owner: Json) -> None:
        """What it owns stays, without it."""
        uid = owner["metadata"]["uid"]
        for key in self._owned.of(uid):
            if (found := self._find(key)) is not None:
                self._store.update(found[0], without_owners(found[1], {uid}))
        self._unmark(resource, owner, ORPHAN)

    def _unmark(self, resource: Resource, owner: Json, mark: str) -> None:
        latest = self._find(_key(resource, owner))
        if latest is None:
            return
        metadata = latest[1]["metadata"]
        left = [one for one in metadata.get("finalizers") or () if one != mark]
        rest = {name: value for name, value in metadata.items() if name != "finalizers"}
        self._store.update(resource, {**latest[1], "metadata": {**rest, "finalizers": left} if left else rest})


def _key(resource: Resource, item: Json) -> Key:
    metadata = item["metadata"]
    return resource.api_version, resource.kind, metadata.get("namespace", ""), metadata["name"]


def _named(change: Change) -> Key:
    return _key(change.resource, change.object)


def _mark(item: Json) -> str:
    """The finalizer that says how the object's deletion is to go on, "" for none."""
    finalizers = item["metadata"].get("finalizers") or ()
    return next((one for one in (ORPHAN, FOREGROUND) if one in finalizers), "")


def _owners_changed(change: Change) -> bool:
    return change.previous is not None and references(change.previous) != references(change.object)


def _blocks(item: Json, uid: str) -> bool:
    return any(one.get("uid") == uid and one.get("blockOwnerDeletion") for one in references(item))
