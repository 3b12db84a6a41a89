"""Indexes of the store's objects: they follow its changes, so that nobody has to look at all objects for a few."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

from lab.api.store import Change, Key
from lab.control.ownership import references

T = TypeVar("T", bound=Hashable)
Name = TypeVar("Name", bound=Hashable)


class Labelled:
    """The keys of one kind's objects by namespace and label."""

    def __init__(self) -> None:
        self._labels: dict[Key, dict[str, str]] = {}
        self._keys: dict[tuple[str, str, str], dict[Key, None]] = {}
        self._spaces: dict[str, dict[Key, None]] = {}

    def hear(self, change: Change) -> None:
        key = change.key
        labels = change.object["metadata"].get("labels") or {}
        if change.type != "DELETED" and self._labels.get(key) == labels:
            return
        for label, value in self._labels.pop(key, {}).items():
            _drop(self._keys, (key[0], label, value), key)
        if change.type == "DELETED":
            _drop(self._spaces, key[0], key)
            return
        self._labels[key] = labels
        self._spaces.setdefault(key[0], {})[key] = None
        for label, value in labels.items():
            self._keys.setdefault((key[0], label, value), {})[key] = None

    def candidates(self, namespace: str, match: dict[str, str]) -> list[Key]:
        """Those with all of these labels; without any, all of the namespace. In no order that means anything."""
        groups = [self._keys.get((namespace, label, value), {}) for label, value in match.items()]
        groups = sorted(groups or [self._spaces.get(namespace, {})], key=len)
        return [key for key in groups[0] if all(key in group for group in groups[1:])]


class Owned(Generic[T]):
    """The keys of objects by the uid of each of their owners; `key` is what names an object."""

    def __init__(self, key: Callable[[Change], T]) -> None:
        self._key = key
        self._owners: dict[T, tuple[str, ...]] = {}
        self._keys: dict[str, dict[T, None]] = {}

    def hear(self, change: Change) -> None:
        key = self._key(change)
        gone = change.type == "DELETED"
        owners = () if gone else tuple(one.get("uid", "") for one in references(change.object))
        if self._owners.get(key, ()) == owners:
            return
        for uid in self._owners.pop(key, ()):
            _drop(self._keys, uid, key)
        if owners:
            self._owners[key] = owners
        for uid in owners:
            self._keys.setdefault(uid, {})[key] = None

    def of(self, uid: str) -> Iterator[T]:
        """In the order in which they became its own."""
        return iter(tuple(self._keys.get(uid, ())))


def by_name(change: Change) -> Key:
    """Namespace and name: enough where all objects are of one kind."""
    return change.key


def _drop(groups: dict[Name, dict[T, None]], name: Name, key: T) -> None:
    group = groups.get(name)
    if group is not None:
        group.pop(key, None)
        if not group:
            del groups[name]
