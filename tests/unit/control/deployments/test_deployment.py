"""Deployments: from a template to pods, from one template to the next, and back."""

from __future__ import annotations

import pytest

from lab.api.resources import DEPLOYMENTS, REPLICASETS
from lab.api.store import Json
from lab.cluster.pod_hashes import pod_names, replica_set_hash
from lab.control.deployments.rollout import Bounds, Scale, new_replicas, old_replicas
from lab.control.pods.podstatus import is_ready, is_terminating
from tests.unit.control.world import World, template

FIRST = f"web-{replica_set_hash('default', 'web')}"


def condition(deployment: Json, kind: str) -> tuple[str, str]:
    found = next(one for one in deployment["status"]["conditions"] if one["type"] == kind)
    return found["status"], found["reason"]


def test_a_deployments_pods_have_the_names_that_follow_from_its_own(world: World) -> None:
    world.deployment(replicas=3)
    world.run()
    assert sorted(world.names()) == sorted(pod_names("default", "web", 3))
    assert world.replica_sets() == {FIRST: (3, 3)}
    assert world.events("ScalingReplicaSet") == [f"Scaled up replica set {FIRST} from 0 to 3"]
    owner = world.pods("default")[0]["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("ReplicaSet", FIRST, True)


def test_its_status_says_when_the_rollout_is_complete(world: World) -> None:
    world.unready.add("*")
    world.deployment(replicas=2)
    world.run()
    waiting = world.store.get(DEPLOYMENTS, "default", "web")
    assert (waiting["status"]["updatedReplicas"], waiting["status"]["unavailableReplicas"]) == (2, 2)
    assert condition(waiting, "Available") == ("False", "MinimumReplicasUnavailable")
    for name in world.names():
        world.ready(name, True)
    world.run()
    done = world.store.get(DEPLOYMENTS, "default", "web")
    assert (done["status"]["readyReplicas"], done["status"]["availableReplicas"]) == (2, 2)
    assert "unavailableReplicas" not in done["status"]
    assert condition(done, "Available") == ("True", "MinimumReplicasAvailable")
    assert condition(done, "Progressing") == ("True", "NewReplicaSetAvailable")
    assert done["status"]["observedGeneration"] == done["metadata"]["generation"]


def test_a_new_template_is_rolled_out_pod_by_pod(world: World) -> None:
    world.deployment(replicas=3)
    world.run()
    world.change(DEPLOYMENTS, "web", spec={"template": template("two")})
    least = 3
    while True:
        world.settle()
        alive = [pod for pod in world.pods("default") if not is_terminating(pod)]
        least = min(least, sum(map(is_ready, alive)))
        assert len(alive) <= 4, "maxSurge of 25% of three pods is one"
        if not world.report():
            break
    assert least == 3, "maxUnavailable of 25% of three pods is none"
    sizes = world.replica_sets()
    assert sizes.pop(FIRST) == (0, 0)
    assert list(sizes.values()) == [(3, 3)]
    assert {pod["spec"]["containers"][0]["image"] for pod in world.pods("default")} == {"two"}


def test_revisions_are_counted_and_going_back_takes_the_former_replica_set(world: World) -> None:
    world.deployment()
    world.run()
    world.change(DEPLOYMENTS, "web", spec={"template": template("two")})
    world.run()
    world.change(DEPLOYMENTS, "web", spec={"template": template("one")})  # as kubectl rollout undo does
    world.run()
    assert world.replica_sets()[FIRST] == (2, 2)
    marks = {
        item["metadata"]["name"]: item["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
        for item in world.store.list(REPLICASETS)
    }
    assert marks[FIRST] == "3"
    assert sorted(marks.values()) == ["2", "3"]
    annotations = world.store.get(DEPLOYMENTS, "default", "web")["metadata"]["annotations"]
    assert annotations["deployment.kubernetes.io/revision"] == "3"


def test_recreate_ends_all_pods_before_it_makes_new_ones(world: World) -> None:
    world.deployment(strategy={"type": "Recreate"})
    world.run()
    world.slow_to_end = True
    world.change(DEPLOYMENTS, "web", spec={"template": template("two")})
    world.run()
    ending = world.pods("default")
    assert len(ending) == 2
    assert all("deletionTimestamp" in pod["metadata"] for pod in ending), "they are still to end"
    world.slow_to_end = False
    world.run()
    images = [pod["spec"]["containers"][0]["image"] for pod in world.pods("default")]
    assert images == ["two", "two"]


def test_while_it_is_paused_only_its_size_is_followed(world: World) -> None:
    world.deployment()
    world.run()
    world.change(DEPLOYMENTS, "web", spec={"paused": True, "template": template("two"), "replicas": 3})
    world.run()
    assert world.replica_sets() == {FIRST: (3, 3)}
    paused = world.store.get(DEPLOYMENTS, "default", "web")
    assert condition(paused, "Progressing") == ("Unknown", "DeploymentPaused")
    world.change(DEPLOYMENTS, "web", spec={"paused": False})
    world.run()
    assert world.replica_sets()[FIRST] == (0, 0)


def test_scaling_changes_the_one_replica_set(world: World) -> None:
    world.deployment()
    world.run()
    before = set(world.names())
    world.change(DEPLOYMENTS, "web", spec={"replicas": 4})
    world.run()
    assert len(world.names()) == 4
    assert before < set(world.names())
    world.change(DEPLOYMENTS, "web", spec={"replicas": 0})
    world.run()
    assert world.names() == []
    assert world.replica_sets() == {FIRST: (0, 0)}


def test_a_rollout_without_progress_is_said_after_its_deadline(world: World) -> None:
    world.deployment(progressDeadlineSeconds=60)
    world.run()
    world.unready.add("*")
    world.change(DEPLOYMENTS, "web", spec={"template": template("broken")})
    world.run()
    due = world.runner.due(world.seconds)
    assert due is not None
    assert due <= 60
    world.seconds += 61
    world.run()
    stuck = world.store.get(DEPLOYMENTS, "default", "web")
    assert condition(stuck, "Progressing") == ("False", "ProgressDeadlineExceeded")
    assert world.replica_sets()[FIRST] == (2, 2), "the pods of the former template go on"


def test_only_so_many_former_replica_sets_are_kept(world: World) -> None:
    world.deployment(revisionHistoryLimit=1)
    for image in ("two", "three", "four"):
        world.run()
        world.change(DEPLOYMENTS, "web", spec={"template": template(image)})
    world.run()
    assert len(world.replica_sets()) == 2


def test_a_replica_set_in_its_name_that_is_not_its_own_is_passed_by(world: World) -> None:
    foreign = {
        "metadata": {"name": FIRST, "labels": {"app": "other"}},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "other"}},
            "template": template("one", "other"),
        },
    }
    world.make(REPLICASETS, foreign)
    world.deployment()
    world.run()
    assert len(world.names()) == 2
    assert world.store.get(DEPLOYMENTS, "default", "web")["status"]["collisionCount"] == 1


def test_a_replica_set_left_behind_is_taken_on_again(world: World) -> None:
    world.deployment()
    world.run()
    pods = world.names()
    world.delete(DEPLOYMENTS, "web", propagation="Orphan")
    world.run()
    assert world.replica_sets() == {FIRST: (2, 2)}
    world.deployment()
    world.run()
    assert world.names() == pods
    assert world.store.get(REPLICASETS, "default", FIRST)["metadata"]["ownerReferences"][0]["name"] == "web"


def test_pods_must_be_ready_for_a_while_to_be_available(world: World) -> None:
    world.deployment(replicas=1, minReadySeconds=10)
    world.run()
    status = world.store.get(DEPLOYMENTS, "default", "web")["status"]
    assert status["readyReplicas"] == 1
    assert "availableReplicas" not in status
    world.seconds += 10
    world.run()
    assert world.store.get(DEPLOYMENTS, "default", "web")["status"]["availableReplicas"] == 1


@pytest.mark.parametrize(
    ("replicas", "rolling", "expected"),
    [
        (4, {}, Bounds(1, 1)),
        (3, {}, Bounds(1, 0)),
        (10, {"maxSurge": "30%", "maxUnavailable": "39%"}, Bounds(3, 3)),
        (2, {"maxSurge": 0, "maxUnavailable": 0}, Bounds(0, 1)),
        (2, {"maxSurge": 5, "maxUnavailable": 5}, Bounds(5, 2)),
    ],
)
def test_shares_are_rounded_so_that_a_rollout_goes_on(replicas: int, rolling: Json, expected: Bounds) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": rolling}
    assert Bounds.of({"spec": {"replicas": replicas, "strategy": strategy}}) == expected


def test_broken_pods_of_former_templates_go_first() -> None:
    olds = [Scale("a", 2, 0), Scale("b", 2, 2)]
    assert old_replicas(3, Scale("new", 1, 0), olds, Bounds(2, 1)) == {"a": 0}
    assert new_replicas(3, 1, olds, Bounds(2, 1)) == 1, "there are as many as may be"
