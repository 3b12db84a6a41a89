"""How a request wants to write or delete: its query and, for deletions, its body."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lab.api.deletion import Deletion, Propagation
from lab.api.errors import ApiError, bad_request
from lab.api.paging import count
from lab.api.registry import Options
from lab.api.resources import Resource
from lab.api.selectors import Fields, Labels, Selection
from lab.api.watching import flag

Json = dict[str, Any]

_VALIDATIONS: dict[str, Any] = {"": "Warn", "Warn": "Warn", "Strict": "Strict", "Ignore": "Ignore"}
_PROPAGATIONS: dict[str, Propagation] = {
    "": "",
    "Background": "Background",
    "Foreground": "Foreground",
    "Orphan": "Orphan",
}


def options(query: Mapping[str, str], user_agent: str, warn: Callable[[str], None]) -> Options:
    """Of a create, update or patch. The manager is the client's program, when it names none. ApiError 400, 422."""
    validation = query.get("fieldValidation", "")
    if validation not in _VALIDATIONS:
        raise _unsupported("fieldValidation", validation, ("Ignore", "Strict", "Warn"))
    manager = query.get("fieldManager") or user_agent.partition("/")[0]
    dry = _is_dry([query.get("dryRun", "")])
    return Options(dry, _VALIDATIONS[validation], manager, warn, flag(query, "force"))


def deletion(query: Mapping[str, str], body: Json) -> Deletion:
    """The body (DeleteOptions) counts before the query. ApiError 400, 422."""
    if body.get("kind") not in (None, "", "DeleteOptions"):
        raise bad_request(f"the object provided is unrecognized (must be of type DeleteOptions): {body['kind']}")
    propagation = body.get("propagationPolicy") or query.get("propagationPolicy", "")
    orphan = body.get("orphanDependents", flag(query, "orphanDependents") if "orphanDependents" in query else None)
    if orphan is not None and not propagation:
        propagation = "Orphan" if orphan else "Background"
    if not isinstance(propagation, str) or propagation not in _PROPAGATIONS:
        raise _unsupported("propagationPolicy", propagation, tuple(filter(None, _PROPAGATIONS)))
    grace = body.get("gracePeriodSeconds", count(query, "gracePeriodSeconds"))
    conditions = body.get("preconditions") or {}
    dry = body.get("dryRun") or [query.get("dryRun", "")]
    if (
        not isinstance(grace, int | None)
        or isinstance(grace, bool)
        or not isinstance(conditions, dict)
        or not isinstance(dry, list)
    ):
        raise bad_request("DeleteOptions cannot be read: a field is of the wrong type")
    if grace is not None and grace < 0:
        grace = 1  # as the API server does
    uid, revision = (str(conditions.get(mark) or "") for mark in ("uid", "resourceVersion"))
    return Deletion(_PROPAGATIONS[propagation], grace, uid, revision, _is_dry(dry))


def selection(resource: Resource, namespace: str, query: Mapping[str, str]) -> Selection:
    """Of a list, watch or deletion of many. ApiError 400."""
    labels = Labels.parse(query.get("labelSelector", ""))
    return Selection(namespace, labels, Fields.parse(resource, query.get("fieldSelector", "")))


def _is_dry(values: Iterable[object]) -> bool:
    found = [value for value in values if value != ""]
    for value in found:
        if value != "All":
            raise _unsupported("dryRun", value, ("All",))
    return bool(found)


def _unsupported(field: str, value: object, supported: tuple[str, ...]) -> ApiError:
    known = ", ".join(f'"{one}"' for one in supported)
    told = f'Unsupported value: "{value}": supported values: {known}'
    causes = [{"reason": "FieldValueNotSupported", "message": told, "field": field}]
    details = {"group": "meta.k8s.io", "kind": "Options", "causes": causes}
    return ApiError(422, "Invalid", f'Options.meta.k8s.io "" is invalid: {field}: {told}', details)
