"""Namespaces and Nodes, which belong to no namespace. Source: kube-apiserver's defaults and validation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.api.errors import Cause
from lab.api.kinds.filling import filled
from lab.api.kinds.metadata import label_causes
from lab.api.kinds.violations import forbidden, not_supported, required

Json = dict[str, Any]

NAME_LABEL = "kubernetes.io/metadata.name"
TAINTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def complete_namespace(item: Json) -> Json:
    """With the label by which policies select it."""
    metadata = item.get("metadata") or {}
    labels = {**(metadata.get("labels") or {})}
    if metadata.get("name"):
        labels[NAME_LABEL] = metadata["name"]
    return {
        **item,
        "metadata": {**metadata, "labels": labels} if labels else metadata,
        "spec": filled({"finalizers": ["kubernetes"]}, item.get("spec") or {}),
        "status": filled({"phase": "Active"}, item.get("status") or {}),
    }


def complete_node(item: Json) -> Json:
    return {**item, "spec": item.get("spec") or {}, "status": item.get("status") or {}}


def node_causes(new: Json, old: Json | None) -> Iterator[Cause]:
    spec = new["spec"]
    for i, taint in enumerate(spec.get("taints") or ()):
        at = f"spec.taints[{i}]"
        if taint.get("key"):
            yield from label_causes(f"{at}.key", {taint["key"]: ""})
        else:
            yield required(f"{at}.key")
        if taint.get("effect") not in TAINTS:
            yield not_supported(f"{at}.effect", taint.get("effect", ""), TAINTS)
    if old is None:
        return
    for part in ("podCIDR", "podCIDRs", "providerID"):
        was = (old.get("spec") or {}).get(part)
        if was and spec.get(part) != was:
            yield forbidden(f"spec.{part}", 'node updates may not change podCIDR except from "" to valid')
