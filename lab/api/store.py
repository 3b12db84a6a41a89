"""All objects of the cluster, in memory: each change has a number, and the latest changes can be replayed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lab.api.errors import already_exists, conflict, expired, not_found
from lab.api.history import History
from lab.api.resources import DEPLOYMENTS, PODS, REPLICASETS, Resource

Json = dict[str, Any]
Key = tuple[str, str]  # namespace ("" for cluster-wide kinds) and name
ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one object. `object` is the new one, or the last one of what is gone, with the change's number
    as its resourceVersion; `previous` what was there before, None for a new one.
    """

    type: ChangeType
    resource: Resource
    object: Json
    previous: Json | None
    revision: int

    @property
    def key(self) -> Key:
        return key_of(self.object)


def key_of(item: Json) -> Key:
    metadata = item["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


class Store:
    """`now` gives the time as the API writes it (RFC 3339, seconds, UTC), `new_uid` a fresh UUID, `clock` steady time,
    without which no change is too old to be remembered.

    One thread may change it, and others read what there is meanwhile. Listeners are called in the order of the changes,
    after the store has them; they may change the store again.
    """

    def __init__(
        self,
        now: Callable[[], str],
        new_uid: Callable[[], str],
        first: int = 1,
        clock: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._now = now
        self._new_uid = new_uid
        self._revision = first
        self._objects: dict[Resource, dict[Key, Json]] = {}
        self._history = History(first, clock)
        self._latest: dict[Resource, int] = {}
        self._listeners: list[Callable[[Change], None]] = []
        self._untold: deque[Change] = deque()
        self._telling = False

    @property
    def revision(self) -> int:
        """The number of the latest change."""
        return self._revision

    def now(self) -> str:
        return self._now()

    def find(self, resource: Resource, namespace: str, name: str) -> Json | None:
        return self._objects.get(resource, {}).get((namespace, name))

    def get(self, resource: Resource, namespace: str, name: str) -> Json:
        """Raises ApiError 404."""
        found = self.find(resource, namespace, name)
        if found is None:
            raise not_found(resource, name)
        return found

    def list(self, resource: Resource, namespace: str = "") -> list[Json]:
        """All of that kind, or those of one namespace, by namespace and name."""
        held = self._objects.get(resource, {}).copy()  # at one go: another thread may change it at the next step
        return [held[key] for key in sorted(held) if not namespace or key[0] == namespace]

    def each(self, resource: Resource) -> Iterator[Json]:
        """All of that kind in no order that means anything. The store must not change meanwhile."""
        return iter(self._objects.get(resource, {}).values())

    def create(self, resource: Resource, item: Json) -> Json:
        """The object as stored, with uid, creationTimestamp, resourceVersion, generation. ApiError 409 if it exists."""
        key = key_of(item)
        held = self._objects.setdefault(resource, {})
        if key in held:
            raise already_exists(resource, key[1])
        revision = self._revision + 1
        metadata = {
            **item["metadata"],
            "uid": item["metadata"].get("uid") or self._new_uid(),
            "creationTimestamp": item["metadata"].get("creationTimestamp") or self._now(),
            "resourceVersion": str(revision),
        }
        if resource in _COUNTED:
            metadata["generation"] = 1
        made = {"apiVersion": resource.api_version, "kind": resource.kind, **item, "metadata": metadata}
        self._make(Change("ADDED", resource, made, None, revision))
        return made

    def adopt(self, resource: Resource, item: Json) -> None:
        """Take over an object of another store as it is."""
        revision = max(self._revision + 1, int(item["metadata"]["resourceVersion"]))
        self._make(Change("ADDED", resource, item, None, revision))

    def update(self, resource: Resource, item: Json) -> Json:
        """The object as stored; the one that is there when nothing differs. uid and creationTimestamp stay.

        ApiError 404 if it is not there, 409 if `item` has a resourceVersion or uid that is not that of the one there.
        An object that is being deleted is removed with its last finalizer, unless it is a pod with a grace period.
        """
        namespace, name = key_of(item)
        old = self.get(resource, namespace, name)
        given, kept = item["metadata"], old["metadata"]
        for mark in ("resourceVersion", "uid"):
            if given.get(mark) and given[mark] != kept[mark]:
                raise conflict(resource, name)
        metadata = {**given, **{mark: kept[mark] for mark in _KEPT if mark in kept}}
        new = {**item, "apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}
        if new == old:
            return old
        if resource in _COUNTED and new.get("spec") != old.get("spec"):
            metadata["generation"] = kept.get("generation", 1) + 1
        revision = self._revision + 1
        metadata["resourceVersion"] = str(revision)
        self._make(Change("MODIFIED", resource, new, old, revision))
        if metadata.get("deletionTimestamp") and not _is_held(new):
            return self.remove(resource, namespace, name)
        return new

    def remove(self, resource: Resource, namespace: str, name: str) -> Json:
        """Take it out at once, finalizers or not. Gives the object's last state. ApiError 404."""
        old = self.get(resource, namespace, name)
        revision = self._revision + 1
        last = {**old, "metadata": {**old["metadata"], "resourceVersion": str(revision)}}
        self._make(Change("DELETED", resource, last, old, revision))
        return last

    def since(self, revision: int) -> Sequence[Change]:
        """The changes after that number. ApiError 410 when they are no longer remembered, or lie in the future."""
        if revision > self._revision:
            raise expired(f"Too large resource version: {revision}, current: {self._revision}")
        if revision >= self._history.latest:
            return ()
        found = list(self._history.after(revision))
        if revision < self._history.forgotten:  # asked last: another thread may push out more meanwhile
            raise expired(f"too old resource version: {revision} ({self._history.forgotten})")
        return found

    def changed(self, resource: Resource) -> int:
        """The number of the latest change of that kind, 0 if there was none."""
        return self._latest.get(resource, 0)

    def listen(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Have every change told from now on. Gives what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _make(self, change: Change) -> None:
        """Other threads may read at any step of this: whoever sees what has changed finds the change among those that
        are remembered, and whoever is told its number sees what has changed.
        """
        self._history.add(change)
        if change.type == "DELETED":
            del self._objects[change.resource][change.key]
        else:
            self._objects.setdefault(change.resource, {})[change.key] = change.object
        self._revision = change.revision
        self._tell(change)

    def _tell(self, change: Change) -> None:
        self._latest[change.resource] = change.revision
        self._untold.append(change)
        if self._telling:
            return  # a listener changes the store: everyone hears of it after what is being told
        self._telling = True
        try:
            while self._untold:
                told = self._untold.popleft()
                for listener in tuple(self._listeners):
                    listener(told)
        finally:
            self._telling = False


_KEPT = ("uid", "creationTimestamp", "resourceVersion", "generation", "namespace")
_COUNTED = (PODS, DEPLOYMENTS, REPLICASETS)  # the kinds of whose specifications there is a generation


def _is_held(item: Json) -> bool:
    """Somebody is still to act before it goes: a finalizer's owner (a namespace has finalizers in its spec too), or
    whoever ends a pod's programs, and then removes it.
    """
    metadata = item["metadata"]
    return bool(
        metadata.get("finalizers")
        or metadata.get("deletionGracePeriodSeconds")
        or (item["kind"] == "Namespace" and item.get("spec", {}).get("finalizers"))
    )
