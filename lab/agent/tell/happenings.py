"""Changes in the store and what was brought about for them, in words: one line of the chronicle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from lab.api.resources import CONFIGMAPS, DEPLOYMENTS, ENDPOINTSLICES, NAMESPACES, PODS, SERVICES
from lab.control.pods import podstatus
from lab.network.objects import Interface, Namespace, Process
from lab.plan import NftStep, Plan, RuleStep, Step

if TYPE_CHECKING:
    from lab.api.store import Change, Json

_KINDS = {SERVICES: "Service", DEPLOYMENTS: "Deployment", NAMESPACES: "namespace", CONFIGMAPS: "ConfigMap"}
MOST_NAMED = 4

CARRIED = "carried"
"""Among a change's milliseconds: how long it took until packets went the new ways. Names come after that."""
_UNTIL_CARRIED = ("design", "observe", "rules")


def causes(changes: Iterable[Change]) -> tuple[str, ...]:
    """What people or probes did: `namespace001/pod-3 unready`, `Service shop/cart created`; each once, in order."""
    return tuple(dict.fromkeys(line for change in changes for line in _cause(change)))


def _cause(change: Change) -> Iterator[str]:
    name = _name(change.object)
    if change.resource is PODS:
        yield from _pod(change, name)
    elif change.resource in _KINDS:
        kind, old = _KINDS[change.resource], change.previous
        if change.type == "ADDED":
            yield f"{kind} {name} created"
        elif change.type == "DELETED":
            yield f"{kind} {name} deleted{_freed(change.object) if change.resource is SERVICES else ''}"
        elif old is not None and _meaning(old) != _meaning(change.object):
            yield f"{kind} {name} changed"


def _freed(service: Json) -> str:
    """The addresses that nobody has now."""
    spec = service["spec"]
    addresses = [one for one in (spec.get("clusterIP"), *(spec.get("externalIPs") or ())) if one and one != "None"]
    return f", which had {', '.join(addresses)}" if addresses else ""


def _meaning(item: Json) -> tuple[object, ...]:
    return item.get("spec"), item.get("data"), item["metadata"].get("labels")


def _pod(change: Change, name: str) -> Iterator[str]:
    new, old = change.object, change.previous
    if change.type == "DELETED":
        yield f"{name} gone"
        return
    if change.type == "ADDED":
        yield f"{name} created"
        return
    assert old is not None
    if podstatus.is_terminating(new) and not podstatus.is_terminating(old):
        yield f"{name} terminating"
    if new["metadata"].get("labels") != old["metadata"].get("labels"):
        yield f"{name} labelled anew"
    if podstatus.is_evicted(new) and not podstatus.is_evicted(old):
        yield f"{name} evicted: its disk is full"
    elif podstatus.is_started(old) and podstatus.is_running(old) and not podstatus.is_running(new):
        yield f"{name}: container ended"
    elif podstatus.is_started(new) and not podstatus.is_started(old):
        yield f"{name} started"
    elif podstatus.is_running(new) and not podstatus.is_running(old):
        yield f"{name}: container started anew"
    elif podstatus.is_ready(new) != podstatus.is_ready(old):
        yield f"{name} {'ready' if podstatus.is_ready(new) else 'unready'}"


def consequences(changes: Iterable[Change], steps: Plan, milliseconds: dict[str, float]) -> tuple[str, ...]:
    """What followed: endpoint slices, places built, rules on nodes and how soon, DNS."""
    return (*_slices(changes), *_built(steps), *_followed(steps, milliseconds))


def _slices(changes: Iterable[Change]) -> Iterator[str]:
    last: dict[str, Change] = {}
    first: dict[str, Json | None] = {}
    for change in changes:
        if change.resource is ENDPOINTSLICES:
            name = _name(change.object)
            first.setdefault(name, change.previous)
            last[name] = change
    for name, change in last.items():
        before = _ready(first[name])
        after = 0 if change.type == "DELETED" else _ready(change.object)
        if before == after and change.type != "DELETED":
            continue  # who is terminating is told already
        yield f"endpoint slice {name} ({before} → {after} ready)"


def _ready(item: Json | None) -> int:
    endpoints = (item or {}).get("endpoints") or ()
    return sum(one.get("conditions", {}).get("ready") is not False for one in endpoints)


def _built(steps: Plan) -> Iterator[str]:
    places = [step for step in steps.steps if isinstance(step, Step) and isinstance(step.object, Namespace)]
    for action, said in (("add", "built"), ("remove", "taken down")):
        names = [step.place for step in places if step.action == action]
        if names:
            yield f"{_some(names)} {said}"


def _followed(steps: Plan, milliseconds: dict[str, float]) -> Iterator[str]:
    """Rules and DNS; the times are from the beginning of the work."""
    rules = milliseconds.get(CARRIED) or sum(milliseconds.get(phase, 0.0) for phase in _UNTIL_CARRIED)
    nodes = list(dict.fromkeys(step.place for step in steps.steps if isinstance(step, RuleStep | NftStep)))
    if nodes:
        yield f"rules on {_some(nodes)} in {rules:.0f} ms"
    elif any(isinstance(step, Step) and isinstance(step.object, Interface) for step in steps.steps):
        yield f"links in {rules:.0f} ms"
    servers = [
        step.place
        for step in steps.steps
        if isinstance(step, Step) and isinstance(step.object, Process) and step.object.ready_udp
    ]
    if servers:
        answered = sum(milliseconds.get(phase, 0.0) for phase in (*_UNTIL_CARRIED, "programs", "ready"))
        yield f"DNS ({_some(list(dict.fromkeys(servers)))}) in {answered:.0f} ms"


def _some(names: list[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:MOST_NAMED])} and {more} more"


def _name(item: Json) -> str:
    metadata = item["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else str(metadata["name"])
