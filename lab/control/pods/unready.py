"""Why pods are not ready, in a sentence each: from their status, and from what their probes were told last.

Source of conditions, reasons and the probes' words: kubelet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lab.api.resources import EVENTS, PODS
from lab.api.store import Store
from lab.control.pods import podstatus
from lab.control.pods.running import place_of

Json = dict[str, Any]

HELD_BACK = "held back by the annotation hoplab.io/ready"
_UNHEALTHY = "Unhealthy"
_FAILED = " probe failed: "


def unready(store: Store) -> dict[str, str]:
    """By place, of every pod that is not ready."""
    pods = [pod for pod in store.each(PODS) if not podstatus.is_ready(pod)]
    told = _last_words(store.each(EVENTS)) if pods else {}
    return {place_of(pod): reason(pod, told.get(pod["metadata"].get("uid", ""), {})) for pod in pods}


def reason(pod: Json, told: Mapping[str, Json]) -> str:
    """Why this one is not. `told` has the latest Event about each of its failing probes: readiness, startup."""
    if podstatus.is_finished(pod):
        return f"it has ended: {pod['status']['phase']}"
    if not podstatus.is_started(pod):
        return _not_started(pod)
    container = _first_unready(pod)
    if "running" not in container.get("state", {}):
        return _not_running(container)
    if podstatus.is_held_back(pod):
        return HELD_BACK
    kinds = podstatus.probes(pod)
    kind = "startup" if "startup" in kinds and not container.get("started") else "readiness"
    return _probe(kind, told.get(kind), container["state"]["running"].get("startedAt", ""))


def _not_started(pod: Json) -> str:
    conditions = pod.get("status", {}).get("conditions", ())
    unplaced = next((one for one in conditions if one["type"] == "PodScheduled" and one["status"] != "True"), None)
    if unplaced is not None:
        return f"it is on no node: {unplaced.get('message') or unplaced.get('reason')}"
    return "it has not been started yet"


def _first_unready(pod: Json) -> Json:
    statuses: Iterable[Json] = pod["status"].get("containerStatuses") or ()
    return next((one for one in statuses if not one.get("ready")), {})


def _not_running(container: Json) -> str:
    """What its container waits for, or how it has ended."""
    state = container.get("state", {})
    if "terminated" in state:
        ended = state["terminated"]
        return f"container {container['name']} has ended: {ended.get('reason')}, status {ended.get('exitCode')}"
    waiting = state.get("waiting", {})
    said = ", ".join(filter(None, (waiting.get("reason"), waiting.get("message"))))
    return f"container {container['name']} is waiting: {said}" if said else "its containers do not run"


def _probe(kind: str, event: Json | None, since: str) -> str:
    """What the probe said last, unless that was before the container's start. Times of the API sort as texts."""
    if event is None or (event.get("lastTimestamp") or "") < since:
        return f"its {kind} probe has not succeeded yet"
    return f"its {kind} probe fails: {event['message'].partition(_FAILED)[2]}"


def _last_words(events: Iterable[Json]) -> dict[str, dict[str, Json]]:
    """The latest Events about failed probes, by the pod's uid and the probe's kind."""
    found: dict[str, dict[str, Json]] = {}
    for event in events:
        kind, failed, _ = event.get("message", "").partition(_FAILED)
        subject = event.get("involvedObject", {})
        if not failed or event.get("reason") != _UNHEALTHY or subject.get("kind") != PODS.kind:
            continue
        latest = found.setdefault(subject.get("uid", ""), {})
        if kind.lower() not in latest or _is_later(event, latest[kind.lower()]):
            latest[kind.lower()] = event
    return found


def _is_later(event: Json, other: Json) -> bool:
    """Within a second the store's own order tells."""
    return _when(event) > _when(other)


def _when(event: Json) -> tuple[str, int]:
    return event.get("lastTimestamp") or "", int(event["metadata"]["resourceVersion"])
