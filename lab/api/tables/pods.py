"""Pods, and what runs them: Deployments, ReplicaSets."""

from __future__ import annotations

from typing import Any

from lab.api.tables.ages import age
from lab.api.tables.column import AGE, NAME, NONE, Column, holds, number, selected, text, wide
from lab.api.tables.podstatus import summary

Json = dict[str, Any]

PODS = (
    NAME,
    text("Ready", "How many of its containers are ready."),
    text("Status", "What its phase and its containers' states come to."),
    text("Restarts", "How often its containers started again, and when one last did."),
    AGE,
    wide("IP", "Its address, which all its containers share."),
    wide("Node", "The node on which it runs."),
    wide("Nominated Node", "The node that is being made free for it."),
    wide("Readiness Gates", "How many of the further conditions for its readiness hold."),
)
_TEMPLATES = (
    wide("Containers", "Its template's containers."),
    wide("Images", "Its template's images."),
    wide("Selector", "The labels of its pods."),
)
DEPLOYMENTS: tuple[Column, ...] = (
    NAME,
    text("Ready", "How many of the wanted pods are ready."),
    number("Up-to-date", "How many pods are of the present template."),
    number("Available", "How many pods have been ready for long enough."),
    AGE,
    *_TEMPLATES,
)
REPLICASETS: tuple[Column, ...] = (
    NAME,
    number("Desired", "How many pods are wanted."),
    number("Current", "How many pods there are."),
    number("Ready", "How many pods are ready."),
    AGE,
    *_TEMPLATES,
)


def pod_cells(pod: Json, now: str) -> list[Any]:
    told = summary(pod)
    restarts = str(told.restarts)
    if told.restarts and told.last_restart:
        restarts += f" ({age(told.last_restart, now)} ago)"
    spec, status, metadata = pod.get("spec") or {}, pod.get("status") or {}, pod["metadata"]
    addresses = status.get("podIPs") or ()
    gates = spec.get("readinessGates") or ()
    passed = sum(holds(status, gate.get("conditionType", "")) for gate in gates)
    return [
        metadata["name"],
        f"{told.ready}/{told.total}",
        told.reason,
        restarts,
        age(metadata.get("creationTimestamp"), now),
        (addresses[0].get("ip") if addresses else status.get("podIP")) or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        f"{passed}/{len(gates)}" if gates else NONE,
    ]


_OUTCOMES = {
    "Succeeded": ("Succeeded", "The pod has completed successfully."),
    "Failed": ("Failed", "The pod failed."),
}


def pod_conditions(pod: Json) -> list[Json]:
    """A row's conditions: that a pod has ended."""
    outcome = _OUTCOMES.get((pod.get("status") or {}).get("phase", ""))
    if outcome is None:
        return []
    reason, message = outcome
    return [{"type": "Completed", "status": "True", "reason": reason, "message": message}]


def deployment_cells(item: Json, now: str) -> list[Any]:
    spec, status = item.get("spec") or {}, item.get("status") or {}
    return [
        item["metadata"]["name"],
        f"{status.get('readyReplicas') or 0}/{spec.get('replicas', 1)}",
        status.get("updatedReplicas") or 0,
        status.get("availableReplicas") or 0,
        age(item["metadata"].get("creationTimestamp"), now),
        *_template_cells(spec),
    ]


def replicaset_cells(item: Json, now: str) -> list[Any]:
    spec, status = item.get("spec") or {}, item.get("status") or {}
    return [
        item["metadata"]["name"],
        spec.get("replicas", 1),
        status.get("replicas") or 0,
        status.get("readyReplicas") or 0,
        age(item["metadata"].get("creationTimestamp"), now),
        *_template_cells(spec),
    ]


def _template_cells(spec: Json) -> list[str]:
    containers = ((spec.get("template") or {}).get("spec") or {}).get("containers") or ()
    names = ",".join(one.get("name", "") for one in containers)
    return [names, ",".join(one.get("image", "") for one in containers), selected(spec.get("selector"))]
