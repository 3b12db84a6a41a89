"""A Deployment's ReplicaSets: one for each template that it has had, with its revision."""

from __future__ import annotations

import json
from collections.abc import Sequence

from lab.api.resources import DEPLOYMENTS
from lab.api.store import Json
from lab.cluster.pod_hashes import replica_set_hash, stable_hash
from lab.control.ownership import owner_reference

HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
_NOT_COPIED = {
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    DESIRED,
    MAXIMUM,
    "deprecated.deployment.rollback.to",
}


def made_from(replica_set: Json, deployment: Json) -> bool:
    """Whether it has the Deployment's present template."""
    return _content(replica_set["spec"]["template"]) == _content(deployment["spec"]["template"])


def _content(template: Json) -> Json:
    """The template without what the controller adds to it."""
    metadata = template.get("metadata") or {}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH}
    kept = {key: value for key, value in metadata.items() if key not in ("labels", "creationTimestamp") and value}
    return {"metadata": {**kept, "labels": labels}, "spec": template.get("spec")}


def template_hash(deployment: Json, first: bool, collisions: int) -> str:
    """The `pod-template-hash`. That of the first template follows from the Deployment's name alone, so that pods are
    called the same wherever the Deployment is made; that of later ones from what they hold.
    """
    namespace, name = deployment["metadata"]["namespace"], deployment["metadata"]["name"]
    if first and not collisions:
        return replica_set_hash(namespace, name)
    content = json.dumps(_content(deployment["spec"]["template"]), sort_keys=True)
    return stable_hash(f"{namespace}/{name}/{content}/{collisions or ''}", 10)


def replica_set(deployment: Json, template_hash: str, replicas: int, revision: int, surge: int) -> Json:
    """The ReplicaSet of the present template."""
    metadata, spec = deployment["metadata"], deployment["spec"]
    template = spec["template"]
    given = template.get("metadata") or {}
    labels = {**(given.get("labels") or {}), HASH: template_hash}
    selector = spec.get("selector") or {}
    waits = {"minReadySeconds": spec["minReadySeconds"]} if spec.get("minReadySeconds") else {}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{metadata['name']}-{template_hash}",
            "namespace": metadata["namespace"],
            "labels": labels,
            "annotations": noted(deployment, {}, revision, surge),
            "ownerReferences": [owner_reference(DEPLOYMENTS, deployment)],
        },
        "spec": {
            "replicas": replicas,
            **waits,
            "selector": {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), HASH: template_hash}},
            "template": {**template, "metadata": {**given, "labels": labels}},
        },
        "status": {"replicas": 0},
    }


def noted(deployment: Json, before: Json, revision: int, surge: int) -> Json:
    """A ReplicaSet's annotations: its Deployment's, its revision (and those it had), and the scale it is part of."""
    own = deployment["metadata"].get("annotations") or {}
    told = {**before, **{key: value for key, value in own.items() if key not in _NOT_COPIED}}
    former = before.get(REVISION)
    if former and int(former) < revision:
        told[HISTORY] = ",".join(filter(None, (before.get(HISTORY), former)))
    wanted = int(deployment["spec"].get("replicas", 1))
    told[REVISION] = str(max(revision, int(former or 0)))
    return {**told, DESIRED: str(wanted), MAXIMUM: str(wanted + surge)}


def revision_of(item: Json) -> int:
    """0 for none."""
    return int((item["metadata"].get("annotations") or {}).get(REVISION, 0))


def latest_revision(replica_sets: Sequence[Json]) -> int:
    return max(map(revision_of, replica_sets), default=0)
