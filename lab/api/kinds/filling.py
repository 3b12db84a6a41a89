"""Putting defaults where nothing stands. `null` is nothing, and so is empty text where there is a default."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]


def filled(defaults: Json, given: Json) -> Json:
    """A new dict: what is given, and the defaults for the rest. Defaults that are containers are shared."""
    said = given.values()
    if None in said or "" in said:
        given = {
            key: value for key, value in given.items() if value is not None and (value != "" or key not in defaults)
        }
    return {**defaults, **given}


def each(items: Any, complete: Callable[[Json], Json]) -> list[Json]:  # noqa: ANN401 JSON
    """Each of a list completed."""
    return [complete(item) for item in items]


def without_nulls(value: Any) -> Any:  # noqa: ANN401 JSON
    """The value without the nulls in its dicts and lists; the very same one when it has none."""
    if isinstance(value, dict):
        cleaned = {key: without_nulls(item) for key, item in value.items() if isinstance(item, (dict, list))}
        if None not in value.values() and all(item is value[key] for key, item in cleaned.items()):
            return value
        return {key: cleaned.get(key, item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        items = [without_nulls(item) for item in value if item is not None]
        return value if len(items) == len(value) and all(map(operator.is_, items, value)) else items
    return value
