"""Deployments and ReplicaSets. Source: kube-apiserver's defaults and validation of apps/v1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.api.errors import Cause
from lab.api.kinds import names
from lab.api.kinds.filling import filled
from lab.api.kinds.labelselectors import matches, selector_causes
from lab.api.kinds.pod.podspecs import complete_template, template_causes
from lab.api.kinds.violations import forbidden, immutable, invalid, not_negative, one_of, required

Json = dict[str, Any]

STRATEGIES = ("Recreate", "RollingUpdate")

_DEPLOYMENT: Json = {
    "replicas": 1,
    "strategy": {},
    "revisionHistoryLimit": 10,
    "progressDeadlineSeconds": 600,
}
_ROLLING: Json = {"maxSurge": "25%", "maxUnavailable": "25%"}


def complete_deployment(item: Json) -> Json:
    spec = filled(_DEPLOYMENT, item.get("spec") or {})
    strategy = filled({"type": "RollingUpdate"}, spec["strategy"])
    if strategy["type"] == "RollingUpdate":
        strategy["rollingUpdate"] = filled(_ROLLING, strategy.get("rollingUpdate") or {})
    spec["strategy"] = strategy
    spec["template"] = complete_template(spec.get("template") or {})
    return {**item, "spec": spec, "status": item.get("status") or {}}


def complete_replicaset(item: Json) -> Json:
    spec = filled({"replicas": 1}, item.get("spec") or {})
    spec["template"] = complete_template(spec.get("template") or {})
    made = {**item, "spec": spec, "status": filled({"replicas": 0}, item.get("status") or {})}
    labels = (spec["template"].get("metadata") or {}).get("labels")
    if labels and not item.get("metadata", {}).get("labels"):
        made["metadata"] = {**item.get("metadata", {}), "labels": labels}
    return made


def workload_causes(new: Json, old: Json | None) -> Iterator[Cause]:
    """Of a completed Deployment or ReplicaSet."""
    spec = new["spec"]
    yield from not_negative("spec.replicas", spec.get("replicas"))
    yield from not_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    yield from _selector_causes(spec)
    if old is None or spec["template"] != old["spec"].get("template"):
        yield from template_causes("spec.template", spec["template"])
    if old is not None and spec.get("selector") != old["spec"].get("selector"):
        yield immutable("spec.selector", spec.get("selector"))


def deployment_causes(new: Json, old: Json | None) -> Iterator[Cause]:
    yield from workload_causes(new, old)
    spec = new["spec"]
    yield from _strategy_causes(spec["strategy"])
    yield from not_negative("spec.revisionHistoryLimit", spec.get("revisionHistoryLimit"))
    deadline, ready = spec["progressDeadlineSeconds"], spec.get("minReadySeconds") or 0
    yield from not_negative("spec.progressDeadlineSeconds", deadline)
    if deadline <= ready:
        yield invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")


def _selector_causes(spec: Json) -> Iterator[Cause]:
    selector = spec.get("selector")
    if selector is None:
        yield required("spec.selector")
        return
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield invalid("spec.selector", selector, "empty selector is invalid for deployment")
        return
    wrong = list(selector_causes("spec.selector", selector))
    yield from wrong
    labels = (spec["template"].get("metadata") or {}).get("labels") or {}
    if not wrong and not matches(selector, labels):
        yield invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")


def _strategy_causes(strategy: Json) -> Iterator[Cause]:
    field = "spec.strategy"
    yield from one_of(f"{field}.type", strategy.get("type"), STRATEGIES)
    rolling = strategy.get("rollingUpdate")
    if strategy.get("type") == "Recreate":
        if rolling is not None:
            told = "may not be specified when strategy `type` is 'Recreate'"
            yield forbidden(f"{field}.rollingUpdate", told)
        return
    if rolling is None:
        return
    for part in ("maxUnavailable", "maxSurge"):
        yield from _amount_causes(f"{field}.rollingUpdate.{part}", rolling.get(part))
    if _is_none(rolling.get("maxUnavailable")) and _is_none(rolling.get("maxSurge")):
        told = "may not be 0 when `maxSurge` is 0"
        yield invalid(f"{field}.rollingUpdate.maxUnavailable", rolling["maxUnavailable"], told)
    share = rolling.get("maxUnavailable")
    if isinstance(share, str) and not names.percent(share) and int(share[:-1]) > 100:
        yield invalid(f"{field}.rollingUpdate.maxUnavailable", share, "must not be greater than 100%")


def _amount_causes(field: str, amount: object) -> Iterator[Cause]:
    if isinstance(amount, str):
        if names.percent(amount):
            told = "must be an integer or percentage (e.g '5%%')"
            yield invalid(field, amount, told)
    else:
        yield from not_negative(field, amount)


def _is_none(amount: object) -> bool:
    return amount in (0, "0%")
