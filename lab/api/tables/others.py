"""Nodes, Namespaces, ConfigMaps, Secrets, ServiceAccounts, Events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lab.api.tables.ages import UNKNOWN, age
from lab.api.tables.column import AGE, NAME, NONE, Column, condition, number, text, wide

Json = dict[str, Any]

NODES: tuple[Column, ...] = (
    NAME,
    text("Status", "Whether it is ready, and takes new pods."),
    text("Roles", "What its labels say it is for."),
    AGE,
    text("Version", "Its kubelet's version."),
    wide("Internal-IP", "Its address within the cluster."),
    wide("External-IP", "Its address outside."),
    wide("OS-Image", "Its operating system."),
    wide("Kernel-Version", "Its kernel."),
    wide("Container-Runtime", "What runs its containers."),
)
NAMESPACES: tuple[Column, ...] = (NAME, text("Status", "Whether it is in use or being deleted."), AGE)
CONFIGMAPS: tuple[Column, ...] = (NAME, number("Data", "How many values it holds."), AGE)
SECRETS: tuple[Column, ...] = (
    NAME,
    text("Type", "What it is for."),
    number("Data", "How many values it holds."),
    AGE,
)
SERVICEACCOUNTS: tuple[Column, ...] = (NAME, AGE)
EVENTS: tuple[Column, ...] = (
    text("Last Seen", "How long ago it last happened."),
    text("Type", "Normal or Warning."),
    text("Reason", "Why it happened, in a word."),
    text("Object", "What it happened to."),
    wide("Subobject", "Which part of that."),
    wide("Source", "Who says so."),
    text("Message", "What happened."),
    wide("First Seen", "How long ago it first happened."),
    replace(number("Count", "How often it happened."), priority=1),
    replace(NAME, priority=1),
)

_ROLE = "node-role.kubernetes.io/"
_OLD_ROLE = "kubernetes.io/role"


def node_cells(item: Json, now: str) -> list[Any]:
    status, info = item.get("status") or {}, (item.get("status") or {}).get("nodeInfo") or {}
    addresses: dict[str, str] = {}
    for one in status.get("addresses") or ():
        addresses.setdefault(one.get("type", ""), one.get("address", ""))
    return [
        item["metadata"]["name"],
        _node_status(item),
        _roles(item["metadata"].get("labels") or {}),
        age(item["metadata"].get("creationTimestamp"), now),
        info.get("kubeletVersion") or "",
        addresses.get("InternalIP") or NONE,
        addresses.get("ExternalIP") or NONE,
        *(info.get(part) or UNKNOWN for part in ("osImage", "kernelVersion", "containerRuntimeVersion")),
    ]


def _node_status(item: Json) -> str:
    ready = condition(item.get("status") or {}, "Ready")
    told = "Unknown" if ready is None else "Ready" if ready.get("status") == "True" else "NotReady"
    return f"{told},SchedulingDisabled" if (item.get("spec") or {}).get("unschedulable") else told


def _roles(labels: dict[str, str]) -> str:
    found = {key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE)} | {labels.get(_OLD_ROLE, "")}
    return ",".join(sorted(found - {""})) or NONE


def namespace_cells(item: Json, now: str) -> list[Any]:
    metadata = item["metadata"]
    return [metadata["name"], (item.get("status") or {}).get("phase", ""), age(metadata.get("creationTimestamp"), now)]


def configmap_cells(item: Json, now: str) -> list[Any]:
    count = len(item.get("data") or ()) + len(item.get("binaryData") or ())
    return [item["metadata"]["name"], count, age(item["metadata"].get("creationTimestamp"), now)]


def secret_cells(item: Json, now: str) -> list[Any]:
    metadata, count = item["metadata"], len(item.get("data") or ())
    return [metadata["name"], item.get("type") or "", count, age(metadata.get("creationTimestamp"), now)]


def serviceaccount_cells(item: Json, now: str) -> list[Any]:
    return [item["metadata"]["name"], age(item["metadata"].get("creationTimestamp"), now)]


def event_cells(item: Json, now: str) -> list[Any]:
    series, about = item.get("series") or {}, item.get("involvedObject") or {}
    first = age(item.get("firstTimestamp") or item.get("eventTime"), now)
    last = age(item["lastTimestamp"], now) if item.get("lastTimestamp") else first
    if series.get("lastObservedTime"):
        last = age(series["lastObservedTime"], now)
    kind, name = (about.get("kind") or "").lower(), about.get("name")
    source = item.get("source") or {}
    by = source.get("component") or item.get("reportingComponent") or ""
    host = source.get("host") or item.get("reportingInstance") or ""
    return [
        last,
        item.get("type") or "",
        item.get("reason") or "",
        f"{kind}/{name}" if name else kind,
        about.get("fieldPath") or "",
        f"{by}, {host}" if host else by,
        (item.get("message") or "").strip(),
        first,
        series.get("count") or item.get("count") or 1,
        item["metadata"]["name"],
    ]
