"""Server-side apply: who applied which field is kept with the object, in metadata.managedFields.

What a manager applies is set; what it applied before and no longer does goes, unless another one applies it too.
Only managers that apply are kept: who updates, owns nothing. Source: Kubernetes' structured merge, FieldsV1.
"""

from __future__ import annotations

from typing import Any

from lab.api.errors import ApiError, bad_request
from lab.api.patches.fieldsets import Fields, conflicts, fields_of, lost, taken_from
from lab.api.patches.merging import identity, in_order
from lab.api.resources import Resource
from lab.api.schema.decoding import type_error
from lab.api.schema.messages import Field, Message, root

Json = dict[str, Any]


def applied(resource: Resource, live: Json, wanted: Json, manager: str, *, force: bool = False) -> Json:
    """A new object; `live` has at least the metadata with its name. With `force` fields that others applied and that
    differ become this manager's; without it ApiError 409 names them. ApiError 400, 422 for what cannot be applied.
    """
    if not manager:
        told = 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
        raise ApiError(422, "Invalid", told)
    _judge(resource, wanted)
    schema = root(resource.message)
    entries = [one for one in (live.get("metadata") or {}).get("managedFields") or () if isinstance(one, dict)]
    others = [one for one in entries if not _is_of(one, manager)]
    mine = next((_fields(one) for one in entries if _is_of(one, manager)), {})
    asked = fields_of(schema, wanted)
    disputed = {one["manager"]: conflicts(schema, asked, _fields(one), wanted, live) for one in others}
    if not force and any(disputed.values()):
        raise _conflict(disputed)
    others = [{**one, "fieldsV1": taken_from(_fields(one), disputed[one["manager"]])} for one in others]
    merged = _merged(schema, live, wanted)
    made = lost(schema, merged, mine, [asked, *(one["fieldsV1"] for one in others)])
    entry = {
        "apiVersion": resource.api_version,
        "fieldsType": "FieldsV1",
        "fieldsV1": asked,
        "manager": manager,
        "operation": "Apply",
    }
    metadata = {**(made.get("metadata") or {}), "managedFields": [*(one for one in others if one["fieldsV1"]), entry]}
    return {**made, "apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}


def _judge(resource: Resource, wanted: Json) -> None:
    for part, right in (("apiVersion", resource.api_version), ("kind", resource.kind)):
        if wanted.get(part) != right:
            raise bad_request(f"invalid object type: {part} is {wanted.get(part) or 'missing'}, and should be {right}")
    metadata = wanted.get("metadata")
    if not isinstance(metadata or {}, dict):
        raise bad_request("metadata is not an object")
    if metadata and metadata.get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    wrong = type_error(resource.message, wanted)
    if wrong is not None:
        raise bad_request(f"failed to create typed patch object: {wrong}")


def _is_of(entry: Json, manager: str) -> bool:
    return entry.get("manager") == manager and entry.get("operation") == "Apply"


def _fields(entry: Json) -> Fields:
    fields = entry.get("fieldsV1")
    return fields if isinstance(fields, dict) else {}


def _conflict(disputed: dict[str, list[str]]) -> ApiError:
    causes = [
        {"reason": "FieldManagerConflict", "message": f'conflict with "{manager}"', "field": path}
        for manager, paths in disputed.items()
        for path in paths
    ]
    number = f"{len(causes)} conflict{'s' if len(causes) > 1 else ''}"
    lines = "; ".join(f"{one['message']}: {one['field']}" for one in causes)
    return ApiError(409, "Conflict", f"Apply failed with {number}: {lines}", {"causes": causes})


def _merged(schema: Message | None, live: Json, wanted: Json) -> Json:
    made = dict(live)
    for key, value in wanted.items():
        if value is not None:
            made[key] = _value(schema.fields.get(key) if schema else None, live.get(key), value)
    return made


def _value(field: Field | None, live: object, wanted: Any) -> Any:  # noqa: ANN401 JSON
    if field is None or field.atomic:
        return wanted
    if isinstance(wanted, dict) and isinstance(live, dict):
        return _merged(field.message if field.is_message and field.shape == "one" else None, live, wanted)
    if isinstance(wanted, list) and isinstance(live, list) and (field.merge_key or field.is_set):
        asked = {identity(field, one): one for one in wanted}
        there = {identity(field, one): one for one in live}
        made = {**there, **asked}
        for name, one in asked.items():
            if isinstance(one, dict) and isinstance(there.get(name), dict):
                made[name] = _merged(field.message, there[name], one)
        return in_order(field, list(made.values()), list(asked), list(there))
    return wanted
