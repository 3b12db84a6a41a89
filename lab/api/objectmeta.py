"""The metadata of objects: what their author says in it, and what only the API server does."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from lab.api.errors import Cause, bad_request, invalid
from lab.api.resources import NAMESPACES, Resource

Json = dict[str, Any]

_KEPT = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation")
_OURS = frozenset((*_KEPT, "resourceVersion", "selfLink"))
_MANAGED = "managedFields"  # who leaves them out does not mean that nobody applied anything

_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"  # without vowels and what looks alike, as Kubernetes' generated names are
_LONGEST_PREFIX = 58


def named_in(resource: Resource, metadata: Json, namespace: str) -> str:
    """The namespace of a namespaced object, "" for others. `namespace` is the request's, "" for the object's own.

    ApiError 400 when the two differ.
    """
    given = metadata.get("namespace") or ""
    if not resource.namespaced:
        if given:
            raise bad_request("namespace may not be set on a cluster-scoped object")
        return ""
    if namespace and given and given != namespace:
        told = "the namespace of the provided object does not match the namespace sent on the request"
        raise bad_request(f"{told} ({given} and {namespace})")
    return namespace or given or "default"


def generated(prefix: str, revision: int, attempt: int) -> str:
    """A name that begins with `prefix` and goes on with five characters that follow from the store's revision."""
    digest = blake2b(f"{prefix} {revision} {attempt}".encode(), digest_size=8).digest()
    number = int.from_bytes(digest, "big")
    letters = []
    for _ in range(5):
        number, index = divmod(number, len(_SUFFIX))
        letters.append(_SUFFIX[index])
    return prefix[:_LONGEST_PREFIX] + "".join(letters)


def fresh(resource: Resource, metadata: Json, namespace: str, name: str) -> Json:
    """Of a new object: what its author may say, its name and place."""
    place: Json = {"namespace": namespace} if resource.namespaced else {}
    labels = metadata.get("labels") or {}
    if resource is NAMESPACES and "kubernetes.io/metadata.name" not in labels:
        place["labels"] = {**labels, "kubernetes.io/metadata.name": name}
    return {**_said(metadata), "name": name, **place}


def renewed(resource: Resource, metadata: Json, old: Json) -> Json:
    """Of a changed object: what its author may say, and the rest as it was. Its resourceVersion is that of the old."""
    given = _said(metadata)
    kept = {key: old[key] for key in (*_KEPT, "generateName") if key in old}
    if _MANAGED in old and given.get(_MANAGED) is None:
        kept[_MANAGED] = old[_MANAGED]
    place = {"namespace": old["namespace"]} if resource.namespaced else {}
    return {**given, **kept, "name": old["name"], **place, "resourceVersion": old["resourceVersion"]}


def _said(metadata: Json) -> Json:
    """What its author says; of what is empty nothing is kept, as the API server keeps nothing of it."""
    return {key: value for key, value in metadata.items() if key not in _OURS and value not in ({}, [], "")}


def refuse_finalizers(resource: Resource, new: Json, old: Json) -> None:
    """ApiError 422: what is being deleted gets no new finalizers."""
    added = [one for one in new.get("finalizers") or () if one not in (old.get("finalizers") or ())]
    if added and old.get("deletionTimestamp"):
        told = f"Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers {added}"
        raise invalid(resource, old["name"], [Cause("metadata.finalizers", told, "FieldValueForbidden")])
