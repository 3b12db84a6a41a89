"""Who owns an object, and the references in which that is written."""

from __future__ import annotations

from lab.api.resources import Resource
from lab.api.store import Json


def owner_reference(resource: Resource, owner: Json) -> Json:
    """The reference that a controller writes into what it makes for `owner`."""
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def references(item: Json) -> list[Json]:
    """All owners."""
    found: list[Json] = item["metadata"].get("ownerReferences") or []
    return found


def controller_of(item: Json) -> Json | None:
    """The reference to the one owner that controls the object."""
    return next((one for one in references(item) if one.get("controller")), None)


def owner_name(item: Json, resource: Resource) -> str:
    """The name of the owner that controls the object, if it is of that kind; else ""."""
    found = controller_of(item)
    if found is None or (found["apiVersion"], found["kind"]) != (resource.api_version, resource.kind):
        return ""
    return str(found["name"])


def with_owner(item: Json, reference: Json) -> Json:
    return _with(item, [*references(item), reference])


def without_owners(item: Json, uids: set[str]) -> Json:
    """The object without its references to these owners."""
    return _with(item, [one for one in references(item) if one.get("uid") not in uids])


def _with(item: Json, kept: list[Json]) -> Json:
    metadata = {key: value for key, value in item["metadata"].items() if key != "ownerReferences"}
    return {**item, "metadata": {**metadata, "ownerReferences": kept} if kept else metadata}
