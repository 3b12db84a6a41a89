"""One mistake each, in the words of Kubernetes' field errors. Source: apimachinery, util/validation/field."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from lab.api.errors import Cause


def required(field: str, detail: str = "") -> Cause:
    return Cause(field, _told("Required value", detail), "FieldValueRequired")


def invalid(field: str, value: object, detail: str) -> Cause:
    return Cause(field, _told(f"Invalid value: {_shown(value)}", detail), "FieldValueInvalid")


def duplicate(field: str, value: object) -> Cause:
    return Cause(field, f"Duplicate value: {_shown(value)}", "FieldValueDuplicate")


def forbidden(field: str, detail: str) -> Cause:
    return Cause(field, _told("Forbidden", detail), "FieldValueForbidden")


def not_found(field: str, value: object) -> Cause:
    return Cause(field, f"Not found: {_shown(value)}", "FieldValueNotFound")


def too_long(field: str, most: int) -> Cause:
    """`most` is in bytes."""
    return Cause(field, f"Too long: may not be more than {most} bytes", "FieldValueTooLong")


def not_supported(field: str, value: object, choices: Iterable[str]) -> Cause:
    supported = ", ".join(f'"{choice}"' for choice in choices)
    told = _told(f"Unsupported value: {_shown(value)}", f"supported values: {supported}")
    return Cause(field, told, "FieldValueNotSupported")


def immutable(field: str, value: object) -> Cause:
    return invalid(field, value, "field is immutable")


def one_of(field: str, value: Any, choices: tuple[str, ...]) -> list[Cause]:  # noqa: ANN401 what a client sent
    """Nothing if it is one of them; that it is missing, or that it is not supported."""
    if value in choices:
        return []
    return [not_supported(field, value, choices)] if value else [required(field)]


def in_range(field: str, value: object, first: int, last: int) -> list[Cause]:
    if isinstance(value, int) and first <= value <= last:
        return []
    return [invalid(field, value, f"must be between {first} and {last}, inclusive")]


def not_negative(field: str, value: object) -> list[Cause]:
    """Nothing is as good as 0."""
    if isinstance(value, int) and value < 0:
        return [invalid(field, value, "must be greater than or equal to 0")]
    return []


def _told(what: str, detail: str) -> str:
    return f"{what}: {detail}" if detail else what


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
