"""The bytes that clients send, as JSON values, and how much of them is read."""

from __future__ import annotations

import json
import re
from json.scanner import py_make_scanner  # type: ignore[attr-defined]
from typing import Any

from lab.api.errors import too_large
from lab.topology.yaml.text import read_documents

MAX_BODY = 3 * 1024 * 1024
"""Bytes of a request's body, as the API server's own limit is."""

LARGE = 128 * 1024  # bytes that C reads in 2 ms

# The half of a character, as an escape: whether its other half is there, only the whole text tells.
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


def require_small(size: int) -> None:
    """ApiError 413 for a body of more bytes than are read."""
    if size > MAX_BODY:
        raise too_large(f"limit is {MAX_BODY}")


def from_json(body: bytes) -> Any:  # noqa: ANN401 JSON
    """Raises ValueError or RecursionError for what is no JSON, half characters and numbers that are none included."""
    value = json.loads(body, parse_constant=_refuse) if len(body) < LARGE else _in_turns(body.decode())
    if _HALF.search(body):
        json.dumps(value, ensure_ascii=False).encode()  # raises UnicodeEncodeError, which is a ValueError
    return value


def _in_turns(text: str) -> Any:  # noqa: ANN401 JSON
    """Read by Python and not by C, which would let nobody else go on for as long as it takes."""
    decoder = json.JSONDecoder(parse_constant=_refuse)
    decoder.scan_once = py_make_scanner(decoder)  # type: ignore[attr-defined]
    return decoder.decode(text)


def from_yaml(text: str) -> list[Any]:
    """The values of its documents. FileError."""
    return [one.value for one in read_documents(text, "body")]


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON")
