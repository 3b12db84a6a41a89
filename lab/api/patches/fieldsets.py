"""Sets of an object's fields, as managedFields writes them (FieldsV1).

`f:NAME` is a field, `k:{…}` the list's element with these keys, `v:VALUE` that value of a set; `.` inside stands for
the thing itself; an empty dict is a field with all that is in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from lab.api.schema.messages import Field, Message

Json = dict[str, Any]
Fields = dict[str, Any]

_NOBODYS = frozenset({"f:apiVersion", "f:kind"})
_NAMES = frozenset({"f:name", "f:namespace", "f:generateName", "f:uid", "f:resourceVersion", "f:creationTimestamp"})


def fields_of(schema: Message, item: Json) -> Fields:
    """The fields that an applied object says something of, but for those that say which object it is."""
    fields = {key: value for key, value in _of_dict(schema, item).items() if key not in _NOBODYS}
    metadata = {key: value for key, value in fields.pop("f:metadata", {}).items() if key not in _NAMES}
    return {"f:metadata": metadata, **fields} if metadata else fields


def _of_dict(schema: Message | None, item: Json) -> Fields:
    return {
        f"f:{key}": _of_value(schema.fields.get(key) if schema else None, value)
        for key, value in item.items()
        if value is not None
    }


def _of_value(field: Field | None, value: object) -> Fields:
    if field is None or field.atomic:
        return {}
    if isinstance(value, dict) and (field.is_message or field.shape == "map"):
        return _of_dict(field.message if field.is_message and field.shape == "one" else None, value)
    if isinstance(value, list) and field.merge_key:
        return {_key(field, one): {".": {}, **_of_dict(field.message, one)} for one in value if isinstance(one, dict)}
    if isinstance(value, list) and field.is_set:
        return {_key(field, one): {} for one in value}
    return {}


def _key(field: Field, element: Any) -> str:  # noqa: ANN401 JSON
    if field.is_set or not isinstance(element, dict):  # a null, where a list has things with names
        return f"v:{json.dumps(element)}"
    keys = {key: element.get(key, "TCP" if key == "protocol" else None) for key in sorted(field.keys)}
    return f"k:{json.dumps(keys, separators=(',', ':'))}"


def conflicts(schema: Message, asked: Fields, theirs: Fields, wanted: Json, live: Json) -> list[str]:
    """The paths of fields in both sets for which something else is wanted than what is there."""
    return [path for path, one, other in _shared(schema, asked, theirs, wanted, live, "") if one != other]


def _shared(
    schema: Message | None,
    asked: Fields,
    theirs: Fields,
    wanted: Any,  # noqa: ANN401 JSON
    live: Any,  # noqa: ANN401 JSON
    path: str,
) -> Iterator[tuple[str, object, object]]:
    for key in asked.keys() & theirs.keys():
        if not key.startswith("f:") or not isinstance(wanted, dict) or not isinstance(live, dict):
            continue
        name = key.removeprefix("f:")
        field = schema.fields.get(name) if schema else None
        one, other, at = wanted.get(name), live.get(name), f"{path}.{name}"
        if not asked[key]:
            yield at, one, other
        elif field and field.merge_key:
            yield from _shared_elements(field, asked[key], theirs[key], one, other, at)
        else:
            inner = field.message if field and field.is_message else None
            yield from _shared(inner, asked[key], theirs[key], one, other, at)


def _shared_elements(
    field: Field,
    asked: Fields,
    theirs: Fields,
    wanted: Any,  # noqa: ANN401 JSON
    live: Any,  # noqa: ANN401 JSON
    path: str,
) -> Iterator[tuple[str, object, object]]:
    ours = {_key(field, one): one for one in wanted or () if isinstance(one, dict)}
    there = {_key(field, one): one for one in live or () if isinstance(one, dict)}
    for key in asked.keys() & theirs.keys() & ours.keys() & there.keys():
        named = ",".join(f"{name}={json.dumps(value)}" for name, value in json.loads(key[2:]).items())
        yield from _shared(field.message, asked[key], theirs[key], ours[key], there[key], f"{path}[{named}]")


def taken_from(theirs: Fields, paths: Sequence[str]) -> Fields:
    """The set without the fields at these paths, as `conflicts` gives them."""
    return _without(theirs, frozenset(paths), "") if paths else theirs


def _without(fields: Fields, paths: frozenset[str], at: str) -> Fields:
    left = {}
    for key, inner in fields.items():
        path = f"{at}{_shown(key)}"
        if path in paths:
            continue
        kept = _without(inner, paths, path)
        if kept or not inner:
            left[key] = kept
    return left


def _shown(key: str) -> str:
    if key.startswith("f:"):
        return f".{key[2:]}"
    if key.startswith("k:"):
        return "[" + ",".join(f"{name}={json.dumps(value)}" for name, value in json.loads(key[2:]).items()) + "]"
    return ""


def lost(schema: Message | None, item: Any, mine: Fields, kept: Sequence[Fields]) -> Any:  # noqa: ANN401 JSON
    """The object without the fields of `mine` that are in none of the sets kept."""
    if not isinstance(item, dict):
        return item
    made = dict(item)
    for key, inner in mine.items():
        name = key[2:]
        if not key.startswith("f:") or name not in made:
            continue
        held = [one[key] for one in kept if key in one]
        field = schema.fields.get(name) if schema else None
        if not held and not inner:
            del made[name]
        elif inner:
            left = _lost_inside(field, made[name], inner, held)
            if left or made[name] in ({}, []):
                made[name] = left
            else:
                del made[name]
    return made


def _lost_inside(field: Field | None, value: Any, mine: Fields, kept: Sequence[Fields]) -> Any:  # noqa: ANN401 JSON
    if any(not one for one in kept):
        return value  # somebody owns the whole of it
    if not isinstance(value, list) or field is None:
        return lost(field.message if field and field.is_message else None, value, mine, kept)
    made = []
    for element in value:
        key = _key(field, element)
        held = [one[key] for one in kept if key in one]
        if key not in mine:
            made.append(element)
        elif held:
            made.append(lost(field.message, element, mine[key], held) if mine[key] else element)
    return made
