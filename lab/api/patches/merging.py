"""Lists whose elements have names of their own: finding an element, and the order of what two sides put together."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Hashable, Sequence
from typing import Any

from lab.api.schema.messages import Field

Json = dict[str, Any]

_DEFAULTS = {"protocol": "TCP"}


def identity(field: Field, element: object) -> Hashable:
    """What tells an element of the list from the others, by all keys of the field; of plain values, themselves."""
    if not field.keys or not isinstance(element, dict):
        return _hashable(element)
    return tuple(_hashable(element.get(key, _DEFAULTS.get(key))) for key in field.keys)


def named(value: object) -> Hashable:
    """What stands for a plain value among others: a word and a number are never the same."""
    return value if isinstance(value, str) else (json.dumps(value, sort_keys=True),)


def _hashable(value: object) -> Hashable:
    """Values that clients should not send as keys still are told apart."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def in_order(field: Field, elements: Sequence[Any], wanted: Sequence[Hashable], live: Sequence[Hashable]) -> list[Any]:
    """The elements with those of `wanted` in that order, and the others, as they stand, where they stood in `live`.

    `wanted` and `live` are identities.
    """
    rank = {name: i for i, name in enumerate(wanted)}
    place = {name: i for i, name in enumerate(live)}
    named = [(identity(field, element), element) for element in elements]
    asked = sorted((pair for pair in named if pair[0] in rank), key=lambda pair: rank[pair[0]])
    others = [pair for pair in named if pair[0] not in rank]
    made = []
    left, right = deque(asked), deque(others)
    while left and right:
        first, second = place.get(left[0][0]), place.get(right[0][0])
        earlier = first is not None and second is not None and first < second
        made.append((left if earlier else right).popleft()[1])
    return made + [element for _, element in (*left, *right)]
