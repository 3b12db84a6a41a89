"""The scale of a Deployment or ReplicaSet: its replicas, as a kind of their own (autoscaling/v1)."""

from __future__ import annotations

from typing import Any

from lab.api.errors import ApiError, bad_request
from lab.api.selectors import Labels

Json = dict[str, Any]

API_VERSION, KIND = "autoscaling/v1", "Scale"

_SHARED = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def scale_of(item: Json) -> Json:
    """How many there should be and are, and the selector of the pods that count."""
    spec, status = item["spec"], item.get("status") or {}
    return {
        "kind": KIND,
        "apiVersion": API_VERSION,
        "metadata": {key: item["metadata"][key] for key in _SHARED if key in item["metadata"]},
        "spec": {"replicas": spec.get("replicas", 1)},
        "status": {
            "replicas": status.get("replicas", 0),
            "selector": str(Labels.from_json(spec.get("selector")) or ""),
        },
    }


def scaled(item: Json, scale: Json) -> Json:
    """The object with the replicas of the Scale and, where that has one, its resourceVersion. ApiError 400, 422."""
    if scale.get("kind", KIND) != KIND:
        raise bad_request(f"the object provided is unrecognized (must be of type Scale): {scale.get('kind')}")
    spec, metadata = scale.get("spec") or {}, scale.get("metadata") or {}
    replicas = spec.get("replicas", 0) if isinstance(spec, dict) else None
    if not isinstance(replicas, int) or isinstance(replicas, bool) or not isinstance(metadata, dict):
        raise bad_request('Scale in version "v1" cannot be handled as a Scale: spec.replicas must be a whole number')
    name = item["metadata"]["name"]
    if replicas < 0:
        told = f"Invalid value: {replicas}: must be greater than or equal to 0"
        causes = [{"reason": "FieldValueInvalid", "message": told, "field": "spec.replicas"}]
        details = {"name": name, "group": "autoscaling", "kind": KIND, "causes": causes}
        raise ApiError(422, "Invalid", f'{KIND}.autoscaling "{name}" is invalid: spec.replicas: {told}', details)
    if metadata.get("name", name) != name:
        raise bad_request(f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})")
    marks = {mark: metadata[mark] for mark in ("resourceVersion", "uid") if metadata.get(mark)}
    return {**item, "metadata": {**item["metadata"], **marks}, "spec": {**item["spec"], "replicas": replicas}}
