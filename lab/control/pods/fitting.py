"""Whether a pod may go to a node: what the pod asks of nodes, what the node refuses.

Source of the order of the filters and of their words: kube-scheduler.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lab.api.selectors import Requirement
from lab.api.store import Json

_FORBIDDING = ("NoSchedule", "NoExecute")
UNSCHEDULABLE = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


def refusal(pod: Json, node: Json) -> str:
    """Why the pod cannot go to the node; "" when it can."""
    tolerations = pod["spec"].get("tolerations") or ()
    spec = node.get("spec") or {}
    if spec.get("unschedulable") and not _is_tolerated(UNSCHEDULABLE, tolerations):
        return "node(s) were unschedulable"
    for taint in spec.get("taints") or ():
        if taint.get("effect") in _FORBIDDING and not _is_tolerated(taint, tolerations):
            return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
    if not _is_selected(pod["spec"], node):
        return "node(s) didn't match Pod's node affinity/selector"
    return ""


def verdict(refusals: Sequence[str]) -> str:
    """One sentence about all nodes, none of which takes the pod."""
    if not refusals:
        return "no nodes available to schedule pods"
    counts = Counter(refusals)
    reasons = ", ".join(sorted(f"{count} {reason}" for reason, count in counts.items()))
    return f"0/{len(refusals)} nodes are available: {reasons}."


def _is_tolerated(taint: Json, tolerations: Sequence[Json]) -> bool:
    return any(_tolerates(one, taint) for one in tolerations)


def _tolerates(toleration: Json, taint: Json) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(toleration.get("key")) and toleration.get("value", "") == taint.get("value", "")


def _is_selected(spec: Json, node: Json) -> bool:
    """Whether the node has the labels of nodeSelector and one of the terms that node affinity requires."""
    labels = node["metadata"].get("labels") or {}
    if not (spec.get("nodeSelector") or {}).items() <= labels.items():
        return False
    affinity = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    if not affinity:
        return True
    fields = {"metadata.name": node["metadata"]["name"]}
    return any(
        (term.get("matchExpressions") or term.get("matchFields"))
        and _hold(term.get("matchExpressions"), labels)
        and _hold(term.get("matchFields"), fields)
        for term in affinity.get("nodeSelectorTerms") or ()
    )


def _hold(requirements: Sequence[Json] | None, values: dict[str, str]) -> bool:
    return all(
        Requirement(one["key"], one["operator"], tuple(one.get("values") or ())).holds(values)
        for one in requirements or ()
    )
