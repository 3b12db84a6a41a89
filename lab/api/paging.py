"""Long lists in pieces: each piece of the same moment, however much has changed since the first."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.api.errors import ApiError, bad_request, expired
from lab.api.resources import Resource
from lab.api.selectors import Selection
from lab.api.store import Key, Store, key_of
from lab.api.watching import revision_of

Json = dict[str, Any]

_TOKEN_VERSION = "meta.k8s.io/v1"  # noqa: S105, no secret
_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. "
    "You can start a new list without the continue parameter."
)


@dataclass(frozen=True, slots=True)
class Page:
    """`metadata` is that of the list: its resourceVersion, and where it goes on."""

    items: list[Json]
    metadata: Json


def page(store: Store, resource: Resource, selection: Selection, query: Mapping[str, str]) -> Page:
    """What the request's limit, continue, resourceVersion and resourceVersionMatch ask for. ApiError 400, 410."""
    revision, after = _place(store, query)
    held = _held_at(store, resource, selection.namespace, revision)
    found = [item for item in held if selection.matches(item)] if selection.has_selectors else held
    if after:
        found = [item for item in found if key_of(item) > after]
    limit = count(query, "limit") or len(found)
    metadata: Json = {"resourceVersion": str(revision)}
    if len(found) > limit:
        metadata["continue"] = _token(revision, key_of(found[limit - 1]))
        if not selection.has_selectors:
            metadata["remainingItemCount"] = len(found) - limit
    return Page(found[:limit], metadata)


def count(query: Mapping[str, str], name: str) -> int | None:
    """A parameter that is a number, 0 or more; None when it is not given. ApiError 400."""
    text = query.get(name, "")
    if text and not (text.isascii() and text.isdigit() and len(text) < 19):
        raise bad_request(f'{name}: Invalid value: "{text}": must be a number, 0 or more')
    return int(text) if text else None


def _place(store: Store, query: Mapping[str, str]) -> tuple[int, Key | None]:
    """The revision to list at, and what the last piece ended with."""
    asked = revision_of(query.get("resourceVersion", ""))
    if query.get("continue"):
        if asked:
            raise bad_request("specifying resource version is not allowed when using continue")
        return _resumed(query["continue"])
    match = query.get("resourceVersionMatch", "")
    if match not in ("", "Exact", "NotOlderThan") or (match and not query.get("resourceVersion")):
        raise bad_request(f'resourceVersionMatch: Invalid value: "{match}" with resourceVersion "{asked or ""}"')
    if asked > store.revision:
        store.since(asked)  # refuses
    return (asked if match == "Exact" else store.revision), None


def _held_at(store: Store, resource: Resource, namespace: str, revision: int) -> list[Json]:
    """The objects as they were: what has changed since is undone, the latest first. They are read before the changes
    are, which may be told while another thread makes more: what is not there yet is undone in vain.
    """
    found = store.list(resource, namespace)
    try:
        changes = store.since(revision)
    except ApiError:
        raise expired(_TOO_OLD) from None
    if not changes:
        return found
    held = {key_of(item): item for item in found}
    for change in reversed(changes):
        if change.resource is not resource or namespace not in ("", change.key[0]):
            continue
        if change.previous is None:
            held.pop(change.key, None)
        else:
            held[change.key] = change.previous
    return [held[key] for key in sorted(held)]


def _token(revision: int, last: Key) -> str:
    value = {"v": _TOKEN_VERSION, "rv": revision, "start": list(last)}
    return urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")


def _resumed(token: str) -> tuple[int, Key]:
    try:
        value = json.loads(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        revision, (namespace, name) = value["rv"], value["start"]
        if value["v"] != _TOKEN_VERSION or not isinstance(revision, int):
            raise ValueError(token)
        return revision, (str(namespace), str(name))
    except (ValueError, TypeError, KeyError, RecursionError):
        raise bad_request("continue key is not valid: list anew") from None
