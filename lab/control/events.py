"""Events: what happened to an object, in words, as `kubectl describe` and `kubectl get events` show it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from lab.api.http.requests import encoded
from lab.api.resources import EVENTS, NAMESPACES
from lab.api.store import Change, Json, Key, Store

KEPT = 1_000
"""So many Events are in the store at most; the ones that happened longest ago go first."""

MOST_BYTES = 4 * 1024 * 1024
"""Of all of them as JSON: clients may make some too, as long as an object may be."""

OLDEST = timedelta(hours=1)
"""As kube-apiserver keeps them."""

LONGEST = 300
"""Letters of a message: what a program said may be pages, and people read it in a column of a table."""

_Same = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Kept:
    """What an Event is the same as, how large it is, and when it happened last."""

    same: _Same | None
    size: int
    since: str


class Recorder:
    """Writes Events. What happens to the same object again, in the same words, counts up the Event that is there.

    Without `writes` it writes none: of a cluster that nobody asks for them.
    """

    def __init__(self, store: Store, *, writes: bool = True) -> None:
        self._store = store
        self._writes = writes
        self._told: dict[_Same, Key] = {}
        self._latest: dict[Key, _Kept] = {}  # every Event of the store, the latest to happen last
        self._bytes = 0
        self._same: dict[Key, _Same] = {}  # of those that are just being made
        for item in sorted(store.each(EVENTS), key=lambda one: int(one["metadata"]["resourceVersion"])):
            self._keep((item["metadata"]["namespace"], item["metadata"]["name"]), item, None)
        store.listen(self._heard)

    def record(
        self, subject: Json, kind: str, reason: str, message: str, component: str, *, field: str = "", host: str = ""
    ) -> None:
        """`subject` is the object as stored; `kind` Normal or Warning; `field` the part of the object that is meant,
        such as `spec.containers{web}`; `host` the node on which it happened. In a namespace that is going or gone
        nothing is written, as the API server takes nothing there.
        """
        if not self._writes:
            return
        metadata = subject["metadata"]
        namespace = metadata.get("namespace") or "default"
        home = self._store.find(NAMESPACES, "", namespace)
        if home is None or home["metadata"].get("deletionTimestamp"):
            return
        message = _readable(message)
        same = (metadata.get("uid", ""), kind, reason, message, component, field, host)
        now = self._store.now()
        key = self._told.get(same)
        before = self._store.find(EVENTS, *key) if key else None
        if before is not None:
            self._store.update(EVENTS, {**before, "count": before["count"] + 1, "lastTimestamp": now})
            return
        name = f"{metadata['name']}.{self._store.revision + 1:016x}"
        self._told[same] = namespace, name
        self._same[namespace, name] = same
        source = {"component": component} | ({"host": host} if host else {})
        event = {
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": _reference(subject, field),
            "reason": reason,
            "message": message,
            "source": source,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": kind,
            "eventTime": None,
            "reportingComponent": component,
            "reportingInstance": host,
        }
        self._store.create(EVENTS, event)

    def _heard(self, change: Change) -> None:
        if change.resource is not EVENTS:
            return
        before = self._latest.pop(change.key, None)
        if before is not None:
            self._bytes -= before.size
        same = before.same if before is not None else self._same.pop(change.key, None)
        if change.type == "DELETED":
            if same is not None and self._told.get(same) == change.key:
                del self._told[same]
            return
        self._keep(change.key, change.object, same)
        self._forget()

    def _keep(self, key: Key, event: Json, same: _Same | None) -> None:
        # What clients made may be long, and others wait meanwhile: it is made into text piece by piece.
        size = len(encoded(event)) if same is None else len(json.dumps(event))
        self._latest[key] = _Kept(same, size, self._store.now())
        self._bytes += size

    def _forget(self) -> None:
        """What is too many, too much or too old goes; the latest stays."""
        now = datetime.fromisoformat(self._store.now())
        left, size = len(self._latest), self._bytes
        gone = []
        for key, kept in self._latest.items():
            is_old = now - datetime.fromisoformat(kept.since) > OLDEST
            if left == 1 or not (left > KEPT or size > MOST_BYTES or is_old):
                break
            gone.append(key)
            left, size = left - 1, size - kept.size
        for key in gone:
            if self._store.find(EVENTS, *key) is not None:  # that it has gone may still have to be told here
                self._store.remove(EVENTS, *key)


def _readable(message: str) -> str:
    """In one line, and not longer than people read."""
    text = " ".join(message.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _reference(subject: Json, field: str) -> Json:
    metadata = subject["metadata"]
    told = {"kind": subject["kind"], "apiVersion": subject["apiVersion"]}
    told |= {mark: metadata[mark] for mark in ("namespace", "name", "uid", "resourceVersion") if metadata.get(mark)}
    return {**told, "fieldPath": field} if field else told
