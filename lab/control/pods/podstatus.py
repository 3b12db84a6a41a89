"""A pod's status as its node's kubelet reports it: each function gives the pod as it is after something happened to it.

Source of phases, conditions and their reasons: kubelet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.cluster.file.podchecks import READY

Json = dict[str, Any]

BACK_OFF = "CrashLoopBackOff"
EVICTED = "Evicted"
_UNREADY = "containers with unready status: "


def is_finished(pod: Json) -> bool:
    """Whether all its containers have ended for good."""
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def is_started(pod: Json) -> bool:
    """Whether its node has taken it up: it has an address and containers."""
    return bool(pod.get("status", {}).get("podIP"))


def is_ready(pod: Json) -> bool:
    return _condition(pod, "Ready") == "True"


def is_held_back(pod: Json) -> bool:
    """Whether an annotation keeps it unready, whatever its probe says."""
    return bool(pod["metadata"].get("annotations", {}).get(READY) == "false")


def is_terminating(pod: Json) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def is_evicted(pod: Json) -> bool:
    """Whether its kubelet has ended it for what it took."""
    return bool(pod.get("status", {}).get("reason") == EVICTED)


def is_running(pod: Json) -> bool:
    """Whether its container runs just now: not while it waits to be started anew."""
    if is_finished(pod):
        return False
    statuses = pod.get("status", {}).get("containerStatuses", ())
    return all("running" in status.get("state", {}) for status in statuses)


def probes(pod: Json) -> dict[str, Json]:
    """The first container's probes by kind: readiness, liveness, startup."""
    first = pod["spec"]["containers"][0]
    found = {kind: first.get(f"{kind}Probe") for kind in ("readiness", "liveness", "startup")}
    return {kind: probe for kind, probe in found.items() if probe}


def creating(pod: Json, now: str) -> Json:
    """Its node is about to take it up: its containers do not run yet."""
    waiting = {"waiting": {"reason": "ContainerCreating"}}
    containers = [
        {
            "name": one["name"],
            "state": waiting,
            "lastState": {},
            "ready": False,
            "restartCount": 0,
            "image": one.get("image", "built-in"),
            "imageID": "",
            "started": False,
        }
        for one in pod["spec"]["containers"]
    ]
    return with_readiness({**pod, "status": {**pod.get("status", {}), "containerStatuses": containers}}, False, now)


def started(pod: Json, address: str, host: str, now: str) -> Json:
    """Its containers run. It is ready at once when nothing has to be probed first."""
    spec, status = pod["spec"], pod.get("status", {})
    told = {
        **status,
        "phase": "Running",
        "hostIP": host,
        "hostIPs": [{"ip": host}],
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": status.get("startTime", now),
        "containerStatuses": [_container(pod, one, now) for one in spec["containers"]],
    }
    made = {**pod, "status": told}
    found = probes(pod)
    return with_readiness(made, not {"readiness", "startup"} & found.keys(), now)


def _container(pod: Json, container: Json, now: str) -> Json:
    """A container that has just been started."""
    before: Json = next(
        (one for one in pod.get("status", {}).get("containerStatuses", ()) if one["name"] == container["name"]), {}
    )
    image = container.get("image", "built-in")
    return {
        "name": container["name"],
        "state": {"running": {"startedAt": now}},
        "lastState": before.get("lastState", {}),
        "ready": False,
        "restartCount": before.get("restartCount", 0),
        "image": image,
        "imageID": "",
        "containerID": f"hoplab://{pod['metadata'].get('uid', '')}",
        "started": "startup" not in probes(pod),
    }


def with_readiness(pod: Json, passed: bool, now: str) -> Json:
    """What the readiness probe says of it; the annotation hoplab.io/ready: "false" keeps it unready all the same."""
    wanted = passed and not is_held_back(pod)
    status = pod.get("status", {})
    containers = [
        {**one, "ready": wanted and "running" in one.get("state", {})} for one in status.get("containerStatuses", ())
    ]
    unready = [one["name"] for one in containers if not one["ready"]]
    why = {"reason": "ContainersNotReady", "message": f"{_UNREADY}[{' '.join(unready)}]"} if unready else {}
    made = {**pod, "status": {**status, "containerStatuses": containers}}
    for kind, true, reason in (
        ("PodReadyToStartContainers", True, {}),
        ("Initialized", True, {}),
        ("Ready", not unready, why),
        ("ContainersReady", not unready, why),
        ("PodScheduled", True, {}),
    ):
        made = with_condition(made, kind, true, now, reason)
    return made


def with_startup(pod: Json, now: str) -> Json:
    """Its startup probe has succeeded: from now on the others count."""
    made = _each_container(pod, lambda one: {**one, "started": True})
    return with_readiness(made, "readiness" not in probes(pod), now)


def ended(pod: Json, exit_code: int, now: str, *, reason: str = "", message: str = "") -> Json:
    """Its program has ended: it waits to be started anew, or the pod is finished, as its restartPolicy says."""
    why = reason or ("Completed" if exit_code == 0 else "Error")

    def container(one: Json) -> Json:
        began = one.get("state", {}).get("running", {}).get("startedAt", now)
        last = {"exitCode": exit_code, "reason": why, "startedAt": began, "finishedAt": now}
        told = {"message": message} if message else {}
        return {**one, "state": {"terminated": {**last, **told}}, "ready": False, "started": False}

    made = _each_container(pod, container)
    policy = pod["spec"].get("restartPolicy", "Always")
    if policy == "Always" or (policy == "OnFailure" and exit_code):
        return with_readiness(made, False, now)
    made = {**made, "status": {**made["status"], "phase": "Failed" if exit_code else "Succeeded"}}
    reason_told = {"reason": "PodFailed" if exit_code else "PodCompleted"}
    return with_condition(
        with_condition(made, "Ready", False, now, reason_told), "ContainersReady", False, now, reason_told
    )


def evicted(pod: Json, message: str, now: str) -> Json:
    """Its kubelet has ended it for good, whatever its restartPolicy says; nothing is left of its containers."""
    status = {**pod["status"], "phase": "Failed", "reason": EVICTED, "message": message, "containerStatuses": []}
    made = {**pod, "status": status}
    for kind in ("Ready", "ContainersReady"):
        made = with_condition(made, kind, False, now, {"reason": "PodFailed"})
    return with_condition(made, "DisruptionTarget", True, now, {"reason": "TerminationByKubelet", "message": message})


def waiting(pod: Json, seconds: float, now: str) -> Json:
    """It will be started anew in so many seconds."""
    told = f"back-off {seconds:.0f}s restarting failed container"

    def container(one: Json) -> Json:
        last = {"lastState": one["state"]} if "terminated" in one.get("state", {}) else {}
        return {**one, **last, "state": {"waiting": {"reason": BACK_OFF, "message": told}}}

    return with_readiness(_each_container(pod, container), False, now)


def restarted(pod: Json, now: str) -> Json:
    """Its container was started anew."""

    def container(one: Json) -> Json:
        last = {"lastState": one["state"]} if "terminated" in one.get("state", {}) else {}
        return {**one, **last, "restartCount": one["restartCount"] + 1}

    made = _each_container(pod, container)
    status = made["status"]
    return started(made, status["podIP"], status["hostIP"], now)


def with_condition(pod: Json, kind: str, true: bool, now: str, why: Json | None = None) -> Json:
    """The condition as told; the time of its last transition changes only when it does."""
    status = pod.get("status", {})
    value = "True" if true else "False"
    conditions = list(status.get("conditions", ()))
    at = next((i for i, one in enumerate(conditions) if one["type"] == kind), len(conditions))
    before = conditions[at] if at < len(conditions) else {}
    since = before["lastTransitionTime"] if before.get("status") == value else now
    made = {"type": kind, "status": value, "lastProbeTime": None, "lastTransitionTime": since, **(why or {})}
    conditions[at : at + 1] = [made]
    return {**pod, "status": {**status, "conditions": conditions}}


def before_stop(pod: Json) -> float:
    """Seconds that its preStop hook sleeps before the program is asked to end."""
    hook = pod["spec"]["containers"][0].get("lifecycle", {}).get("preStop", {})
    return float(hook.get("sleep", {}).get("seconds", 0))


def _each_container(pod: Json, change: Callable[[Json], Json]) -> Json:
    status = pod.get("status", {})
    return {**pod, "status": {**status, "containerStatuses": [change(one) for one in status["containerStatuses"]]}}


def _condition(pod: Json, kind: str) -> str:
    conditions = pod.get("status", {}).get("conditions", ())
    return next((str(one["status"]) for one in conditions if one["type"] == kind), "False")
