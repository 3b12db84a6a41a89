"""Events: what they say, how they count, how many are kept."""

from __future__ import annotations

from lab.api.resources import EVENTS, NAMESPACES, PODS
from lab.api.store import Json
from lab.control.events import KEPT, LONGEST
from tests.unit.control.world import World


def told(world: World, reason: str) -> list[Json]:
    return [item for item in world.store.list(EVENTS) if item["reason"] == reason]


def test_an_event_names_its_object_and_who_tells(world: World) -> None:
    pod = world.pod("a")
    world.recorder.record(
        pod, "Warning", "Unhealthy", "no answer", "kubelet", field="spec.containers{c}", host="node-0"
    )
    event = told(world, "Unhealthy")[0]
    assert event["involvedObject"] == {
        "kind": "Pod",
        "apiVersion": "v1",
        "namespace": "default",
        "name": "a",
        "uid": pod["metadata"]["uid"],
        "resourceVersion": pod["metadata"]["resourceVersion"],
        "fieldPath": "spec.containers{c}",
    }
    assert (event["type"], event["count"]) == ("Warning", 1)
    assert event["source"] == {"component": "kubelet", "host": "node-0"}
    assert (event["reportingComponent"], event["reportingInstance"]) == ("kubelet", "node-0")
    assert event["metadata"]["name"].startswith("a.")


def test_a_message_of_pages_is_one_line_that_can_be_read(world: World) -> None:
    world.recorder.record(world.pod("a"), "Warning", "Unhealthy", "it said:\n" + "no answer\n" * 1000, "kubelet")
    message = told(world, "Unhealthy")[0]["message"]
    assert message.startswith("it said: no answer no answer")
    assert len(message) == LONGEST
    assert message.endswith("…")


def test_the_same_again_is_counted(world: World) -> None:
    pod = world.pod("a")
    for _ in range(3):
        world.recorder.record(pod, "Warning", "Unhealthy", "no answer", "kubelet")
        world.seconds += 10
    world.recorder.record(pod, "Warning", "Unhealthy", "another answer", "kubelet")
    first, second = sorted(told(world, "Unhealthy"), key=lambda item: -item["count"])
    assert (first["count"], second["count"]) == (3, 1)
    assert first["firstTimestamp"] < first["lastTimestamp"]


def test_an_event_that_somebody_deleted_is_written_anew(world: World) -> None:
    pod = world.pod("a")
    world.recorder.record(pod, "Normal", "Said", "something", "test")
    world.store.remove(EVENTS, "default", told(world, "Said")[0]["metadata"]["name"])
    world.recorder.record(pod, "Normal", "Said", "something", "test")
    assert [item["count"] for item in told(world, "Said")] == [1]


def test_only_the_latest_are_kept(world: World) -> None:
    pod = world.pod("a")
    for number in range(KEPT + 10):
        world.recorder.record(pod, "Normal", "Said", f"number {number}", "test")
        world.recorder.record(pod, "Normal", "Said", "number 0", "test")
    assert sum(1 for _ in world.store.each(EVENTS)) == KEPT
    kept = {item["message"] for item in told(world, "Said")}
    assert "number 1" not in kept
    assert {"number 0", f"number {KEPT + 9}"} <= kept, "what happens again is not the oldest"


def test_objects_without_namespace_are_told_of_in_default(world: World) -> None:
    world.recorder.record(world.store.get(NAMESPACES, "", "kube-system"), "Normal", "Said", "something", "test")
    assert told(world, "Said")[0]["metadata"]["namespace"] == "default"


def test_nothing_is_written_where_nothing_may_be_made(world: World) -> None:
    world.namespace("shop")
    pod = world.store.create(PODS, {"metadata": {"name": "a", "namespace": "shop", "finalizers": ["x"]}, "spec": {}})
    world.delete(NAMESPACES, "shop")
    world.recorder.record(pod, "Normal", "Said", "something", "test")
    assert told(world, "Said") == []
