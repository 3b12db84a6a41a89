"""Objects that are told in other words than those in which they are stored. Source: kube-apiserver's conversions.

The Events of events.k8s.io/v1 are those of v1: some of their fields have other names.
"""

from __future__ import annotations

from typing import Any

from lab.api.resources import NEW_EVENTS, Resource

Json = dict[str, Any]

_TOLD: dict[Resource, dict[str, str]] = {
    NEW_EVENTS: {
        "regarding": "involvedObject",
        "note": "message",
        "reportingController": "reportingComponent",
        "deprecatedSource": "source",
        "deprecatedFirstTimestamp": "firstTimestamp",
        "deprecatedLastTimestamp": "lastTimestamp",
        "deprecatedCount": "count",
    }
}
"""By resource, the names of top-level fields as they are told, and as they are stored."""


def inward(resource: Resource, item: Json) -> Json:
    """The object as it is stored. A name that only what is stored has is no field of what is told: it goes."""
    names = _TOLD.get(resource)
    if names is None:
        return item
    held = {names.get(key, key): value for key, value in item.items() if key not in names.values()}
    return {**held, "apiVersion": resource.stored.api_version, "kind": resource.stored.kind}


def outward(resource: Resource, item: Json) -> Json:
    """The stored object as it is told."""
    names = {held: told for told, held in _TOLD.get(resource, {}).items()}
    if not names:
        return item
    told = {names.get(key, key): value for key, value in item.items()}
    return {**told, "apiVersion": resource.api_version, "kind": resource.kind}


def selectable(resource: Resource, path: str) -> str:
    """The path of a field of what is told, as what is stored has it; "" for one that is not told so."""
    names = _TOLD.get(resource)
    if names is None:
        return path
    first, dot, rest = path.partition(".")
    return "" if first in names.values() else f"{names.get(first, first)}{dot}{rest}"
