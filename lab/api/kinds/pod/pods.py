"""Pods: what the API server and its admission fill in, and what of them may change. Source: kube-apiserver."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lab.api.errors import Cause
from lab.api.kinds.filling import filled
from lab.api.kinds.pod.podspecs import complete_spec, spec_causes
from lab.api.kinds.pod.quantities import quality_of_service
from lab.api.kinds.violations import forbidden, invalid

Json = dict[str, Any]

_TOLERATED = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_TOLERATIONS: list[Json] = [
    {"effect": "NoExecute", "key": key, "operator": "Exists", "tolerationSeconds": 300} for key in _TOLERATED
]
_ADMITTED: Json = {
    "enableServiceLinks": True,
    "preemptionPolicy": "PreemptLowerPriority",
    "priority": 0,
    "serviceAccount": "default",
    "serviceAccountName": "default",
    "tolerations": _TOLERATIONS,
}


def complete_pod(pod: Json) -> Json:
    """A pod as the API server stores it."""
    spec = filled(_ADMITTED, complete_spec(pod.get("spec") or {}))
    if spec["tolerations"] is not _TOLERATIONS:
        spec["tolerations"] = _tolerations(spec["tolerations"])
    status = pod.get("status") or {}
    if "phase" not in status or "qosClass" not in status:
        status = {"phase": "Pending", "qosClass": quality_of_service(spec), **status}
    return {**pod, "spec": spec, "status": status}


def _tolerations(given: list[Json]) -> list[Json]:
    """With those that every pod has, unless it says itself how long it stays on such a node."""
    said = {
        key
        for one in given
        for key in _TOLERATED
        if one.get("key") in (key, None, "") and one.get("effect") in ("NoExecute", None, "")
    }
    return given if len(said) == len(_TOLERATED) else [*given, *(one for one in _TOLERATIONS if one["key"] not in said)]


def pod_causes(new: Json, old: Json | None) -> Iterator[Cause]:
    """A specification that did not change was right before."""
    if old is None or new["spec"] != old["spec"]:
        yield from spec_causes("spec", new["spec"])
        if old is not None:
            yield from _update_causes(new["spec"], old["spec"])


_UPDATABLE = ",".join(
    (
        "`spec.containers[*].image`",
        "`spec.initContainers[*].image`",
        "`spec.activeDeadlineSeconds`",
        "`spec.tolerations` (only additions to existing tolerations)",
        "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
    )
)


def _update_causes(new: Json, old: Json) -> Iterator[Cause]:
    for part in ("containers", "initContainers"):
        if len(new.get(part) or ()) != len(old.get(part) or ()):
            yield forbidden(f"spec.{part}", "pod updates may not add or remove containers")
            return
    yield from _deadline_causes(new.get("activeDeadlineSeconds"), old.get("activeDeadlineSeconds"))
    kept = [_but_seconds(one) for one in new.get("tolerations") or ()]
    if any(_but_seconds(one) not in kept for one in old.get("tolerations") or ()):
        told = "existing toleration can not be modified except its tolerationSeconds"
        yield forbidden("spec.tolerations", told)
    if _frozen(new) != _frozen(old):
        yield forbidden("spec", f"pod updates may not change fields other than {_UPDATABLE}{_difference(new, old)}")


def _but_seconds(toleration: Json) -> Json:
    return {key: value for key, value in toleration.items() if key != "tolerationSeconds"}


def _deadline_causes(new: int | None, old: int | None) -> Iterator[Cause]:
    field = "spec.activeDeadlineSeconds"
    if old is not None and new is None:
        yield invalid(field, new, "must not update from a positive integer to nil value")
    elif old is not None and new is not None and new > old:
        yield invalid(field, new, "must be less than or equal to previous value")


_FREE = ("activeDeadlineSeconds", "tolerations", "schedulingGates")


def _frozen(spec: Json) -> Json:
    """What of it may not change."""
    kept = {key: value for key, value in spec.items() if key not in _FREE}
    for part in ("containers", "initContainers"):
        if part in kept:
            kept[part] = [{key: value for key, value in one.items() if key != "image"} for one in kept[part]]
    return kept


def _difference(new: Json, old: Json) -> str:
    """The fields that were changed and may not be, a line each, as `-` and `+` lines of what was and what should be."""
    was, wanted = _frozen(old), _frozen(new)
    lines = []
    for key in sorted({*was, *wanted}):
        if was.get(key) != wanted.get(key):
            lines += [
                f"{sign} {key}: {json.dumps(told[key])}" for sign, told in (("-", was), ("+", wanted)) if key in told
            ]
    return "".join(f"\n{line}" for line in lines)
