"""What the API server's decoder says of JSON that is not what a kind's fields are. Source: sigs.k8s.io/json."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from operator import is_
from typing import Any

from lab.api.schema.base64 import corrupt_at
from lab.api.schema.messages import Field, Message, root

Json = dict[str, Any]

MOST_UNKNOWN = 100  # as the API server's decoder
_LIMITS = {"int32": 1 << 31, "int64": 1 << 63}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def type_error(kind: str, item: Json) -> str | None:
    """The first value of a wrong type; None when all can be read."""
    return next(_errors(root(kind), item, ""), None)


def unknown(kind: str, item: Json) -> list[str]:
    """The paths of the first fields that the kind does not have. `item` has no values of a wrong type."""
    return list(islice(_unknown(root(kind), item, ""), MOST_UNKNOWN))


def known(kind: str, item: Json) -> Json:
    """The object without the fields that the kind does not have: the very same where there are none. `item` has no
    values of a wrong type.
    """
    return _known(root(kind), item)


def _known(schema: Message, item: Json) -> Json:
    made = {name: _known_value(field, value) for name, value in item.items() if (field := schema.fields.get(name))}
    same = len(made) == len(item) and all(value is item[name] for name, value in made.items())
    return item if same else made


def _known_value(field: Field, value: Any) -> Any:  # noqa: ANN401 JSON
    if not field.is_message or not value:
        return value
    if field.shape == "one":
        return _known(field.message, value)
    if field.shape == "list":
        made = [_known(field.message, one) if one else one for one in value]
        return value if all(map(is_, made, value)) else made
    pairs = {key: _known(field.message, one) if one else one for key, one in value.items()}
    return value if all(one is value[key] for key, one in pairs.items()) else pairs


def _errors(schema: Message, item: Json, path: str) -> Iterator[str]:
    """`path` is that of the object with a dot at its end, or "". Lists have no numbers in it."""
    fields = schema.fields
    for name, value in item.items():
        field = fields.get(name)
        if field is None or value is None:
            continue
        if field.shape == "one":
            yield from _value_errors(field, field.named, value, path)
        elif field.shape == "list":
            if field.type == "bytes" or not isinstance(value, list):
                yield _told(field, field.named, value, path)
                continue
            for one in value:
                if one is not None:
                    yield from _value_errors(field, field.named[2:], one, path)
        elif not isinstance(value, dict):
            yield _told(field, field.named, value, path)
        else:
            for one in value.values():
                if one is not None:
                    yield from _value_errors(field, field.named.removeprefix("map[string]"), one, path)


def _value_errors(field: Field, named: str, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401 JSON
    kind = field.type
    if field.is_message:
        if isinstance(value, dict):
            yield from _errors(field.message, value, f"{path}{field.name}.")
        else:
            yield _told(field, named, value, path)
    elif kind in ("string", "bytes"):
        if not isinstance(value, str):
            yield _told(field, named, value, path)
        elif kind == "bytes" and (at := corrupt_at(value)) is not None:
            yield f"illegal base64 data at input byte {at}"
    elif kind == "bool":
        if not isinstance(value, bool):
            yield _told(field, named, value, path)
    elif kind in _LIMITS:
        if type(value) is not int or not -_LIMITS[kind] <= value < _LIMITS[kind]:
            yield _told(field, named, value, path)
    else:
        yield from _special_errors(kind, value)


def _special_errors(kind: str, value: Any) -> Iterator[str]:  # noqa: ANN401 JSON
    """Of types that read themselves: they do not know where they stand."""
    if kind == "IntOrString":
        if not isinstance(value, str) and (type(value) is not int or not -_LIMITS["int32"] <= value < _LIMITS["int32"]):
            yield f"json: cannot unmarshal {_kind_of(value)} into Go value of type int32"
    elif kind in ("Time", "MicroTime"):
        if not isinstance(value, str):
            yield f"json: cannot unmarshal {_kind_of(value)} into Go value of type string"
        elif not is_time(value):
            yield f'parsing time {json.dumps(value)} as "2006-01-02T15:04:05Z07:00": cannot parse it'
    elif kind == "Quantity" and not isinstance(value, (str, int, float)):
        yield f"json: cannot unmarshal {_kind_of(value)} into Go value of type string"


def is_time(text: str) -> bool:
    """Whether it is a time as RFC 3339 writes one, of a day that there is."""
    if not _TIME.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _told(field: Field, named: str, value: object, path: str) -> str:
    number = f" {json.dumps(value)}" if named in _LIMITS and type(value) in (int, float) else ""
    place = f"{field.owner}.{path}{field.name}"
    return f"json: cannot unmarshal {_kind_of(value)}{number} into Go struct field {place} of type {named}"


_KINDS = ((bool, "bool"), (str, "string"), ((int, float), "number"), (list, "array"), (dict, "object"))


def _kind_of(value: object) -> str:
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "null")


def _unknown(schema: Message, item: Json, path: str) -> Iterator[str]:
    """`path` is that of the object with a dot at its end, or ""."""
    for name, value in item.items():
        field = schema.fields.get(name)
        if field is None:
            yield f"{path}{name}"
        elif not field.is_message or not value:
            continue
        elif field.shape == "one":
            yield from _unknown(field.message, value, f"{path}{name}.")
        elif field.shape == "list":
            for i, one in enumerate(value):
                yield from _unknown(field.message, one or {}, f"{path}{name}[{i}].")
        else:
            for key, one in value.items():
                yield from _unknown(field.message, one or {}, f"{path}{name}.{key}.")
