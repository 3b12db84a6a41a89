"""A pod as one of a ReplicaSet's: what it is to its owner, and how much it would be missed.

Source of the order of deletion: kube-controller-manager, controller_utils.go.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from lab.api.selectors import Labels
from lab.api.store import Json
from lab.control.moments import seconds_between
from lab.control.pods.podstatus import is_finished, is_ready, is_terminating

COST = "controller.kubernetes.io/pod-deletion-cost"


@dataclass(frozen=True, slots=True)
class Replica:
    """A pod as one of a ReplicaSet's; `owner` is the specification against which it was judged."""

    pod: Json
    owner: Json
    matches: bool
    is_active: bool
    ready: bool
    labelled: bool
    node: str


def replica(owner: Json, selector: Labels, pod: Json) -> Replica:
    """What the pod is to that owner, whose selector this is."""
    labels = pod["metadata"].get("labels") or {}
    template = owner["spec"].get("template", {}).get("metadata", {}).get("labels") or {}
    return Replica(
        pod,
        owner["spec"],
        selector.matches(labels),
        not is_finished(pod) and not is_terminating(pod),
        is_ready(pod),
        template.items() <= labels.items(),
        pod["spec"].get("nodeName", ""),
    )


def worth(one: Replica, crowd: Counter[str]) -> tuple[object, ...]:
    """Sorts first what is to be deleted first: not on a node, pending, unready, cheaper as its annotation says, on a
    node with more of its kind (ready ones only; `crowd` counts them), ready for a shorter time, newer.
    """
    status, metadata = one.pod.get("status", {}), one.pod["metadata"]
    cost = (metadata.get("annotations") or {}).get(COST, "0")
    return (
        bool(one.node),
        {"Pending": 0, "Unknown": 1}.get(status.get("phase", "Pending"), 2),
        one.ready,
        int(cost) if re.fullmatch(r"-?[0-9]{1,10}", cost) else 0,
        -crowd[one.node] if one.ready else 0,
        _later(_ready_since(one.pod)),
        _later(metadata["creationTimestamp"]),
        metadata["name"],
    )


def _later(moment: str) -> float:
    """Sorts later moments first."""
    return seconds_between(moment, "1970-01-01T00:00:00Z") if moment else 0.0


def _ready_since(pod: Json) -> str:
    conditions = pod.get("status", {}).get("conditions") or ()
    return next((one["lastTransitionTime"] for one in conditions if one["type"] == "Ready"), "")


def seconds_left(pod: Json, wait: int, now: str) -> float:
    """Until a pod that is ready counts as available."""
    return wait - seconds_between(_ready_since(pod), now)
