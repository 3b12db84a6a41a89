"""Events, of both groups, as they are stored. Source: kube-apiserver's validation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.api.errors import Cause
from lab.api.kinds import names
from lab.api.kinds.violations import immutable, invalid, required

Json = dict[str, Any]

TYPES = ("Normal", "Warning")
LONGEST = {"reportingInstance": 128, "action": 128, "reason": 128, "message": 1024}  # characters

# What only v1 may say of an Event, and what of an Event of events.k8s.io stays as it was.
_OF_V1 = ("firstTimestamp", "lastTimestamp", "count", "source")
_FIXED = (
    "involvedObject",
    "reason",
    "message",
    *_OF_V1,
    "type",
    "eventTime",
    "action",
    "related",
    "reportingComponent",
    "reportingInstance",
)


def event_causes(new: Json, _old: Json | None) -> Iterator[Cause]:
    """An event is where what it is about is; what has no namespace has its events in `default`. One that says the
    moment (eventTime) says who reports it, what was done and why.
    """
    yield from _causes(new, "reportingComponent")


def new_event_causes(new: Json, old: Json | None) -> Iterator[Cause]:
    """What events.k8s.io asks for besides."""
    yield from _causes(new, "reportingController")
    if old is None or new.get("series") != old.get("series"):
        yield from _series_causes(new.get("series"))
    if old is not None:
        yield from (
            immutable(field, new.get(field)) for field in _FIXED if (new.get(field) or None) != (old.get(field) or None)
        )
        return
    if not new.get("eventTime"):
        yield required("eventTime")
    if new.get("type") not in TYPES:
        yield invalid("type", "", f"has invalid value: {new.get('type') or ''}")
    yield from (invalid(field, "", "needs to be unset") for field in _OF_V1 if new.get(field))


def _causes(new: Json, reporter: str) -> Iterator[Cause]:
    about, at = (new.get("involvedObject") or {}).get("namespace") or "", new["metadata"].get("namespace")
    if not new.get("eventTime"):
        if at != (about or "default"):
            yield invalid("involvedObject.namespace", about, "does not match event.namespace")
        return
    if not about and at not in ("default", "kube-system"):
        yield invalid("involvedObject.namespace", about, "does not match event.namespace")
    component = new.get("reportingComponent") or ""
    if not component:
        yield required(reporter)
    yield from (invalid(reporter, component, told) for told in names.label_key(component))
    yield from (required(field) for field in ("reportingInstance", "action", "reason") if not new.get(field))
    for field, most in LONGEST.items():
        if len(new.get(field) or "") > most:
            yield invalid(field, "", f"can have at most {most} characters")


def _series_causes(series: Json | None) -> Iterator[Cause]:
    if series is None:
        return
    if (series.get("count") or 0) < 2:
        yield invalid("series.count", "", "should be at least 2")
    if not series.get("lastObservedTime"):
        yield required("series.lastObservedTime")
