"""The API's objects to the Cluster that the network is designed for; what did not change is not looked at again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Generic, TypeVar

from lab.api.resources import DEPLOYMENTS, ENDPOINTSLICES, NAMESPACES, NODES, PODS, REPLICASETS, SERVICES, Resource
from lab.api.store import Change, Json, Key, Store, key_of
from lab.cluster import objects
from lab.cluster.endpoints import SERVICE_NAME
from lab.cluster.file.system import NAMESPACE
from lab.control import traits
from lab.control.indexes import Owned, by_name
from lab.control.own_objects import is_own_pod
from lab.control.ownership import owner_name
from lab.control.pieces import Pieces
from lab.control.services.slices import places_of

T = TypeVar("T")

AT_ONCE = 50  # pods that are made anew in one piece

OWN_SERVICES = ((NAMESPACE, "kube-dns"), ("default", "kubernetes"))


class _Following(Generic[T]):
    """What one kind's objects come to, in the order in which they were made, the lab's own first."""

    def __init__(self, make: Callable[[Json], T | None], is_own: Callable[[Json], bool]) -> None:
        self._make = make
        self._is_own = is_own
        self._made: dict[Key, T | None] = {}
        self._own: dict[Key, None] = {}
        self._dirty: dict[Key, Json] = {}
        self._gone: list[Key] = []
        self._all: tuple[T, ...] | None = None

    def hear(self, key: Key, item: Json | None) -> None:
        """The object is now `item`; None when it is gone, and then its place in the order is free."""
        if item is not None:
            self._made.setdefault(key, None)
            self._dirty[key] = item
            return
        self._dirty.pop(key, None)
        self._own.pop(key, None)
        if self._made.pop(key, None) is not None:
            self._all = None
            self._gone.append(key)

    def again(self, keys: Iterable[Key], find: Callable[[Key], Json | None]) -> None:
        """Make these anew although they did not change."""
        for key in keys:
            item = find(key)
            if item is not None:
                self._dirty.setdefault(key, item)

    @property
    def is_behind(self) -> bool:
        """Whether something has changed that was not made anew."""
        return bool(self._dirty)

    def follow(self, most: int | None = None) -> list[Key]:
        """Make what changed, at most so many. Gives the keys of what is new in the order, or no longer in it."""
        moved, self._gone = self._gone, []
        for key in tuple(islice(self._dirty, most)):
            item = self._dirty[key]
            before, made = self._made[key], self._make(item)
            self._made[key] = made
            if self._is_own(item):
                self._own[key] = None
            if made != before:
                self._all = None
            if (made is None) is not (before is None):
                moved.append(key)
            del self._dirty[key]
        return moved

    def get(self, key: Key) -> T | None:
        return self._made.get(key)

    def keys(self) -> list[Key]:
        return list(self._made)

    @property
    def all(self) -> tuple[T, ...]:
        if self._all is None:
            own = [made for key in self._own if (made := self._made[key]) is not None]
            rest = [made for key, made in self._made.items() if made is not None and key not in self._own]
            self._all = (*own, *rest)
        return self._all


class Derivation:
    """Hears of every change in the store, those that made what it holds already included."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._nodes: tuple[str, ...] = ()
        self._known: frozenset[str] = frozenset()
        self._cluster = objects.Cluster((), ())
        self._parts: tuple[tuple[Any, ...], ...] = ()
        self._pods = _Following(self._pod, is_own_pod)
        self._services = _Following(traits.service, lambda item: key_of(item) in OWN_SERVICES)
        self._slices = _Following(self._slice, _is_own_slice)
        self._deployments = _Following(traits.deployment, lambda _: False)
        self._namespaces: _Following[str] = _Following(lambda item: item["metadata"]["name"], lambda _: False)
        self._zones = _Following(traits.zone, lambda _: False)
        self._owned = Owned(by_name)
        self._referring: dict[str, dict[Key, None]] = {}  # slices by the place of a pod they name
        self._places: dict[Key, tuple[str, ...]] = {}
        self._following: dict[Resource, _Following[Any]] = {
            PODS: self._pods,
            SERVICES: self._services,
            ENDPOINTSLICES: self._slices,
            DEPLOYMENTS: self._deployments,
            NAMESPACES: self._namespaces,
            NODES: self._zones,
        }
        for resource in self._following:
            for item in store.each(resource):  # in the order in which they were made
                self._hear(Change("ADDED", resource, item, None, store.revision))
        self.stop = store.listen(self._hear)

    def following(self, nodes: tuple[str, ...]) -> Pieces[None]:
        """Most of what `cluster` would have to do, in pieces."""
        self._use(nodes)
        while self._pods.is_behind:
            self._follow_pods(AT_ONCE)
            yield

    def cluster(self, nodes: tuple[str, ...]) -> objects.Cluster:
        """The cluster on these nodes, in the topology's order. Pods of other nodes are not in it.

        The same object as the last time when nothing in it has changed.
        """
        self._use(nodes)
        self._follow_pods(None)
        for following in self._following.values():
            following.follow()
        parts = (
            nodes,
            self._namespaces.all,
            self._pods.all,
            self._services.all,
            self._slices.all,
            self._deployments.all,
            self._zones.all,
        )
        if parts != self._parts:
            self._parts, self._cluster = parts, objects.Cluster(*parts)
        return self._cluster

    def _use(self, nodes: tuple[str, ...]) -> None:
        if nodes != self._nodes:
            self._nodes, self._known = nodes, frozenset(nodes)
            self._pods.again(self._pods.keys(), self._pod_now)

    def _follow_pods(self, most: int | None) -> None:
        for key in self._pods.follow(most):
            naming = self._referring.get("/".join(key), ())
            self._slices.again(naming, lambda one: self._store.find(ENDPOINTSLICES, *one))

    def _hear(self, change: Change) -> None:
        if change.resource is PODS:
            self._owned.hear(change)
        elif change.resource is REPLICASETS and _changes_hands(change):
            self._pods.again(self._owned.of(change.object["metadata"]["uid"]), self._pod_now)
        following = self._following.get(change.resource)
        if following is None:
            return
        following.hear(change.key, None if change.type == "DELETED" else change.object)
        if change.resource is ENDPOINTSLICES and change.type == "DELETED":
            self._refer(change.key, ())

    def _pod_now(self, key: Key) -> Json | None:
        return self._store.find(PODS, *key)

    def _pod(self, item: Json) -> objects.Pod | None:
        made = traits.pod(item, self._store)
        return made if made is not None and made.node in self._known else None

    def _slice(self, item: Json) -> objects.EndpointSlice | None:
        self._refer(key_of(item), tuple(filter(None, places_of(item))))
        return traits.endpoint_slice(item, self._is_headless, self._pod_at)

    def _refer(self, key: Key, places: tuple[str, ...]) -> None:
        for place in dict.fromkeys(self._places.pop(key, ())):
            naming = self._referring[place]
            naming.pop(key, None)
            if not naming:  # pods of that name may never come again
                del self._referring[place]
        if places:
            self._places[key] = places
        for place in places:
            self._referring.setdefault(place, {})[key] = None

    def _is_headless(self, namespace: str, name: str) -> bool:
        found = self._store.find(SERVICES, namespace, name)
        return found is not None and found["spec"].get("clusterIP") == "None"

    def _pod_at(self, place: str) -> objects.Pod | None:
        namespace, _, name = place.partition("/")
        return self._pods.get((namespace, name))


def _changes_hands(change: Change) -> bool:
    """Whether a ReplicaSet comes to be another Deployment's, or none's: its pods name that."""
    before = owner_name(change.previous, DEPLOYMENTS) if change.previous else ""
    return change.type == "DELETED" or owner_name(change.object, DEPLOYMENTS) != before


def _is_own_slice(item: Json) -> bool:
    metadata = item["metadata"]
    return (metadata["namespace"], (metadata.get("labels") or {}).get(SERVICE_NAME)) in OWN_SERVICES
