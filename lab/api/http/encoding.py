"""JSON as text, made in short pieces: where a thread makes it, others wait for one piece alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

MANY = 50
"""A list that is longer is made in pieces."""

_DEEP = 5


def text_of(value: Any) -> str:  # noqa: ANN401 JSON
    """In one line."""
    return "".join(_pieces(value, _DEEP))


def _pieces(value: Any, depth: int) -> Iterator[str]:  # noqa: ANN401 JSON
    """Short ones where what is long stands not deep in it, as in all that clients send and are sent."""
    if depth and isinstance(value, dict) and value:
        yield "{"
        for i, (key, one) in enumerate(value.items()):
            yield f"{',' if i else ''}{_plain(key)}:"
            yield from _pieces(one, depth - 1)
        yield "}"
    elif depth and isinstance(value, list) and len(value) > MANY:
        yield "["
        for i, one in enumerate(value):
            if i:
                yield ","
            yield from _pieces(one, depth - 1)
        yield "]"
    else:
        yield _plain(value)


_plain = json.JSONEncoder(separators=(",", ":")).encode
