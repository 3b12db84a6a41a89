"""A client that follows the objects of one kind: what it is told first, and then of every change."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lab.api.errors import ApiError, expired
from lab.api.resources import Resource
from lab.api.selectors import EVERYTHING, Selection
from lab.api.store import Change, Store

Json = dict[str, Any]
EventType = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]

WAITING = 10_000
"""So many events may wait for a slow client; then it must list anew."""

INITIAL_EVENTS_END = "k8s.io/initial-events-end"
"""The annotation of the bookmark that says: this was all there is."""


@dataclass(frozen=True, slots=True)
class Event:
    """What a watcher is told; `object` is a Status for ERROR, and has only a resourceVersion for BOOKMARK."""

    type: EventType
    object: Json


@dataclass(frozen=True, slots=True)
class Start:
    """Where a watch begins. `revision` 0: with all that is there now, each as ADDED; else with the changes after it.

    `all_first` tells all that is there and ends that with a bookmark (a WatchList), which must then be of that
    revision at least; `nothing_first` begins with the next change.
    """

    revision: int = 0
    all_first: bool = False
    nothing_first: bool = False
    bookmarks: bool = False


class Watch:
    """Events wait in it until `next` takes them. `wake` is called when some wait that did not before.

    It hears of the store's changes until `close`. Raises ApiError 410 for a revision that is not, or no longer, known.
    """

    def __init__(
        self,
        store: Store,
        resource: Resource,
        selection: Selection = EVERYTHING,
        start: Start = Start(),
        wake: Callable[[], None] = lambda: None,
        waiting: int = WAITING,
    ) -> None:
        self.resource = resource
        self.wake = wake
        self._store = store
        self._selection = selection
        self._bookmarks = start.bookmarks
        self._limit = waiting
        self._told = store.revision
        self._first = self._beginning(start)
        self._waiting: deque[Event] = deque()
        self._deaf: Callable[[], None] | None = store.listen(self._hear)

    @property
    def ended(self) -> bool:
        """Nothing comes any more, beside what waits."""
        return self._deaf is None

    def next(self) -> Event | None:
        """The next event, None when none waits."""
        first = next(self._first, None)
        if first is not None:
            return first
        return self._waiting.popleft() if self._waiting else None

    def bookmark(self) -> None:
        """Tell how far the client is, if it wants to know: so a later watch need not begin from long ago."""
        if self._bookmarks and not self.ended:
            self._add(_bookmark(self.resource, self._told))

    def close(self) -> None:
        if self._deaf:
            self._deaf()
            self._deaf = None

    def _beginning(self, start: Start) -> Iterator[Event]:
        """What is told before what happens from now on. Nothing of it is copied: objects in the store never change."""
        revision = self._told
        if start.revision > revision or (start.revision and not start.all_first):
            changes = self._store.since(start.revision)
            return (event for change in changes if (event := self._event(change)))
        if start.nothing_first:
            return iter(())
        held = self._store.list(self.resource, self._selection.namespace)
        return self._state(held, revision if start.all_first and start.bookmarks else None)

    def _state(self, held: list[Json], revision: int | None) -> Iterator[Event]:
        for item in held:
            if self._selection.matches(item):
                yield Event("ADDED", item)
        if revision is not None:
            yield _bookmark(self.resource, revision, {INITIAL_EVENTS_END: "true"})

    def _event(self, change: Change) -> Event | None:
        """As this client sees it: what enters its selection is new to it, what leaves is gone."""
        if change.resource is not self.resource:
            return None
        matches = self._selection.matches
        was = change.previous is not None and matches(change.previous)
        stays = change.type != "DELETED" and matches(change.object)
        if stays:
            return Event("MODIFIED" if was else "ADDED", change.object)
        if not was or change.previous is None:
            return None
        # The last state that it knew, with the number of the change: as the API server's watch cache sends it.
        metadata = {**change.previous["metadata"], "resourceVersion": str(change.revision)}
        return Event("DELETED", {**change.previous, "metadata": metadata})

    def _hear(self, change: Change) -> None:
        if change.revision <= self._told:
            return  # made before this watch, and in what it was told first, but not yet told to everyone
        self._told = change.revision
        event = self._event(change)
        if event:
            self._add(event)

    def _add(self, event: Event) -> None:
        if len(self._waiting) >= self._limit:
            self._first = iter(())
            self._waiting.clear()
            event = Event("ERROR", expired("too many changes wait for this client: list anew").status())
            self.close()
        self._waiting.append(event)
        if len(self._waiting) == 1:
            self.wake()


def start_of(query: Mapping[str, str]) -> Start:
    """Where the watch of a request begins. ApiError 400 and 422 for parameters that cannot be, or not together."""
    revision = revision_of(query.get("resourceVersion", ""))
    match = query.get("resourceVersionMatch", "")
    bookmarks = flag(query, "allowWatchBookmarks")
    if "sendInitialEvents" not in query:
        if match:
            raise _forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden for watch")
        return Start(revision, bookmarks=bookmarks)
    if match != "NotOlderThan":
        told = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        raise _forbidden("resourceVersionMatch", told)
    wanted = flag(query, "sendInitialEvents")
    return Start(revision, all_first=wanted, nothing_first=not wanted and not revision, bookmarks=bookmarks)


def flag(query: Mapping[str, str], name: str) -> bool:
    """A parameter that is true or false, in the ways Go reads them."""
    return query.get(name, "") in ("1", "t", "T", "true", "True", "TRUE")


def revision_of(text: str) -> int:
    """A resourceVersion; 0 for none. ApiError 400."""
    if text and not (text.isascii() and text.isdigit() and len(text) < 20):
        raise ApiError(400, "BadRequest", f'resourceVersion: Invalid value: "{text}": not a decimal number')
    return int(text or 0)


def _forbidden(field: str, why: str) -> ApiError:
    causes = [{"reason": "FieldValueForbidden", "message": f"Forbidden: {why}", "field": field}]
    details = {"group": "meta.k8s.io", "kind": "ListOptions", "causes": causes}
    return ApiError(422, "Invalid", f'ListOptions.meta.k8s.io "" is invalid: {field}: Forbidden: {why}', details)


def _bookmark(resource: Resource, revision: int, annotations: Mapping[str, str] | None = None) -> Event:
    metadata: Json = {"resourceVersion": str(revision), "creationTimestamp": None}
    if annotations:
        metadata["annotations"] = dict(annotations)
    return Event("BOOKMARK", {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata})
