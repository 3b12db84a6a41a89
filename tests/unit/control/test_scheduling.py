"""Which node a pod goes to, and what is said when there is none."""

from __future__ import annotations

from typing import Any

import pytest

from lab.api.resources import NODES, PODS
from lab.api.store import Json
from tests.unit.control.world import World

HOSTNAME = "kubernetes.io/hostname"


def node_of(world: World, name: str) -> str:
    return str(world.store.get(PODS, "default", name)["spec"].get("nodeName", ""))


def scheduled(world: World, name: str) -> Json:
    conditions = world.store.get(PODS, "default", name)["status"]["conditions"]
    return next(one for one in conditions if one["type"] == "PodScheduled")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (["", "", "", ""], ["node-2", "node-0", "node-1", "node-2"]),
        (["node-0", "", "", ""], ["node-0", "node-2", "node-1", "node-2"]),
        (["node-2", "node-2", "", "", ""], ["node-2", "node-2", "node-0", "node-1", "node-0"]),
        (["", "node-2"], ["node-2", "node-2"]),
    ],
)
def test_pods_go_where_they_must_or_where_there_are_fewest(
    world: World, wanted: list[str], expected: list[str]
) -> None:
    """The DNS pods are on node-0 and node-1 already."""
    for index, node in enumerate(wanted):
        spec: dict[str, Any] = {"nodeName": node} if node else {}
        world.pod(f"pod-{index}", **spec)
    world.run()
    assert [node_of(world, f"pod-{index}") for index in range(len(wanted))] == expected


def test_labels_of_nodes_are_asked_for_and_waited_for(world: World) -> None:
    world.pod("a", nodeSelector={HOSTNAME: "node-2"})
    world.pod("b", nodeSelector={"disk": "fast"})
    world.run()
    assert (node_of(world, "a"), node_of(world, "b")) == ("node-2", "")
    told = "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector."
    assert world.events("FailedScheduling") == [told]
    assert (scheduled(world, "b")["status"], scheduled(world, "b")["message"]) == ("False", told)
    labels = world.store.get(NODES, "", "node-1")["metadata"]["labels"]
    world.change(NODES, "node-1", "", metadata={"labels": {**labels, "disk": "fast"}})
    world.run()
    assert node_of(world, "b") == "node-1"
    assert scheduled(world, "b")["status"] == "True"
    assert "Successfully assigned default/b to node-1" in world.events("Scheduled")


def test_cordoned_and_tainted_nodes_get_nothing(world: World) -> None:
    world.change(NODES, "node-0", "", spec={"unschedulable": True})
    world.change(NODES, "node-1", "", spec={"taints": [{"key": "k", "value": "v", "effect": "NoSchedule"}]})
    world.pod("a")
    world.pod("b", tolerations=[{"key": "k", "operator": "Exists"}], nodeSelector={HOSTNAME: "node-1"})
    world.change(NODES, "node-2", "", spec={"unschedulable": True})
    world.run()
    assert (node_of(world, "a"), node_of(world, "b")) == ("", "node-1")
    told = "0/3 nodes are available: 1 node(s) had untolerated taint {k: v}, 2 node(s) were unschedulable."
    assert world.events("FailedScheduling") == [told]
    world.change(NODES, "node-2", "", spec={"unschedulable": False})
    world.run()
    assert node_of(world, "a") == "node-2"


def test_node_affinity_is_heeded(world: World) -> None:
    terms = [{"matchExpressions": [{"key": HOSTNAME, "operator": "NotIn", "values": ["node-0", "node-1"]}]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    for index in range(2):
        world.pod(f"pod-{index}", affinity={"nodeAffinity": required})
    world.run()
    assert {node_of(world, f"pod-{index}") for index in range(2)} == {"node-2"}


def test_gates_are_waited_for(world: World) -> None:
    world.pod("a", schedulingGates=[{"name": "mine"}])
    world.run()
    assert node_of(world, "a") == ""
    assert scheduled(world, "a")["reason"] == "SchedulingGated"
    world.change(PODS, "a", spec={"schedulingGates": []})
    world.run()
    assert node_of(world, "a")


def test_more_pods_than_kubelet_takes_are_told_once() -> None:
    world = World(1)
    for index in range(112):
        world.pod(f"pod-{index}")
    world.run()
    assert world.events("TooManyPods") == ["node-0 has more than 110 pods, kubelet's default limit"]
    assert all(pod["spec"]["nodeName"] == "node-0" for pod in world.pods())


def test_a_node_is_free_again_when_its_pods_are_gone_or_finished(world: World) -> None:
    for index in range(4):  # the DNS pods are on the first two
        world.pod(f"pod-{index}")
    world.run()
    assert [node_of(world, f"pod-{index}") for index in range(4)] == ["node-2", "node-0", "node-1", "node-2"]
    world.delete(PODS, "pod-0")
    done = world.store.get(PODS, "default", "pod-3")
    world.store.update(PODS, {**done, "status": {**done["status"], "phase": "Succeeded"}})
    world.run()
    world.pod("next")
    world.run()
    assert node_of(world, "next") == "node-2"
