"""Label selectors of Deployments and ReplicaSets. Source: apimachinery, apis/meta/v1/validation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.api.errors import Cause
from lab.api.kinds import names
from lab.api.kinds.metadata import label_causes
from lab.api.kinds.violations import forbidden, invalid, required

Json = dict[str, Any]


def selector_causes(field: str, selector: Json) -> Iterator[Cause]:
    """What is wrong with matchLabels and matchExpressions."""
    yield from label_causes(f"{field}.matchLabels", selector.get("matchLabels"))
    for i, one in enumerate(selector.get("matchExpressions") or ()):
        yield from _expression_causes(f"{field}.matchExpressions[{i}]", one)


def _expression_causes(field: str, one: Json) -> Iterator[Cause]:
    operator, values = one.get("operator"), one.get("values") or ()
    if operator in ("In", "NotIn"):
        if not values:
            yield required(f"{field}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            told = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            yield forbidden(f"{field}.values", told)
    else:
        yield invalid(f"{field}.operator", operator or "", "not a valid selector operator")
    key = one.get("key") or ""
    yield from (invalid(f"{field}.key", key, told) for told in names.label_key(key))
    for i, value in enumerate(values):
        yield from (invalid(f"{field}.values[{i}]", value, told) for told in names.label_value(value))


def matches(selector: Json, labels: Json) -> bool:
    """Whether a selector without mistakes selects what has these labels."""
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_holds(one, labels) for one in selector.get("matchExpressions") or ())


def _holds(one: Json, labels: Json) -> bool:
    value = labels.get(one.get("key", ""))
    match one.get("operator"):
        case "In":
            return value in one.get("values", ())
        case "NotIn":
            return value not in one.get("values", ())
        case "Exists":
            return value is not None
        case _:
            return value is None
