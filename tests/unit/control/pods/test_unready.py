"""Why a pod is not ready, in the sentence that a trace and `inspect` give."""

from __future__ import annotations

from typing import Any

import pytest

from lab.agent.kubelet.probes import sentence
from lab.api.resources import PODS
from lab.api.store import Json
from lab.control.pods import podstatus
from lab.control.pods.running import WARNING, told
from lab.control.pods.unready import unready
from tests.unit.control.world import World

READINESS: Json = {"readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}}}
STARTUP: Json = {"startupProbe": {"tcpSocket": {"port": 81}}}
PLACE = "default/web"


def started(world: World, *, annotations: dict[str, str] | None = None, **container: Any) -> None:
    """A pod `web` whose container runs."""
    metadata = {"name": "web", "annotations": annotations or {}}
    world.make(PODS, {"metadata": metadata, "spec": {"containers": [{"name": "c", "image": "x", **container}]}})
    world.run()


def fails(world: World, kind: str, message: str) -> None:
    """One of its probes has failed once more."""
    told(world.recorder, world.store.get(PODS, "default", "web"), WARNING, "Unhealthy", sentence(kind, message))


def why(world: World) -> str:
    return unready(world.store)[PLACE]


def test_of_a_ready_pod_nothing_is_said(world: World) -> None:
    started(world)
    assert PLACE not in unready(world.store)


def test_a_probe_that_has_not_been_heard_of_yet(world: World) -> None:
    started(world, **READINESS)
    assert why(world) == "its readiness probe has not succeeded yet"


def test_what_the_probe_was_told_last(world: World) -> None:
    started(world, **READINESS)
    fails(world, "readiness", "HTTP probe failed with statuscode: 500")
    fails(world, "readiness", "HTTP probe failed with statuscode: 503")
    assert why(world) == "its readiness probe fails: HTTP probe failed with statuscode: 503"
    world.seconds += 1
    fails(world, "readiness", "HTTP probe failed with statuscode: 500")
    assert why(world) == "its readiness probe fails: HTTP probe failed with statuscode: 500", "the same Event, later"


def test_what_was_said_before_the_container_started_anew_counts_no_more(world: World) -> None:
    started(world, **READINESS)
    fails(world, "readiness", "HTTP probe failed with statuscode: 503")
    world.seconds += 5
    pod = world.store.get(PODS, "default", "web")
    world.store.update(PODS, podstatus.restarted(podstatus.ended(pod, 1, world.moment()), world.moment()))
    assert why(world) == "its readiness probe has not succeeded yet"


def test_while_the_startup_probe_fails_it_is_the_reason(world: World) -> None:
    started(world, **READINESS, **STARTUP)
    fails(world, "startup", "dial tcp 10.244.0.2:81: connect: connection refused")
    assert why(world) == "its startup probe fails: dial tcp 10.244.0.2:81: connect: connection refused"


def test_the_annotation_comes_before_the_probe(world: World) -> None:
    started(world, annotations={"hoplab.io/ready": "false"}, **READINESS)
    fails(world, "readiness", "HTTP probe failed with statuscode: 503")
    assert why(world) == "held back by the annotation hoplab.io/ready"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (3, "container c has ended: Error, status 3"),
        (0, "container c has ended: Completed, status 0"),
    ],
)
def test_a_container_that_has_ended(world: World, status: int, said: str) -> None:
    started(world)
    pod = world.store.get(PODS, "default", "web")
    world.store.update(PODS, podstatus.ended(pod, status, world.moment()))
    assert why(world) == said


def test_a_container_that_waits_to_be_started_again(world: World) -> None:
    started(world)
    pod = world.store.get(PODS, "default", "web")
    ended = podstatus.ended(pod, 1, world.moment())
    world.store.update(PODS, podstatus.waiting(ended, 10, world.moment()))
    assert why(world) == "container c is waiting: CrashLoopBackOff, back-off 10s restarting failed container"


def test_a_pod_that_has_ended_for_good(world: World) -> None:
    world.make(
        PODS,
        {
            "metadata": {"name": "web"},
            "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]},
        },
    )
    world.run()
    world.store.update(PODS, podstatus.ended(world.store.get(PODS, "default", "web"), 1, world.moment()))
    assert why(world) == "it has ended: Failed"


def test_a_pod_that_no_node_takes(world: World) -> None:
    world.pod("web", nodeSelector={"disk": "ssd"})
    world.settle()
    assert why(world).startswith("it is on no node: "), why(world)


def test_a_pod_that_its_node_has_not_taken_up_yet(world: World) -> None:
    world.pod("web")
    world.settle()
    assert why(world) == "it has not been started yet"
