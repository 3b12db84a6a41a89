"""Deployments to ReplicaSets: one for each template, scaled step by step from the former ones to the present one.

Source of the steps, the events and their words: kube-controller-manager's deployment controller.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lab.api.kinds import complete
from lab.api.resources import DEPLOYMENTS, PODS, REPLICASETS
from lab.api.selectors import Labels
from lab.api.store import Change, Json, Store, key_of
from lab.control.controllers import Key
from lab.control.deployments import revisions
from lab.control.deployments import status as deployment_status
from lab.control.deployments.rollout import Bounds, Scale, new_replicas, old_replicas
from lab.control.events import Recorder
from lab.control.indexes import Labelled, Owned, by_name
from lab.control.ownership import controller_of, owner_name, owner_reference, with_owner, without_owners
from lab.control.pods.podstatus import is_finished, is_terminating
from lab.control.removal import delete

COMPONENT = "deployment-controller"
HISTORY_LIMIT = 10


class Deployments:
    name = "deployment"
    resource = DEPLOYMENTS

    def __init__(self, store: Store, recorder: Recorder) -> None:
        self._store = store
        self._recorder = recorder
        self._replica_sets = Labelled()
        self._owned = Owned(by_name)
        self._pods = Owned(by_name)
        self._here: dict[str, dict[Key, None]] = {}

    def keys(self, change: Change) -> Iterable[Key]:
        if change.resource is DEPLOYMENTS:
            space = self._here.setdefault(change.key[0], {})
            space.pop(change.key, None)
            if change.type != "DELETED":
                space[change.key] = None
            return (change.key,)
        if change.resource is REPLICASETS:
            return self._owners_of(change)
        if change.resource is PODS:
            self._pods.hear(change)
            if change.type == "DELETED":  # Recreate waits for the last pod of the former template
                return self._owners_of_pod(change.object)
        return ()

    def _owners_of(self, change: Change) -> Iterable[Key]:
        self._replica_sets.hear(change)
        self._owned.hear(change)
        found = [one for one in (change.object, change.previous) if one]
        owners: set[Key] = {(change.key[0], name) for one in found if (name := owner_name(one, DEPLOYMENTS))}
        if change.type != "DELETED" and controller_of(change.object) is None:
            owners |= set(self._here.get(change.key[0], ()))
        return owners

    def _owners_of_pod(self, pod: Json) -> Iterable[Key]:
        namespace, _ = key_of(pod)
        owner = self._store.find(REPLICASETS, namespace, owner_name(pod, REPLICASETS))
        name = owner_name(owner, DEPLOYMENTS) if owner else ""
        return ((namespace, name),) if name else ()

    def reconcile(self, key: Key) -> float | None:
        deployment = self._store.find(DEPLOYMENTS, *key)
        if deployment is None:
            return None
        if is_terminating(deployment):
            every = self._found(self._owned.of(deployment["metadata"]["uid"]))
            return self._tell(deployment, *_split(every, deployment), created=False)
        new, olds = _split(self._claimed(deployment), deployment)
        created = False
        if deployment["spec"].get("paused"):
            self._scale_paused(deployment, new, olds)
        else:
            new, created = self._present(deployment, new, olds)
            if (deployment["spec"].get("strategy") or {}).get("type") == "Recreate":
                self._recreate(deployment, new, olds)
            else:
                self._roll(deployment, new, olds)
        latest = self._store.get(DEPLOYMENTS, *key)
        new, olds = _split(self._found(map(key_of, [*olds, *([new] if new else [])])), latest)
        again_in = self._tell(latest, new, olds, created)
        self._forget(self._store.get(DEPLOYMENTS, *key), olds)
        return again_in

    def _claimed(self, deployment: Json) -> list[Json]:
        """Its ReplicaSets, oldest first, after those that no longer match were let go and others taken."""
        uid = deployment["metadata"]["uid"]
        selector = Labels.from_json(deployment["spec"].get("selector")) or Labels()
        mine = []
        for one in self._found(self._owned.of(uid)):
            if selector.matches(one["metadata"].get("labels") or {}):
                mine.append(one)
            else:
                self._store.update(REPLICASETS, without_owners(one, {uid}))
        exact = (deployment["spec"].get("selector") or {}).get("matchLabels") or {}
        for one in self._found(self._replica_sets.candidates(deployment["metadata"]["namespace"], exact)):
            matches = selector.matches(one["metadata"].get("labels") or {})
            if matches and controller_of(one) is None and not is_terminating(one):
                mine.append(self._store.update(REPLICASETS, with_owner(one, owner_reference(DEPLOYMENTS, deployment))))
        return sorted(mine, key=lambda one: (one["metadata"]["creationTimestamp"], revisions.revision_of(one)))

    def _found(self, keys: Iterable[Key]) -> list[Json]:
        return [one for key in keys if (one := self._store.find(REPLICASETS, *key))]

    def _present(self, deployment: Json, new: Json | None, olds: Sequence[Json]) -> tuple[Json | None, bool]:
        """The ReplicaSet of the present template, with its revision; and whether it had to be made."""
        revision = revisions.latest_revision(olds) + 1
        surge = Bounds.of(deployment).surge
        created = new is None
        if new is None:
            new = self._make(deployment, olds, revision)
            if new is None:
                return None, False
        waits = int(deployment["spec"].get("minReadySeconds", 0))
        before = new["metadata"].get("annotations") or {}
        metadata = {**new["metadata"], "annotations": revisions.noted(deployment, before, revision, surge)}
        spec = new["spec"]
        if int(spec.get("minReadySeconds", 0)) != waits:
            spec = {**spec, "minReadySeconds": waits}
        new = self._store.update(REPLICASETS, {**new, "metadata": metadata, "spec": spec})
        self._write_revision(deployment, revisions.revision_of(new))
        return new, created

    def _make(self, deployment: Json, olds: Sequence[Json], revision: int) -> Json | None:
        """Its first pods are made with it, as many as there is room for. None when its name is taken by another: then
        the Deployment's collisionCount goes up, and the next one is called otherwise.
        """
        status = deployment.get("status") or {}
        collisions = int(status.get("collisionCount", 0))
        bounds = Bounds.of(deployment)
        recreate = (deployment["spec"].get("strategy") or {}).get("type") == "Recreate"
        wanted = _wanted(deployment)
        replicas = 0 if recreate and olds else new_replicas(wanted, 0, _scales(olds), bounds)
        digest = revisions.template_hash(deployment, not olds, collisions)
        made = revisions.replica_set(deployment, digest, replicas, revision, bounds.surge)
        if self._store.find(REPLICASETS, *key_of(made)):
            self._store.update(DEPLOYMENTS, {**deployment, "status": {**status, "collisionCount": collisions + 1}})
            return None
        made = self._store.create(REPLICASETS, complete(REPLICASETS, made))
        if replicas:
            self._say_scaled(deployment, made, 0, replicas)
        return made

    def _write_revision(self, deployment: Json, revision: int) -> None:
        latest = self._store.get(DEPLOYMENTS, *key_of(deployment))
        told = {**(latest["metadata"].get("annotations") or {}), revisions.REVISION: str(revision)}
        self._store.update(DEPLOYMENTS, {**latest, "metadata": {**latest["metadata"], "annotations": told}})

    def _roll(self, deployment: Json, new: Json | None, olds: Sequence[Json]) -> None:
        if new is None:
            return
        wanted, bounds, former = _wanted(deployment), Bounds.of(deployment), _scales(olds)
        replicas = new_replicas(wanted, int(new["spec"]["replicas"]), former, bounds)
        if self._scale(deployment, new, replicas):
            return
        fewer = old_replicas(wanted, _scales([new])[0], former, bounds)
        for old in olds:
            if old["metadata"]["name"] in fewer:
                self._scale(deployment, old, fewer[old["metadata"]["name"]])

    def _recreate(self, deployment: Json, new: Json | None, olds: Sequence[Json]) -> None:
        """All pods of former templates are gone before the first of the present one is made."""
        for old in olds:
            self._scale(deployment, old, 0)
        running = any(
            (pod := self._store.find(PODS, *key)) and not is_finished(pod)
            for old in olds
            for key in self._pods.of(old["metadata"]["uid"])
        )
        if new is not None and not running:
            self._scale(deployment, new, _wanted(deployment))

    def _scale_paused(self, deployment: Json, new: Json | None, olds: Sequence[Json]) -> None:
        """No step of a rollout is made, but the number of pods still follows the Deployment's."""
        every = [*olds, *([new] if new else [])]
        active = [one for one in every if one["spec"]["replicas"]]
        if len(active) <= 1 and every:
            self._scale(deployment, (active or every[-1:])[0], _wanted(deployment))

    def _scale(self, deployment: Json, one: Json, replicas: int) -> bool:
        """Give it that many replicas. Gives whether it had another number."""
        latest = self._store.get(REPLICASETS, *key_of(one))
        before = int(latest["spec"]["replicas"])
        if before == replicas:
            return False
        self._store.update(REPLICASETS, {**latest, "spec": {**latest["spec"], "replicas": replicas}})
        self._say_scaled(deployment, latest, before, replicas)
        return True

    def _say_scaled(self, deployment: Json, one: Json, before: int, replicas: int) -> None:
        way = "up" if replicas > before else "down"
        told = f"Scaled {way} replica set {one['metadata']['name']} from {before} to {replicas}"
        self._recorder.record(deployment, "Normal", "ScalingReplicaSet", told, COMPONENT)

    def _tell(self, deployment: Json, new: Json | None, olds: Sequence[Json], created: bool) -> float | None:
        told = deployment_status.status(deployment, new, olds, created, self._store.now())
        self._store.update(DEPLOYMENTS, {**deployment, "status": told.status})
        return told.again_in

    def _forget(self, deployment: Json, olds: Sequence[Json]) -> None:
        """Delete the oldest ReplicaSets of former templates beyond those that are kept for going back."""
        limit = int(deployment["spec"].get("revisionHistoryLimit", HISTORY_LIMIT))
        if len(olds) <= limit or not deployment_status.is_complete(deployment, deployment.get("status") or {}):
            return
        for old in sorted(olds, key=revisions.revision_of)[: len(olds) - limit]:
            idle = not old["spec"]["replicas"] and not (old.get("status") or {}).get("replicas")
            if idle and not is_terminating(old):
                delete(self._store, REPLICASETS, old)


def _wanted(deployment: Json) -> int:
    return int(deployment["spec"].get("replicas", 1))


def _scales(found: Sequence[Json]) -> list[Scale]:
    return [
        Scale(
            one["metadata"]["name"],
            int(one["spec"]["replicas"]),
            int((one.get("status") or {}).get("availableReplicas", 0)),
        )
        for one in found
    ]


def _split(found: Sequence[Json], deployment: Json) -> tuple[Json | None, list[Json]]:
    """The ReplicaSet of the present template (the oldest, if there are several), and the others."""
    new = next((one for one in found if revisions.made_from(one, deployment)), None)
    return new, [one for one in found if one is not new]
