"""What becomes of an object that is deleted: it goes at once, or stays, marked, until others have done their part."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from lab.api.errors import ApiError, conflict, forbidden
from lab.api.resources import NAMESPACES, PODS, Resource

Json = dict[str, Any]
Propagation = Literal["", "Background", "Foreground", "Orphan"]

GRACE = 30
"""Seconds for a pod's programs to end, when the pod does not say (Kubernetes: terminationGracePeriodSeconds)."""

_FINALIZERS = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}
_KEPT_NAMESPACES = ("default", "kube-system", "kube-public")
_ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class Deletion:
    """How to delete. `grace` in seconds, None for the kind's own; `uid` and `revision` are what the object must have.

    `propagation` is what happens to what the object owns; "" leaves it as the object's finalizers say.
    """

    propagation: Propagation = ""
    grace: int | None = None
    uid: str = ""
    revision: str = ""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Deleted:
    """The object's last state, and whether it is gone already."""

    object: Json
    gone: bool


def refuse(resource: Resource, item: Json, deletion: Deletion) -> None:
    """ApiError 403 for what must stay, 409 when it is not the object that is meant or is being deleted already."""
    metadata = item["metadata"]
    name = metadata["name"]
    for mark, wanted, words in (
        ("uid", deletion.uid, "UID"),
        ("resourceVersion", deletion.revision, "ResourceVersion"),
    ):
        if wanted and wanted != metadata[mark]:
            why = f"Precondition failed: {words} in precondition: {wanted}, {words} in object meta: {metadata[mark]}"
            raise conflict(resource, name, why)
    if resource is not NAMESPACES:
        return
    if name in _KEPT_NAMESPACES:
        raise forbidden(resource, name, "this namespace may not be deleted")
    if metadata.get("deletionTimestamp") and item["spec"].get("finalizers"):
        told = "The system is ensuring all content is removed from this namespace. Upon completion, "
        raise conflict(resource, name, told + "this namespace will automatically be purged by the system.")


def terminating(namespace: str, resource: Resource, name: str) -> ApiError:
    """Nothing new may be made in a namespace that is being deleted."""
    why = f"unable to create new content in namespace {namespace} because it is being terminated"
    refusal = forbidden(resource, name, why)
    cause = f"namespace {namespace} is being terminated"
    refusal.details["causes"] = [{"reason": "NamespaceTerminating", "message": cause, "field": "metadata.namespace"}]
    return refusal


def marked(resource: Resource, item: Json, deletion: Deletion, now: str) -> Json | None:
    """The object as it stands while it is being deleted; None when nothing keeps it.

    A pod's deletionTimestamp is the end of its grace period, which a further deletion can only shorten.
    """
    metadata = item["metadata"]
    finalizers = _finalizers(metadata.get("finalizers") or [], deletion.propagation)
    grace = _grace(item, deletion.grace) if resource is PODS else 0
    if not grace and not finalizers and not (resource is NAMESPACES and item["spec"].get("finalizers")):
        return None
    rest = {key: value for key, value in metadata.items() if key != "finalizers"}
    if finalizers:
        rest["finalizers"] = finalizers
    left = metadata.get("deletionGracePeriodSeconds")
    if left is None:
        rest |= {"deletionTimestamp": _after(now, grace), "deletionGracePeriodSeconds": grace}
    elif left != grace:
        end = _after(metadata["deletionTimestamp"], grace - left)
        rest |= {"deletionTimestamp": end, "deletionGracePeriodSeconds": grace}
    new = {**item, "metadata": rest}
    if resource is NAMESPACES:
        new["status"] = {**item.get("status", {}), "phase": "Terminating"}
    return new


def _grace(pod: Json, asked: int | None) -> int:
    """Seconds that the pod's programs still have. One that no node runs has nothing to end."""
    if not pod["spec"].get("nodeName") or pod.get("status", {}).get("phase") in _ENDED:
        return 0
    own = int(pod["spec"].get("terminationGracePeriodSeconds", GRACE))
    left = pod["metadata"].get("deletionGracePeriodSeconds")
    if left is not None:
        return int(left) if asked is None else min(int(left), asked)
    return own if asked is None else asked


def _finalizers(held: list[str], propagation: Propagation) -> list[str]:
    if not propagation:
        return held
    kept = [one for one in held if one not in _FINALIZERS.values()]
    return [*kept, _FINALIZERS[propagation]] if propagation in _FINALIZERS else kept


_FORM = "%Y-%m-%dT%H:%M:%SZ"


def _after(moment: str, seconds: int) -> str:
    """Times as the API writes them. What lies beyond the calendar is its last second."""
    try:
        return (datetime.strptime(moment, _FORM) + timedelta(seconds=seconds)).strftime(_FORM)
    except OverflowError:
        return "9999-12-31T23:59:59Z"
