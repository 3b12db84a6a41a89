"""The lab's own objects: made, made again when somebody deletes them, changed only as far as they are the lab's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from lab.api.resources import BY_KIND, CONFIGMAPS, NAMESPACES, NODES, PODS, SERVICECIDRS, Resource
from lab.api.store import Change, Json, Store
from lab.control.controllers import Key
from lab.control.own_objects import SYSTEM, UNKNOWN, Machine, is_as_made, is_own_pod, own_objects, pod_cidrs
from lab.control.pods.podstatus import is_terminating
from lab.control.removal import delete
from lab.topology.schema import Topology

_CONDITIONS = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


class System:
    """What people edit stays edited until the next `use`; a Corefile that they edited stays theirs even then."""

    name = "system"
    resource = None

    def __init__(self, store: Store) -> None:
        self._store = store
        self._wanted: dict[Key, Json] = {}

    def use(
        self,
        topology: Topology,
        addresses: Mapping[str, str],
        corefile: str = "",
        machine: Machine = UNKNOWN,
        blocks: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Bring the store to the objects of this topology, at once; see own_objects for what is given."""
        made = own_objects(topology, addresses, machine, corefile, blocks)
        before, self._wanted = self._wanted, {_key(resource, item): item for resource, item in made}
        for key, wanted in self._wanted.items():
            resource = BY_KIND[key[0], key[1]]
            held = self._store.find(resource, key[2], key[3])
            if held is None:
                self._make(resource, wanted)
            else:
                self._bring(resource, _without_labels(held, before.get(key, wanted), wanted), wanted)
        self._drop()

    def tell_blocks(self, blocks: Mapping[str, Sequence[str]]) -> None:
        """Nodes have these prefixes of pods' addresses now; nothing else is touched."""
        for key, wanted in self._wanted.items():
            resource = BY_KIND[key[0], key[1]]
            held = self._store.find(resource, key[2], key[3]) if resource is NODES else None
            if held is not None:
                spec = {**(wanted.get("spec") or {}), **pod_cidrs(blocks.get(key[3], ()))}
                self._wanted[key] = {**wanted, "spec": spec}
                self._store.update(NODES, _with(held, self._wanted[key]))

    def keys(self, change: Change) -> Iterable[Key]:
        if change.type != "DELETED":
            return ()
        key = _key(change.resource, change.object)
        return (key,) if key in self._wanted else ()

    def reconcile(self, key: Key) -> float | None:
        resource = BY_KIND[key[0], key[1]]
        if key in self._wanted and self._store.find(resource, key[2], key[3]) is None:
            self._make(resource, self._wanted[key])
        return None

    def _make(self, resource: Resource, wanted: Json) -> None:
        if resource is NODES:
            now = self._store.now()
            conditions = [
                {
                    "type": kind,
                    "status": value,
                    "lastHeartbeatTime": now,
                    "lastTransitionTime": now,
                    "reason": reason,
                    "message": message,
                }
                for kind, value, reason, message in _CONDITIONS
            ]
            wanted = {**wanted, "status": {**wanted["status"], "conditions": conditions}}
        elif resource is SERVICECIDRS:
            ready = {"type": "Ready", "status": "True", "lastTransitionTime": self._store.now(), "reason": ""}
            ready["message"] = "Kubernetes default Service CIDR is ready"
            wanted = {**wanted, "status": {"conditions": [ready]}}
        self._store.create(resource, wanted)

    def _bring(self, resource: Resource, held: Json, wanted: Json) -> None:
        """What is there to what is wanted."""
        if resource is PODS:
            if not is_terminating(held) and _runs(held) != _runs(wanted):
                delete(self._store, PODS, held)  # made again when it is gone
        elif resource is not NAMESPACES and not (resource is CONFIGMAPS and not is_as_made(held)):
            self._store.update(resource, _with(held, wanted))

    def _drop(self) -> None:
        """Nodes that the topology no longer has, and DNS pods that are too many."""
        pods = [pod for pod in self._store.each(PODS) if is_own_pod(pod)]
        for resource, items in ((NODES, list(self._store.each(NODES))), (PODS, pods)):
            for item in items:
                if _key(resource, item) not in self._wanted and not is_terminating(item):
                    delete(self._store, resource, item)


def _key(resource: Resource, item: Json) -> Key:
    metadata = item["metadata"]
    return resource.api_version, resource.kind, metadata.get("namespace", ""), metadata["name"]


def _with(held: Json, wanted: Json) -> Json:
    """The object with the lab's fields as the lab wants them, and all others as they are."""
    made = {**held, "metadata": dict(held["metadata"])}
    for mark in ("labels", "annotations"):
        if wanted["metadata"].get(mark):
            made["metadata"][mark] = {**(held["metadata"].get(mark) or {}), **wanted["metadata"][mark]}
    for part, value in wanted.items():
        if part not in ("apiVersion", "kind", "metadata"):
            made[part] = {**(held.get(part) or {}), **value} if isinstance(value, dict) else value
    return made


def _without_labels(held: Json, before: Json, wanted: Json) -> Json:
    """The object without the labels that the lab gave it before and gives it no longer."""
    gone = (before["metadata"].get("labels") or {}).keys() - (wanted["metadata"].get("labels") or {}).keys()
    if not gone:
        return held
    labels = {key: value for key, value in (held["metadata"].get("labels") or {}).items() if key not in gone}
    return {**held, "metadata": {**held["metadata"], "labels": labels}}


def _runs(pod: Json) -> tuple[object, ...]:
    """Which server, and where."""
    return (pod["metadata"].get("annotations") or {}).get(SYSTEM), pod["spec"].get("nodeName")
