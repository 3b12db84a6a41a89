"""Which pods each Service selects, in the order in which they were made; it follows the store's changes."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import NamedTuple

from lab.api.resources import NODES, PODS, SERVICES
from lab.api.store import Change, Json, Key, Store
from lab.control.indexes import Labelled
from lab.control.services.slices import Member, can_be_endpoint, member, preference
from lab.topology.schema import ZONE


class _From(NamedTuple):
    """What an endpoint follows from. A tuple's own comparison looks at identity first."""

    pod: Json
    spec: Json
    preference: str
    zone: str


class Members:
    """`affected` must be told of every change in the store, before anything is asked; to be told twice does no harm, so
    that several controllers can share it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pods = Labelled()
        self._turn = count()
        self._order: dict[Key, int] = {}
        self._services: dict[tuple[str, str, str], dict[Key, None]] = {}  # by one pair of their selector
        self._pair: dict[Key, tuple[str, str, str]] = {}
        self._made: dict[Key, dict[Key, tuple[_From, Member]]] = {}
        self._latest: dict[Key, list[Member]] = {}
        self._zones: dict[str, str] = {}  # of the nodes that have one

    def affected(self, change: Change) -> Iterable[Key]:
        """The Services whose endpoints may have changed."""
        if change.resource is SERVICES:
            self._index(change)
            self._latest.pop(change.key, None)
            return (change.key,)
        if change.resource is NODES:
            return self._moved(change)
        if change.resource is not PODS:
            return ()
        key = change.key
        self._pods.hear(change)
        if change.type == "DELETED":
            self._order.pop(key, None)
        else:
            self._order.setdefault(key, next(self._turn))
        if change.previous is not None and change.type == "MODIFIED" and _told(change.previous) == _told(change.object):
            return ()
        found: dict[Key, None] = {}
        for pod in (change.object, change.previous):
            for label in ((pod or {"metadata": {}})["metadata"].get("labels") or {}).items():
                found |= self._services.get((key[0], *label), {})
        for service in found:
            self._latest.pop(service, None)
        return found

    def of(self, service: Json) -> list[Member]:
        """The pods that it selects and that can be endpoints."""
        key = service["metadata"]["namespace"], service["metadata"]["name"]
        if key in self._latest:
            return self._latest[key]
        known = self._made.get(key, {})
        spec, preferred = service["spec"], preference(service)
        made: dict[Key, tuple[_From, Member]] = {}
        found = self._pods.candidates(key[0], spec.get("selector") or {})
        for pod_key in sorted(found, key=self._order.__getitem__):
            pod = self._store.find(PODS, *pod_key)
            if pod is None:
                continue
            before = known.get(pod_key)
            zone = self._zones.get(pod["spec"].get("nodeName", ""), "")
            follows = _From(pod, spec, preferred, zone)
            if before is not None and before[0] == follows:
                made[pod_key] = before
            elif can_be_endpoint(pod):
                made[pod_key] = (follows, member(service, pod, zone))
        self._made[key] = made
        self._latest[key] = [found for _, found in made.values()]
        return self._latest[key]

    def _moved(self, change: Change) -> Iterable[Key]:
        """Every Service, when a node is in another zone than before."""
        zone = "" if change.type == "DELETED" else _zone(change.object)
        if zone == (_zone(change.previous) if change.previous else ""):
            return ()
        self._zones[change.key[1]] = zone
        self._latest.clear()
        return tuple(self._pair)

    def _index(self, change: Change) -> None:
        key = change.key
        pair = self._pair.pop(key, None)
        if pair is not None:
            self._services[pair].pop(key, None)
        selector = change.object["spec"].get("selector")
        if change.type == "DELETED":
            self._made.pop(key, None)
        elif selector:
            pair = (key[0], *min(selector.items()))
            self._pair[key] = pair
            self._services.setdefault(pair, {})[key] = None


def _zone(node: Json) -> str:
    return str((node["metadata"].get("labels") or {}).get(ZONE, ""))


def _told(pod: Json) -> tuple[object, ...]:
    """What of a pod an endpoint shows."""
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status") or {}
    return (
        metadata.get("labels"),
        metadata.get("uid"),
        metadata.get("deletionTimestamp"),
        spec.get("nodeName"),
        status.get("phase"),
        status.get("podIP"),
        [one.get("status") for one in status.get("conditions") or () if one["type"] == "Ready"],
    )
