"""JSON patch (RFC 6902): a list of operations, of which all are done or none."""

from __future__ import annotations

import json
import re
from typing import Any

from lab.api.errors import ApiError, bad_request, too_large

Json = dict[str, Any]

MOST_OPERATIONS = 10_000
MOST_COPIED = 3 * 1024 * 1024
"""Bytes of JSON that the copies of one patch may add. Both limits are kube-apiserver's."""

_INDEX = re.compile("0|[1-9][0-9]{0,9}")
_END = "-"  # the place after a list's last element
_ESCAPED = re.compile("~[^01]|~$")

Tokens = list[str]


class _MisfitError(Exception):
    """An operation that does not fit the document."""


def json_patched(target: Json, operations: object) -> Json:
    """A new object. ApiError 400 for what is no patch, 413 for one that does too much, 422 for an operation that does
    not fit the object.
    """
    if not isinstance(operations, list):
        raise bad_request("a JSON patch is a list of operations")
    if len(operations) > MOST_OPERATIONS:
        raise too_large(f"The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {len(operations)}")
    patching = _Patching(target)
    for operation in operations:
        try:
            patching.do(operation)
        except _MisfitError as misfit:
            told = f"the server rejected our request due to an error in our request: {misfit}"
            raise ApiError(422, "Invalid", told) from None
    if not isinstance(patching.document, dict):
        raise ApiError(422, "Invalid", "the server rejected our request: what the patch leaves is no object")
    return patching.document


class _Patching:
    """A copy of the document, changed in place: nothing in it stands in two places, so each operation costs what it
    changes and not what there is.
    """

    def __init__(self, target: Json) -> None:
        self.document: Any = _copied(target)
        self._added_by_copies = 0

    def do(self, operation: object) -> None:
        if not isinstance(operation, dict):
            raise bad_request("an operation of a JSON patch is an object")
        kind, path = operation.get("op"), _tokens(operation, "path")
        if kind in ("add", "replace", "test") and "value" not in operation:
            raise bad_request(f'operation {kind} at "{operation["path"]}" has no value')
        match kind:
            case "add":
                self._add(path, _copied(operation["value"]))
            case "remove":
                self._remove(path)
            case "replace":
                self._replace(path, _copied(operation["value"]))
            case "move":
                source = _tokens(operation, "from")
                if path[: len(source)] == source and path != source:
                    raise _MisfitError(f'"{operation["from"]}" cannot move into itself')
                moved = _at(self.document, source)
                self._remove(source)
                self._add(path, moved)
            case "copy":
                self._add(path, self._copy(_at(self.document, _tokens(operation, "from"))))
            case "test":
                if not same(_at(self.document, path), operation["value"]):
                    shown = json.dumps(operation["value"])
                    raise _MisfitError(f"testing value {operation['path']} failed: it is not {shown}")
            case _:
                raise bad_request(f"unexpected kind of operation in a JSON patch: {kind}")

    def _copy(self, value: Any) -> Any:  # noqa: ANN401 JSON
        self._added_by_copies += len(json.dumps(value, separators=(",", ":")))
        if self._added_by_copies > MOST_COPIED:
            size = self._added_by_copies
            told = "Unable to complete the copy, the accumulated size increase of copy is"
            raise too_large(f"{told} {size}, exceeding the limit {MOST_COPIED}")
        return _copied(value)

    def _add(self, path: Tokens, value: Any) -> None:  # noqa: ANN401 JSON
        if not path:
            self.document = value
            return
        container, token = _at(self.document, path[:-1]), path[-1]
        if isinstance(container, dict):
            container[token] = value
            return
        if not isinstance(container, list):
            raise _MisfitError(f"nothing can be put inside a plain value: {token}")
        place = str(len(container)) if token == _END else token
        if not _INDEX.fullmatch(place) or int(place) > len(container):
            raise _MisfitError(f"a list of {len(container)} has no place {token}")
        container.insert(int(place), value)

    def _replace(self, path: Tokens, value: Any) -> None:  # noqa: ANN401 JSON
        if not path:
            self.document = value
            return
        container = _at(self.document, path[:-1])
        container[_member(container, path[-1])] = value

    def _remove(self, path: Tokens) -> None:
        if not path:
            raise _MisfitError("the whole object cannot be removed")
        container = _at(self.document, path[:-1])
        del container[_member(container, path[-1])]


def _copied(value: Any) -> Any:  # noqa: ANN401 JSON
    if isinstance(value, dict):
        return {key: _copied(one) for key, one in value.items()}
    return [_copied(one) for one in value] if isinstance(value, list) else value


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
