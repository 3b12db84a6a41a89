"""What the STATUS column says of a pod, and how often its containers started again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lab.api.tables.column import condition, holds

Json = dict[str, Any]

_FINISHED = ("Succeeded", "Failed")
_UNREACHABLE = "NodeLost"
_GATED = "SchedulingGated"


@dataclass(slots=True)
class Summary:
    """`last_restart` is a time of the API, or ""."""

    reason: str
    ready: int = 0
    total: int = 0
    restarts: int = 0
    last_restart: str = ""

    def count(self, container: Json) -> None:
        """A container's restarts among them."""
        self.restarts += container.get("restartCount") or 0
        finished = _part(container, "lastState", "terminated").get("finishedAt") or ""
        self.last_restart = max(self.last_restart, finished)


def summary(pod: Json) -> Summary:
    """Of the pod's own status and its containers', whichever says more."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    phase = status.get("phase") or ""
    gated = condition(status, "PodScheduled")
    reason = status.get("reason") or phase
    if gated and gated.get("reason") == _GATED:
        reason = _GATED
    made = Summary(reason, total=len(spec.get("containers") or ()))
    sidecars = frozenset(
        one.get("name") for one in spec.get("initContainers") or () if one.get("restartPolicy") == "Always"
    )
    made.total += len(sidecars)
    kept = Summary("")
    initializing = _initialize(made, kept, spec, status, sidecars)
    if not initializing or holds(status, "Initialized"):
        made.restarts, made.last_restart = kept.restarts, kept.last_restart
        _run(made, status)
    if pod["metadata"].get("deletionTimestamp"):
        if status.get("reason") == _UNREACHABLE:
            made.reason = "Unknown"
        elif phase not in _FINISHED:
            made.reason = "Terminating"
    return made


def _initialize(made: Summary, kept: Summary, spec: Json, status: Json, sidecars: frozenset[object]) -> bool:
    """Whether init containers still run; `kept` counts those that go on beside the others."""
    for i, container in enumerate(status.get("initContainerStatuses") or ()):
        made.count(container)
        is_sidecar = container.get("name") in sidecars
        if is_sidecar:
            kept.count(container)
        ended, waiting = _part(container, "state", "terminated"), _part(container, "state", "waiting")
        if ended and not ended.get("exitCode"):
            continue
        if is_sidecar and container.get("started"):
            made.ready += 1 if container.get("ready") else 0
            continue
        if ended:
            made.reason = f"Init:{_ended(ended)}"
        elif waiting.get("reason") not in (None, "", "PodInitializing"):
            made.reason = f"Init:{waiting['reason']}"
        else:
            made.reason = f"Init:{i}/{len(spec.get('initContainers') or ())}"
        return True
    return False


def _run(made: Summary, status: Json) -> None:
    """The first container that says something has the word."""
    running = False
    for container in reversed(status.get("containerStatuses") or ()):
        made.count(container)
        ended, waiting = _part(container, "state", "terminated"), _part(container, "state", "waiting")
        if waiting.get("reason"):
            made.reason = waiting["reason"]
        elif ended:
            made.reason = _ended(ended)
        elif container.get("ready") and "running" in (container.get("state") or {}):
            running = True
            made.ready += 1
    if made.reason == "Completed" and running:
        made.reason = "Running" if holds(status, "Ready") else "NotReady"


def _ended(state: Json) -> str:
    if state.get("reason"):
        return str(state["reason"])
    return f"Signal:{state['signal']}" if state.get("signal") else f"ExitCode:{state.get('exitCode', 0)}"


def _part(container: Json, state: str, kind: str) -> Json:
    return (container.get(state) or {}).get(kind) or {}
