"""Containers that end or hang are started anew, and the API says so as a kubelet does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import LabFactory
from tests.integration.labs import Lab, standing, until
from tests.integration.living import Api, apply, condition, container, kubectl, settle, switch, told

Json = dict[str, Any]


@pytest.fixture(scope="module")
def living() -> Iterator[Lab]:
    with standing("two-subnet") as one:
        yield one


def pod(name: str, container: str, *, policy: str = "Always") -> str:
    return f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec:
  nodeName: node-1
  restartPolicy: {policy}
  containers: [{{name: c, image: any, {container}}}]
---
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{selector: {{app: {name}}}, ports: [{{port: 80, targetPort: 8080}}]}}
"""


def seen(lab: Lab, name: str) -> set[tuple[str, str, str]]:
    """The Events of a pod: type, reason, message."""
    items = Api(lab).list("Event", "default")
    return {(one["type"], one["reason"], one["message"]) for one in items if one["involvedObject"]["name"] == name}


def until_pod(lab: Lab, name: str, condition_of: str, is_so: Any) -> Json:
    api = Api(lab)

    def look() -> Json | None:
        found = api.get("Pod", "default", name)
        return found if is_so(found) else None

    found = until(look, f"{name} {condition_of}")
    assert found is not None
    return found


def answers(lab: Lab, name: str) -> str:
    return lab.exec_("namespace001/pod-0", "curl", "-sS", "--max-time", "5", f"http://{name}.default").out


def test_a_failing_liveness_probe_has_the_container_started_anew(living: Lab) -> None:
    apply(
        living,
        pod("hangs", "livenessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1, failureThreshold: 2}"),
    )
    address = until_pod(living, "hangs", "is ready", lambda one: condition(one) == "True")["status"]["podIP"]
    switch(living, address, "/healthz/false")

    one = until_pod(living, "hangs", "was started anew", lambda one: container(one)["restartCount"] == 1)
    last = container(one)["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (137, "Error"), last
    until_pod(
        living, "hangs", "is ready again", lambda one: condition(one) == "True" and "running" in container(one)["state"]
    )
    settle(living)
    assert answers(living, "hangs").startswith("hangs\n")
    assert one["status"]["podIP"] == address, "a container starts anew, not the pod"
    said = seen(living, "hangs")
    assert ("Warning", "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 503") in said
    assert ("Normal", "Killing", "Container c failed liveness probe, will be restarted") in said
    assert "default/hangs: container ended" in told(living)
    assert "default/hangs: container started anew" in told(living)


def test_a_startup_probe_that_never_succeeds_ends_the_container(living: Lab) -> None:
    """Its port is never served; the readiness probe, which would succeed, does not begin."""
    apply(
        living,
        pod(
            "slow",
            "startupProbe: {tcpSocket: {port: 9999}, periodSeconds: 1, failureThreshold: 2},"
            " readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}",
        ),
    )
    one = until_pod(living, "slow", "was started anew", lambda one: container(one)["restartCount"] >= 1)
    assert condition(one) == "False"
    said = seen(living, "slow")
    assert ("Normal", "Killing", "Container c failed startup probe, will be restarted") in said
    assert not any("Readiness probe" in message for _, _, message in said), said


def test_a_pod_is_ready_once_its_startup_probe_and_then_its_readiness_probe_have_succeeded(living: Lab) -> None:
    apply(
        living,
        pod(
            "steps",
            "startupProbe: {exec: {command: [test, -e, /tmp/hoplab-steps]}, periodSeconds: 1, failureThreshold: 60},"
            " readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 1}",
        ),
    )
    until(
        lambda: any("Startup probe failed" in one[2] for one in seen(living, "steps")), "the startup probe has failed"
    )
    one = Api(living).get("Pod", "default", "steps")
    assert (condition(one), container(one)["started"]) == ("False", False)
    living.in_("default/steps", "touch /tmp/hoplab-steps")
    try:
        one = until_pod(living, "steps", "is ready", lambda one: condition(one) == "True")
        assert container(one)["started"] is True
        assert container(one)["restartCount"] == 0
    finally:
        living.in_("default/steps", "rm /tmp/hoplab-steps")


def test_an_exec_probe_is_run_in_the_pod(living: Lab) -> None:
    """What it asks is only true in the pod's own network namespace."""
    probe = "readinessProbe: {exec: {command: [sh, -c, 'ip -br addr show eth0 | grep -q ADDRESS']}, periodSeconds: 1}"
    apply(living, pod("inside", probe.replace("ADDRESS", "nowhere")))
    address = until_pod(living, "inside", "runs", lambda one: one["status"].get("podIP"))["status"]["podIP"]
    until(lambda: any(one[1] == "Unhealthy" for one in seen(living, "inside")), "its probe has failed")
    assert condition(Api(living).get("Pod", "default", "inside")) == "False"
    Api(living).delete("Pod", "default", "inside", grace=0)
    settle(living)
    apply(living, pod("inside", probe.replace("ADDRESS", address)))
    again = until_pod(living, "inside", "is there again", lambda one: one["status"].get("podIP"))
    assert again["status"]["podIP"] == address, "the address was free, and is the first that is"
    until_pod(living, "inside", "is ready", lambda one: condition(one) == "True")


def test_a_command_that_ends_at_once_is_backed_off_from(living: Lab) -> None:
    """It is no reason to refuse what was applied, nor to keep the rest from being followed."""
    said = apply(
        living,
        pod("short", "command: [sh, -c, 'echo no such thing; exit 3']")
        + "---"
        + pod("other", "ports: [{containerPort: 8080}]"),
    )
    assert "pod/short created" in said
    one = until_pod(living, "short", "is backed off from", lambda one: container(one).get("state", {}).get("waiting"))
    assert container(one)["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert container(one)["restartCount"] == 1
    assert container(one)["lastState"]["terminated"]["exitCode"] == 3
    assert condition(one) == "False"
    assert ("Warning", "BackOff", "Back-off restarting failed container c in pod short") in seen(living, "short")
    listed = kubectl(living, "get", "pod", "short").ok()
    assert "CrashLoopBackOff" in listed
    assert "no such thing" in kubectl(living, "logs", "short").ok() + kubectl(living, "logs", "-p", "short").ok()
    assert answers(living, "other").startswith("other\n")
    assert living.drift() == [], "a pod that waits is a pod without a program"


def test_a_pod_that_may_end_is_finished(living: Lab) -> None:
    for name, status, phase in (("done", 0, "Succeeded"), ("broken", 4, "Failed")):
        apply(living, pod(name, f"command: [sh, -c, 'echo {name}; exit {status}']", policy="Never"))
        one = until_pod(living, name, f"has {phase}", lambda one, phase=phase: one["status"]["phase"] == phase)
        assert container(one)["state"]["terminated"]["exitCode"] == status
        assert container(one)["restartCount"] == 0
    settle(living)
    places = {place["name"] for place in living.map()["places"]}
    assert not {"default/done", "default/broken"} & places
    for name in ("done", "broken"):
        assert kubectl(living, "logs", name).ok() == f"{name}\n"
    for name in ("done", "broken"):
        kubectl(living, "delete", "pod", name).ok()
    settle(living)
    assert not logs_of(living, "done", "broken"), "they go with the pods' objects"
    apply(living, pod("done", "command: [sh, -c, 'echo anew; exec sleep 1000']"))
    until(lambda: kubectl(living, "logs", "done").out == "anew\n", "the next one of that name says something")
    assert "previous terminated" in kubectl(living, "logs", "-p", "done").refused(1)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("nosuch", 'exec: "nosuch": executable file not found in $PATH'),
        ("/nosuch", 'exec: "/nosuch": stat /nosuch: no such file or directory'),
        ("/etc/hosts", 'exec: "/etc/hosts": permission denied'),
    ],
)
def test_a_program_that_cannot_be_run_is_told_as_a_containers_runtime_does(living: Lab, command: str, why: str) -> None:
    name = command.replace("/", "x")
    apply(living, pod(name, f"command: [{command}]", policy="Never"))
    one = until_pod(living, name, "has failed", lambda one: one["status"]["phase"] == "Failed")
    ended = container(one)["state"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("StartError", 128)
    assert why in ended["message"]
    assert ("Warning", "Failed", f"Error: {ended['message']}") in seen(living, name)


def logs_of(lab: Lab, *names: str) -> list[str]:
    """The logs that are kept of pods of these names."""
    kept = Path(f"/proc/{lab.pid()}/root/run/hoplab/log")
    return [str(path) for name in names for path in kept.glob(f"*{name}*/*")]


def test_an_up_with_a_command_that_ends_at_once_is_refused_and_the_lab_is_as_it_was(
    lab: LabFactory,
    two_subnet_text: str,
    tmp_path: Any,
) -> None:
    one = lab()
    edited = tmp_path / "edited.yaml"
    edited.write_text(two_subnet_text + "---" + pod("short", "command: [sh, -c, 'echo no such thing; exit 3']"))
    refused = one.up(topology=str(edited)).refused(1)
    assert "default/short" in refused
    assert "no such thing" in refused
    assert "default/short" not in {
        f"{item['metadata']['namespace']}/{item['metadata']['name']}" for item in Api(one).list("Pod")
    }
    assert one.drift() == []
    assert one.plan() == "# no changes"
