"""ReplicaSets: how many pods, which ones, and whose they are."""

from __future__ import annotations

from lab.api.resources import PODS, REPLICASETS
from lab.api.store import Json
from lab.cluster.pod_hashes import pod_names
from lab.control.ownership import controller_of
from tests.unit.control.world import World, pod, template


def replica_set(world: World, replicas: int = 2) -> Json:
    item = {
        "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template("one")},
    }
    return world.make(REPLICASETS, item)


def test_a_pod_labelled_away_is_let_go_and_replaced(world: World) -> None:
    world.deployment()
    world.run()
    left = world.names()[0]
    labels = world.store.get(PODS, "default", left)["metadata"]["labels"]
    world.change(PODS, left, metadata={"labels": {**labels, "app": "debugging"}})
    world.run()
    assert controller_of(world.store.get(PODS, "default", left)) is None
    assert len(world.names()) == 3
    world.change(PODS, left, metadata={"labels": labels})
    world.run()
    assert len(world.names()) == 2, "it is taken on again, and one is too many"


def test_a_pod_that_nobody_owns_is_taken_on(world: World) -> None:
    world.pod("lonely", {"app": "web"})
    world.run()
    replica_set(world)
    world.run()
    assert len(world.names()) == 2
    owner = controller_of(world.store.get(PODS, "default", "lonely"))
    assert owner is not None
    assert owner["name"] == "web"


def test_a_pod_that_is_deleted_is_replaced_by_one_with_the_first_free_name(world: World) -> None:
    world.deployment(replicas=2)
    world.run()
    first, _, third = pod_names("default", "web", 3)
    world.slow_to_end = True
    world.delete(PODS, first)
    world.run()
    assert third in world.names(), "the first one has not ended yet"
    world.slow_to_end = False
    world.run()
    world.delete(PODS, third)
    world.run()
    assert sorted(world.names()) == sorted(pod_names("default", "web", 2))


def test_pods_that_are_finished_are_replaced_and_stay(world: World) -> None:
    replica_set(world, 1)
    world.run()
    name = world.names()[0]
    failed = world.store.get(PODS, "default", name)
    world.store.update(PODS, {**failed, "status": {**failed["status"], "phase": "Failed"}})
    world.run()
    assert len(world.names()) == 2


def test_those_that_are_missed_least_are_deleted_first(world: World) -> None:
    replica_set(world, 4)
    world.run()
    names = world.names()
    world.ready(names[1], False)
    world.run()
    world.change(REPLICASETS, "web", spec={"replicas": 3})
    world.run()
    assert names[1] not in world.names()
    cheap = world.names()[2]
    annotations = {"controller.kubernetes.io/pod-deletion-cost": "-5"}
    world.change(PODS, cheap, metadata={"annotations": annotations})
    world.change(REPLICASETS, "web", spec={"replicas": 2})
    world.run()
    assert cheap not in world.names()


def test_what_it_does_is_told(world: World) -> None:
    replica_set(world, 1)
    world.run()
    name = world.names()[0]
    world.change(REPLICASETS, "web", spec={"replicas": 0})
    world.run()
    assert world.events("SuccessfulCreate") == [f"Created pod: {name}"]
    assert world.events("SuccessfulDelete") == [f"Deleted pod: {name}"]
    status = world.store.get(REPLICASETS, "default", "web")["status"]
    assert status == {"replicas": 0, "observedGeneration": 2}


def test_match_expressions_count_too(world: World) -> None:
    selector = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}
    world.make(PODS, pod("other", {"app": "other"}))
    world.make(
        REPLICASETS,
        {"metadata": {"name": "web"}, "spec": {"replicas": 1, "selector": selector, "template": template("one")}},
    )
    world.run()
    assert len(world.names()) == 2
    assert controller_of(world.store.get(PODS, "default", "other")) is None
