"""JSON patch (RFC 6902): a list of operations, of which all are done or none."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from lab.api.errors import ApiError, bad_request

Json = dict[str, Any]

MOST_OPERATIONS = 10_000

_INDEX = re.compile("0|[1-9][0-9]{0,9}")
_END = "-"  # the place after a list's last element
_ESCAPED = re.compile("~[^01]|~$")

Tokens = list[str]


class _MisfitError(Exception):
    """An operation that does not fit the document."""


def json_patched(target: Json, operations: object) -> Json:
    """A new object. ApiError 400 for what is no patch, 422 for an operation that does not fit the object."""
    if not isinstance(operations, list):
        raise bad_request("a JSON patch is a list of operations")
    if len(operations) > MOST_OPERATIONS:
        told = f"The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {len(operations)}"
        raise ApiError(413, "RequestEntityTooLarge", told)
    document: Any = target
    for operation in operations:
        try:
            document = _done(document, operation)
        except _MisfitError as misfit:
            told = f"the server rejected our request due to an error in our request: {misfit}"
            raise ApiError(422, "Invalid", told) from None
    if not isinstance(document, dict):
        raise ApiError(422, "Invalid", "the server rejected our request: what the patch leaves is no object")
    return document


def _done(document: Any, operation: object) -> Any:  # noqa: ANN401 JSON
    if not isinstance(operation, dict):
        raise bad_request("an operation of a JSON patch is an object")
    kind, path = operation.get("op"), _tokens(operation, "path")
    if kind in ("add", "replace", "test") and "value" not in operation:
        raise bad_request(f'operation {kind} at "{operation["path"]}" has no value')
    match kind:
        case "add":
            return _added(document, path, operation["value"])
        case "remove":
            return _removed(document, path)
        case "replace":
            _at(document, path)
            return _replaced(document, path, operation["value"])
        case "move":
            source = _tokens(operation, "from")
            if path[: len(source)] == source and path != source:
                raise _MisfitError(f'"{operation["from"]}" cannot move into itself')
            return _added(_removed(document, source), path, _at(document, source))
        case "copy":
            return _added(document, path, _at(document, _tokens(operation, "from")))
        case "test":
            if not same(_at(document, path), operation["value"]):
                shown = json.dumps(operation["value"])
                raise _MisfitError(f"testing value {operation['path']} failed: it is not {shown}")
            return document
    raise bad_request(f"unexpected kind of operation in a JSON patch: {kind}")


def same(one: object, other: object) -> bool:
    """Whether they are the same JSON: 1 and 1.0 are, 1 and true are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def _tokens(operation: Json, member: str) -> Tokens:
    """A JSON pointer (RFC 6901), taken apart."""
    pointer = operation.get(member)
    if not isinstance(pointer, str):
        raise bad_request(f"an operation of a JSON patch has no {member}")
    if not pointer:
        return []
    if not pointer.startswith("/") or _ESCAPED.search(pointer):
        raise bad_request(f'"{pointer}" is no JSON pointer')
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/")]


def _at(document: Any, path: Tokens) -> Any:  # noqa: ANN401 JSON
    for token in path:
        document = document[_member(document, token)]
    return document


def _member(container: object, token: str) -> Any:  # noqa: ANN401 a key or an index
    """The key or index of something that is there."""
    if isinstance(container, dict):
        if token in container:
            return token
        raise _MisfitError(f"there is no {token}")
    if isinstance(container, list):
        if _INDEX.fullmatch(token) and int(token) < len(container):
            return int(token)
        raise _MisfitError(f"a list of {len(container)} has no index {token}")
    raise _MisfitError(f"there is nothing inside a plain value: {token}")


def _changed(document: Any, path: Tokens, change: Callable[[Any, str], Any]) -> Any:  # noqa: ANN401 JSON
    """The document with what holds the path's end changed; only what is on the way is copied."""
    if len(path) == 1:
        return change(document, path[0])
    member = _member(document, path[0])
    inner = _changed(document[member], path[1:], change)
    copy = document.copy()
    copy[member] = inner
    return copy


def _added(document: Any, path: Tokens, value: Any) -> Any:  # noqa: ANN401 JSON
    if not path:
        return value

    def add(container: Any, token: str) -> Any:  # noqa: ANN401 JSON
        if isinstance(container, dict):
            return {**container, token: value}
        if not isinstance(container, list):
            raise _MisfitError(f"nothing can be put inside a plain value: {token}")
        place = str(len(container)) if token == _END else token
        if not _INDEX.fullmatch(place) or int(place) > len(container):
            raise _MisfitError(f"a list of {len(container)} has no place {token}")
        at = int(place)
        return [*container[:at], value, *container[at:]]

    return _changed(document, path, add)


def _replaced(document: Any, path: Tokens, value: Any) -> Any:  # noqa: ANN401 JSON
    def replace(container: Any, token: str) -> Any:  # noqa: ANN401 JSON
        copy = container.copy()
        copy[_member(container, token)] = value
        return copy

    return _changed(document, path, replace) if path else value


def _removed(document: Any, path: Tokens) -> Any:  # noqa: ANN401 JSON
    if not path:
        raise _MisfitError("the whole object cannot be removed")

    def remove(container: Any, token: str) -> Any:  # noqa: ANN401 JSON
        copy = container.copy()
        del copy[_member(container, token)]
        return copy

    return _changed(document, path, remove)
