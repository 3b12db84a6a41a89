"""Pods to nodes: where they may go, and of those where there are fewest, in the order in which they were made."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from lab.api.resources import NODES, PODS
from lab.api.store import Change, Json, Key, Store
from lab.cluster.nodes import MAX_PODS, too_many
from lab.control import controllers
from lab.control.events import Recorder
from lab.control.pods.fitting import refusal, verdict
from lab.control.pods.podstatus import is_finished, is_terminating, with_condition

COMPONENT = "default-scheduler"
NOWHERE: Mapping[Key, str] = MappingProxyType({})
_ASKED = ("nodeSelector", "affinity", "tolerations")


class Scheduling:
    """Nodes count in the order in which they came to be; the first of those with the fewest pods is taken. `kept` are
    nodes on which pods ran in a lab of before: where they fit, they are put there again.
    """

    name = "scheduling"
    resource = PODS

    def __init__(self, store: Store, recorder: Recorder, kept: Mapping[Key, str] = NOWHERE) -> None:
        self._store = store
        self._kept = kept
        self._recorder = recorder
        self._load: dict[str, int] = {}
        self._where: dict[Key, str] = {}
        self._waiting: dict[Key, None] = {}
        self._nodes: dict[str, None] = {}
        self._fitting: dict[str, tuple[list[str], str]] = {}  # by what pods ask for

    def keys(self, change: Change) -> Iterable[controllers.Key]:
        if change.resource is NODES:
            return self._node(change)
        if change.resource is not PODS:
            return ()
        key, pod = change.key, change.object
        if change.type == "DELETED":
            self._waiting.pop(key, None)
            return (key,)
        node = pod["spec"].get("nodeName", "")
        if node and self._where.get(key) == node and not is_finished(pod):
            return ()
        return (key,)

    def _node(self, change: Change) -> Iterable[controllers.Key]:
        """All pods that wait, when something changed that they may ask of a node."""
        name = change.key[1]
        if change.type == "DELETED":
            self._nodes.pop(name, None)
        else:
            self._nodes.setdefault(name)
        if change.type == "MODIFIED" and change.previous and _offer(change.previous) == _offer(change.object):
            return ()
        self._fitting.clear()
        return tuple(self._waiting)

    def reconcile(self, key: controllers.Key) -> float | None:
        namespace, name = key
        pod = self._store.find(PODS, namespace, name)
        self._waiting.pop((namespace, name), None)
        node = pod["spec"].get("nodeName", "") if pod and not is_finished(pod) else ""
        self._count((namespace, name), node)
        if pod is None or node or is_terminating(pod) or is_finished(pod):
            return None
        if pod["spec"].get("schedulerName", COMPONENT) != COMPONENT:
            return None
        self._waiting[namespace, name] = None
        if pod["spec"].get("schedulingGates"):
            told = "Scheduling is blocked due to non-empty scheduling gates"
            self._store.update(PODS, self._refused(pod, "SchedulingGated", told))
            return None
        fitting, why = self._fit(pod)
        if fitting:
            before = self._kept.get((namespace, name), "")
            fewest = min(fitting, key=lambda one: self._load.get(one, 0))
            self._bind(pod, before if before in fitting else fewest)
        else:
            self._recorder.record(pod, "Warning", "FailedScheduling", why, COMPONENT)
            self._store.update(PODS, self._refused(pod, "Unschedulable", why))
        return None

    def _fit(self, pod: Json) -> tuple[list[str], str]:
        """The nodes that take the pod, in order; and why none does."""
        asked = json.dumps([pod["spec"].get(field) for field in _ASKED], sort_keys=True)
        if asked not in self._fitting:
            found = [node for name in self._nodes if (node := self._store.find(NODES, "", name))]
            refusals = {node["metadata"]["name"]: refusal(pod, node) for node in found}
            fitting = [name for name, why in refusals.items() if not why]
            self._fitting[asked] = fitting, "" if fitting else verdict(list(refusals.values()))
        return self._fitting[asked]

    def _bind(self, pod: Json, node: str) -> None:
        key = pod["metadata"]["namespace"], pod["metadata"]["name"]
        self._waiting.pop(key, None)
        self._count(key, node)
        placed = with_condition({**pod, "spec": {**pod["spec"], "nodeName": node}}, "PodScheduled", True, self._now())
        placed = self._store.update(PODS, placed)
        told = f"Successfully assigned {key[0]}/{key[1]} to {node}"
        self._recorder.record(placed, "Normal", "Scheduled", told, COMPONENT)

    def _refused(self, pod: Json, reason: str, message: str) -> Json:
        pod = {**pod, "status": {"phase": "Pending", **(pod.get("status") or {})}}
        return with_condition(pod, "PodScheduled", False, self._now(), {"reason": reason, "message": message})

    def _count(self, key: Key, node: str) -> None:
        """The pod is on that node now, on none if that is ""."""
        before = self._where.pop(key, "")
        if node:
            self._where[key] = node
        if before == node:
            return
        if before:
            self._load[before] -= 1
        if not node:
            return
        self._load[node] = self._load.get(node, 0) + 1
        crowded = self._store.find(NODES, "", node) if self._load[node] == MAX_PODS + 1 else None
        if crowded is not None:
            self._recorder.record(crowded, "Warning", "TooManyPods", too_many(node), COMPONENT)

    def _now(self) -> str:
        return self._store.now()


def _offer(node: Json) -> tuple[object, ...]:
    """What pods may ask of a node."""
    spec = node.get("spec") or {}
    return node["metadata"].get("labels"), spec.get("unschedulable"), spec.get("taints")
