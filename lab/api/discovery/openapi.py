"""OpenAPI v3 of what is served, one document for each group and version, made from the schema's tables: with it
`kubectl explain` shows the fields, and `apply` knows how lists are merged. The tables have no descriptions.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from lab.api.resources import RESOURCES, Resource
from lab.api.schema.messages import Field, Message, message, root

Json = dict[str, Any]

INDEX = "/openapi/v3"

_KIND = "x-kubernetes-group-version-kind"
_BASIC: dict[str, Json] = {
    "string": {"type": "string"},
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
    "bool": {"type": "boolean"},
    "bytes": {"type": "string", "format": "byte"},
    "Time": {"type": "string", "format": "date-time"},
    "MicroTime": {"type": "string", "format": "date-time"},
    "Quantity": {"type": "string"},
    "IntOrString": {"type": "string", "format": "int-or-string"},
    "FieldsV1": {"type": "object"},
}
_PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
    for name in ("dryRun", "fieldManager", "fieldValidation")
]


def document(path: str) -> Json | None:
    """The document of that path: the list of them all, or `/openapi/v3/apis/apps/v1`. None where there is none."""
    places = {f"{INDEX}/{_place(one)}": (one.group, one.version) for one in RESOURCES}
    if path == INDEX:
        return {"paths": {place.removeprefix(f"{INDEX}/"): {"serverRelativeURL": place} for place in places}}
    return _document(*places[path]) if path in places else None


def _place(one: Resource) -> str:
    return f"apis/{one.group}/{one.version}" if one.group else f"api/{one.version}"


@cache
def _document(group: str, version: str) -> Json:
    """Never to be changed."""
    served = [one for one in RESOURCES if (one.group, one.version) == (group, version)]
    schemas: Json = {}
    for one in served:
        for name, told in _reached(root(one.message)):
            schemas[name] = _schema(told)
        schemas[one.message][_KIND] = [_kind(one)]
    paths: Json = {}
    for one in served:
        paths |= _paths(one)
    return {
        "openapi": "3.0.0",
        "info": {"title": "Hoplab", "version": version},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _kind(one: Resource) -> Json:
    return {"group": one.group, "kind": one.kind, "version": one.version}


def _paths(one: Resource) -> Json:
    where = f"/{_place(one)}/namespaces/{{namespace}}" if one.namespaced else f"/{_place(one)}"
    operation: Json = {_KIND: _kind(one), "responses": {}}
    changing = {**operation, "parameters": _PARAMETERS}
    return {
        f"{where}/{one.plural}": {"get": operation, "post": changing},
        f"{where}/{one.plural}/{{name}}": {"get": operation, "put": changing, "patch": changing, "delete": operation},
    }


def _reached(start: Message) -> Iterator[tuple[str, Message]]:
    """That message and all that stand in it, by their names."""
    waiting, seen = [start], {start.name}
    while waiting:
        one = waiting.pop()
        yield one.name, one
        inner = {field.type for field in one.fields.values() if field.is_message} - seen
        seen |= inner
        waiting += map(message, sorted(inner))


def _schema(told: Message) -> Json:
    return {"type": "object", "properties": {name: _property(field) for name, field in told.fields.items()}}


def _property(field: Field) -> Json:
    # What stands beside a $ref counts for nothing: hence allOf.
    one = {"allOf": [{"$ref": f"#/components/schemas/{field.type}"}]} if field.is_message else _BASIC[field.type]
    if field.shape == "list":
        return {"type": "array", "items": one, **_merging(field)}
    if field.shape == "map":
        return {"type": "object", "additionalProperties": one, **_merging(field)}
    return {**one, **_merging(field)}


def _merging(field: Field) -> Json:
    """How a strategic merge patch changes it."""
    strategies = ["merge"] if field.merge_key or field.is_set else []
    strategies += ["retainKeys"] if field.retains else []
    told = {"x-kubernetes-patch-strategy": ",".join(strategies)} if strategies else {}
    return {**told, **({"x-kubernetes-patch-merge-key": field.merge_key} if field.merge_key else {})}
