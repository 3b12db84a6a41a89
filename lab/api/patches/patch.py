"""Changing an object by a patch, in each of the forms that clients send one."""

from __future__ import annotations

from typing import Any

from lab.api.errors import ApiError, bad_request
from lab.api.http.bodies import from_json, from_yaml, require_small
from lab.api.patches.json_patch import json_patched
from lab.api.patches.merge_patch import merge_patched
from lab.api.patches.serverside import applied
from lab.api.patches.strategic import strategic_patched
from lab.api.resources import Resource
from lab.errors import FileError

Json = dict[str, Any]

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"

CONTENT_TYPES = (JSON_PATCH, MERGE_PATCH, STRATEGIC, APPLY)


def patch(
    resource: Resource,
    content_type: str,
    target: Json,
    body: bytes | Json | list[Any],
    manager: str = "",
    *,
    force: bool = False,
) -> Json:
    """A new object. `manager` is who applies, `force` whether that one may take fields from others.

    ApiError 400 for a patch that cannot be read, 415 for an unknown form, 422 for one that does not fit the object,
    409 for fields that others have applied.
    """
    form = content_type.partition(";")[0].strip().lower()
    if form not in CONTENT_TYPES:
        told = "the body of the request was in an unknown format - accepted media types include"
        raise ApiError(415, "UnsupportedMediaType", f"{told}: {', '.join(CONTENT_TYPES)}")
    given = _read(form, body) if isinstance(body, bytes) else body
    try:
        if form == JSON_PATCH:
            return json_patched(target, given)
        if not isinstance(given, dict):
            raise bad_request(f"a patch of the form {form} is an object")
        if form == MERGE_PATCH:
            return merge_patched(target, given)
        if form == STRATEGIC:
            return strategic_patched(resource, target, given)
        return applied(resource, target, given, manager, force=force)
    except RecursionError:
        raise bad_request("the patch is too deep") from None


def _read(form: str, body: bytes) -> Any:  # noqa: ANN401 JSON
    require_small(len(body))
    try:
        text = body.decode()
        if form != APPLY or text.lstrip().startswith("{"):
            return from_json(body)
        documents = from_yaml(text)
    except FileError as mistakes:
        raise bad_request(f"error decoding YAML: {mistakes}") from None
    except (ValueError, RecursionError) as error:
        raise bad_request(f"error decoding patch: {error}") from None
    if len(documents) != 1:
        raise bad_request("a patch is one document")
    return documents[0]
