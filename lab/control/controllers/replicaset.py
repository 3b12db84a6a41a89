"""ReplicaSets to Pods: as many as wanted, made and deleted, taken on and let go by their labels.

Source of the order of deletion, the events and their words: kube-controller-manager's replicaset controller.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from lab.api.kinds import complete
from lab.api.resources import PODS, REPLICASETS
from lab.api.selectors import Labels
from lab.api.store import Change, Json, Store, key_of
from lab.cluster.pod_hashes import names_of_pods
from lab.control.controllers import Key
from lab.control.events import Recorder
from lab.control.indexes import Labelled, Owned, by_name
from lab.control.ownership import controller_of, owner_name, owner_reference, with_owner, without_owners
from lab.control.pods.podstatus import is_terminating
from lab.control.pods.replicas import Replica, replica, seconds_left, worth
from lab.control.removal import delete

COMPONENT = "replicaset-controller"


AT_ONCE = 100
"""So many pods are made at one look, as kube-controller-manager makes 500; hearing of them it looks again."""


class ReplicaSets:
    name = "replicaset"
    resource = REPLICASETS

    def __init__(self, store: Store, recorder: Recorder) -> None:
        self._store = store
        self._recorder = recorder
        self._orphans = Labelled()
        self._owned = Owned(by_name)
        self._here: dict[str, dict[Key, None]] = {}
        self._replicas: dict[Key, Replica] = {}
        self._names: dict[Key, tuple[list[str], Iterator[str]]] = {}

    def keys(self, change: Change) -> Iterable[Key]:
        if change.resource is REPLICASETS:
            space = self._here.setdefault(change.key[0], {})
            if change.type == "DELETED":
                space.pop(change.key, None)
                self._names.pop(change.key, None)
            else:
                space[change.key] = None
            return (change.key,) if _asks(change) else ()
        if change.resource is not PODS:
            return ()
        self._owned.hear(change)
        if change.type == "DELETED":
            self._replicas.pop(change.key, None)
        orphan = change.type != "DELETED" and controller_of(change.object) is None
        self._orphans.hear(change if orphan else replace(change, type="DELETED"))
        pods = [one for one in (change.object, change.previous) if one]
        owners: set[Key] = {(change.key[0], name) for pod in pods if (name := owner_name(pod, REPLICASETS))}
        if orphan:
            owners |= set(self._selecting(change.object))
        return owners

    def _selecting(self, pod: Json) -> Iterator[Key]:
        """The ReplicaSets that would take a pod that nobody owns."""
        namespace, _ = key_of(pod)
        labels = pod["metadata"].get("labels") or {}
        for key in self._here.get(namespace, ()):
            found = self._store.find(REPLICASETS, *key)
            selector = Labels.from_json(found["spec"].get("selector")) if found else None
            if selector and selector.matches(labels):
                yield key

    def reconcile(self, key: Key) -> float | None:
        owner = self._store.find(REPLICASETS, *key)
        if owner is None:
            return None
        active = [one for one in self._claimed(owner) if one.is_active]
        if not is_terminating(owner):
            wanted = int(owner["spec"].get("replicas", 1))
            if len(active) < wanted:
                active += self._make(owner, wanted - len(active))
            elif len(active) > wanted:
                active = self._delete(owner, active, len(active) - wanted)
        return self._tell(owner, active)

    def _claimed(self, owner: Json) -> list[Replica]:
        """Its pods, after those that no longer match were let go, and those that match and have no owner taken."""
        uid = owner["metadata"]["uid"]
        selector = Labels.from_json(owner["spec"].get("selector")) or Labels()
        going = is_terminating(owner)
        mine = []
        for pod in self._found(self._owned.of(uid)):
            one = self._replica(owner, selector, pod)
            if one.matches:
                mine.append(one)
            elif not going:
                self._store.update(PODS, without_owners(pod, {uid}))
        if going:
            return mine
        exact = (owner["spec"].get("selector") or {}).get("matchLabels") or {}
        for pod in self._found(self._orphans.candidates(owner["metadata"]["namespace"], exact)):
            one = self._replica(owner, selector, pod)
            if one.matches and one.is_active and controller_of(pod) is None:
                taken = self._store.update(PODS, with_owner(pod, owner_reference(REPLICASETS, owner)))
                mine.append(self._replica(owner, selector, taken))
        return mine

    def _replica(self, owner: Json, selector: Labels, pod: Json) -> Replica:
        """What the pod is to this owner; remembered as long as neither of the two changes."""
        key = pod["metadata"]["namespace"], pod["metadata"]["name"]
        known = self._replicas.get(key)
        if known is None or known.pod is not pod or known.owner is not owner["spec"]:
            known = self._replicas[key] = replica(owner, selector, pod)
        return known

    def _found(self, keys: Iterable[Key]) -> list[Json]:
        """The pods that are still there, as they are now."""
        return [pod for key in keys if (pod := self._store.find(PODS, *key))]

    def _make(self, owner: Json, number: int) -> list[Replica]:
        made = []
        selector = Labels.from_json(owner["spec"].get("selector")) or Labels()
        names = self._free_names(owner)
        for _ in range(min(number, AT_ONCE)):
            pod = self._store.create(PODS, complete(PODS, _pod(owner, next(names))))
            told = f"Created pod: {pod['metadata']['name']}"
            self._recorder.record(owner, "Normal", "SuccessfulCreate", told, COMPONENT)
            made.append(self._replica(owner, selector, pod))
        return made

    def _free_names(self, owner: Json) -> Iterator[str]:
        """The first names of its pods' that no pod has; what was counted once is remembered."""
        namespace, name = key = key_of(owner)
        known, more = self._names.setdefault(key, ([], names_of_pods(namespace, name)))
        index = 0
        while True:
            if index == len(known):
                known.append(next(more))
            if self._store.find(PODS, namespace, known[index]) is None:
                yield known[index]
            index += 1

    def _delete(self, owner: Json, active: list[Replica], number: int) -> list[Replica]:
        """Delete so many, those first that would be missed least. Gives those that stay."""
        crowd = Counter(one.node for one in active)
        ranked = sorted(active, key=lambda one: worth(one, crowd))
        for one in ranked[:number]:
            delete(self._store, PODS, one.pod)
            told = f"Deleted pod: {one.pod['metadata']['name']}"
            self._recorder.record(owner, "Normal", "SuccessfulDelete", told, COMPONENT)
        return ranked[number:]

    def _tell(self, owner: Json, active: Sequence[Replica]) -> float | None:
        """Write the status. Gives the seconds until the next pod has been ready for as long as it must."""
        wait = int(owner["spec"].get("minReadySeconds", 0))
        ready = [one for one in active if one.ready]
        left = [seconds_left(one.pod, wait, self._store.now()) for one in ready] if wait else [0.0] * len(ready)
        counts = {
            "fullyLabeledReplicas": sum(one.labelled for one in active),
            "readyReplicas": len(ready),
            "availableReplicas": sum(seconds <= 0 for seconds in left),
        }
        told = {"replicas": len(active)} | {name: count for name, count in counts.items() if count}
        latest = self._store.find(REPLICASETS, *key_of(owner))
        if latest is not None:
            told["observedGeneration"] = owner["metadata"]["generation"]
            self._store.update(REPLICASETS, {**latest, "status": told})
        return min((seconds for seconds in left if seconds > 0), default=None)


def _asks(change: Change) -> bool:
    """Whether more than the status changed, which is this controller's own."""
    before = change.previous
    if before is None or change.type != "MODIFIED":
        return True
    metadata, former = change.object["metadata"], before["metadata"]
    same = change.object["spec"] == before["spec"]
    return not same or metadata.get("deletionTimestamp") != former.get("deletionTimestamp")


def _pod(owner: Json, name: str) -> Json:
    template = owner["spec"]["template"]
    given = template.get("metadata", {})
    metadata = {
        "name": name,
        "generateName": f"{owner['metadata']['name']}-",
        "namespace": owner["metadata"]["namespace"],
        **{mark: dict(given[mark]) for mark in ("labels", "annotations") if given.get(mark)},
        "ownerReferences": [owner_reference(REPLICASETS, owner)],
    }
    finalizers = {"finalizers": given["finalizers"]} if given.get("finalizers") else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata | finalizers,
        "spec": template["spec"],
        "status": {"phase": "Pending"},
    }
