"""The controllers: each watches the store's changes, says which keys they concern, and does one thing about a key.

They keep only what they need to find their objects again, and learn of it from changes alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from lab.api.resources import Resource
from lab.api.store import Change

Key = tuple[str, ...]
"""What is to be looked at: namespace and name of an object of the controller's kind; before them apiVersion and kind,
where a controller is for objects of all kinds."""


class Controller(Protocol):
    """`resource` is the kind of object that its keys name, None for all kinds."""

    @property
    def name(self) -> str: ...

    @property
    def resource(self) -> Resource | None: ...

    def keys(self, change: Change) -> Iterable[Key]:
        """Which work follows from a change in the store. Also where a controller's own indexes are kept up to date."""

    def reconcile(self, key: Key) -> float | None:
        """Bring about what should follow from the object as it is now, also when it is no longer there.

        Gives the seconds after which to look again, None for not before something changes.
        """
