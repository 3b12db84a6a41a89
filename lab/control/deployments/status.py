"""A Deployment's status: its counts, and the conditions that `kubectl rollout status` reads.

Source of conditions, reasons and messages: kube-controller-manager's deployment controller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.api.store import Json
from lab.control.deployments.rollout import Bounds
from lab.control.moments import seconds_between

DEADLINE = 600
"""Seconds without progress until a rollout counts as stuck, unless the Deployment says otherwise."""

_NO_DEADLINE = 2**31 - 1
_COUNTS = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas")


@dataclass(frozen=True, slots=True)
class Told:
    """The status, and the seconds until it changes by itself if nothing happens."""

    status: Json
    again_in: float | None


def status(deployment: Json, new: Json | None, olds: Sequence[Json], created: bool, now: str) -> Told:
    """`new` is the ReplicaSet of the present template, None while there is none; `created` whether it was made now."""
    spec, before = deployment["spec"], deployment.get("status") or {}
    counts = _counts(new, olds)
    wanted = int(spec.get("replicas", 1))
    told: Json = {
        "observedGeneration": deployment["metadata"].get("generation", 1),
        **{name: count for name, count in counts.items() if count},
    }
    if before.get("collisionCount"):
        told["collisionCount"] = before["collisionCount"]
    conditions = {one["type"]: one for one in before.get("conditions") or ()}
    _judge_availability(conditions, counts["availableReplicas"] >= wanted - Bounds.of(deployment).unavailable, now)
    again_in = _judge_progress(conditions, deployment, new, counts, created, now)
    told["conditions"] = list(conditions.values())
    return Told(told, again_in)


def is_complete(deployment: Json, counts: Json) -> bool:
    """Whether all pods that are wanted are of the present template and available, and no other is left."""
    wanted = int(deployment["spec"].get("replicas", 1))
    names = ("updatedReplicas", "replicas", "availableReplicas")
    return all(counts.get(name, 0) == wanted for name in names)


def _counts(new: Json | None, olds: Sequence[Json]) -> dict[str, int]:
    every = [*olds, *([new] if new else [])]

    def total(field: str) -> int:
        return sum(int((one.get("status") or {}).get(field, 0)) for one in every)

    asked = sum(int(one["spec"].get("replicas", 1)) for one in every)
    available = total("availableReplicas")
    updated = int((new.get("status") or {}).get("replicas", 0)) if new else 0
    numbers = (total("replicas"), updated, total("readyReplicas"), available, max(0, asked - available))
    return dict(zip(_COUNTS, numbers, strict=True))


def _judge_availability(conditions: dict[str, Json], enough: bool, now: str) -> None:
    words = "has" if enough else "does not have"
    reason = "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable"
    _put(conditions, "Available", str(enough), reason, f"Deployment {words} minimum availability.", now)


def _judge_progress(
    conditions: dict[str, Json], deployment: Json, new: Json | None, counts: dict[str, int], created: bool, now: str
) -> float | None:
    """The condition Progressing; gives the seconds until the deadline for progress."""
    kind = "Progressing"
    spec, before = deployment["spec"], deployment.get("status") or {}
    deadline = int(spec.get("progressDeadlineSeconds", DEADLINE))
    was = conditions.get(kind, {})
    name = new["metadata"]["name"] if new else ""
    if spec.get("paused"):
        _put(conditions, kind, "Unknown", "DeploymentPaused", "Deployment is paused", now)
        return None
    if deadline == _NO_DEADLINE or new is None:
        return None
    if is_complete(deployment, counts):
        told = f'ReplicaSet "{name}" has successfully progressed.'
        _put(conditions, kind, "True", "NewReplicaSetAvailable", told, now)
        return None
    if created:
        told = f'Created new replica set "{name}"'
        _put(conditions, kind, "True", "NewReplicaSetCreated", told, now, always=True)
    elif was.get("reason") == "DeploymentPaused":
        _put(conditions, kind, "Unknown", "DeploymentResumed", "Deployment is resumed", now)
    elif not was:
        _put(conditions, kind, "True", "FoundNewReplicaSet", f'Found new replica set "{name}"', now)
    elif _has_progressed(before, counts):
        told = f'ReplicaSet "{name}" is progressing.'
        _put(conditions, kind, "True", "ReplicaSetUpdated", told, now, always=True)
    elif was.get("reason") == "NewReplicaSetAvailable":
        return None  # it was complete once: that a pod became unready later is no rollout
    since = conditions[kind]["lastUpdateTime"]
    left = deadline - seconds_between(since, now)
    if left <= 0 and conditions[kind]["status"] != "False":
        told = f'ReplicaSet "{name}" has timed out progressing.'
        _put(conditions, kind, "False", "ProgressDeadlineExceeded", told, now)
    return max(left, 0.1) if conditions[kind]["status"] != "False" else None


def _has_progressed(before: Json, counts: dict[str, int]) -> bool:
    """More pods of the present template or ready ones than before, or fewer of former ones."""
    old = before.get("replicas", 0) - before.get("updatedReplicas", 0)
    return (
        any(counts[name] > before.get(name, 0) for name in ("updatedReplicas", "readyReplicas", "availableReplicas"))
        or counts["replicas"] - counts["updatedReplicas"] < old
    )


def _put(
    conditions: dict[str, Json], kind: str, value: str, reason: str, message: str, now: str, *, always: bool = False
) -> None:
    """Set the condition. The time of its last update follows any change of it, or is always set."""
    before = conditions.get(kind, {})
    if not always and (before.get("status"), before.get("reason"), before.get("message")) == (value, reason, message):
        return
    changed = before.get("lastTransitionTime", now) if before.get("status") == value else now
    conditions[kind] = {
        "type": kind,
        "status": value,
        "lastUpdateTime": now,
        "lastTransitionTime": changed,
        "reason": reason,
        "message": message,
    }
