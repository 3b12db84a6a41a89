"""What goes with its owner, what waits for what it owns, what stays, and what becomes of a namespace's content."""

from __future__ import annotations

from lab.api.resources import CONFIGMAPS, DEPLOYMENTS, NAMESPACES, NODES, PODS, REPLICASETS
from lab.control.ownership import controller_of, references
from tests.unit.control.world import World, addresses, deployment, pod, topology


def test_in_the_background_the_owner_goes_first(world: World) -> None:
    world.deployment()
    world.run()
    world.slow_to_end = True
    world.delete(DEPLOYMENTS, "web")
    world.run()
    assert world.names(DEPLOYMENTS) == []
    assert world.names(REPLICASETS) == []
    assert len(world.names()) == 2, "their programs are still to end"
    world.slow_to_end = False
    world.run()
    assert world.names() == []


def test_in_the_foreground_the_owner_waits(world: World) -> None:
    world.deployment()
    world.run()
    world.slow_to_end = True
    world.delete(DEPLOYMENTS, "web", propagation="Foreground")
    world.run()
    assert world.names(DEPLOYMENTS) == ["web"]
    assert len(world.names(REPLICASETS)) == 1
    assert all("deletionTimestamp" in item["metadata"] for item in world.pods("default"))
    world.slow_to_end = False
    world.run()
    assert world.names(DEPLOYMENTS) == world.names(REPLICASETS) == world.names() == []


def test_orphans_stay_without_their_owner(world: World) -> None:
    world.deployment()
    world.run()
    name = world.names(REPLICASETS)[0]
    world.delete(REPLICASETS, name, propagation="Orphan")
    world.delete(DEPLOYMENTS, "web", propagation="Orphan")
    world.run()
    assert world.names(DEPLOYMENTS) == world.names(REPLICASETS) == []
    assert [controller_of(item) for item in world.pods("default")] == [None, None]


def test_what_names_an_owner_that_never_was_is_collected(world: World) -> None:
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "gone", "uid": "never"}
    metadata = {**pod("lost")["metadata"], "ownerReferences": [owner]}
    world.make(PODS, {**pod("lost"), "metadata": metadata})
    foreign = {**owner, "apiVersion": "example.com/v1", "kind": "Strange"}
    kept = {**pod("kept")["metadata"], "ownerReferences": [foreign]}
    world.make(PODS, {**pod("kept"), "metadata": kept})
    world.run()
    assert world.names() == ["kept"], "owners of kinds that the API does not have are nobody's business"


def test_an_owner_among_others_is_only_forgotten(world: World) -> None:
    first, second = (world.make(CONFIGMAPS, {"metadata": {"name": name}}) for name in ("first", "second"))
    owners = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": one["metadata"]["name"], "uid": one["metadata"]["uid"]}
        for one in (first, second)
    ]
    world.make(PODS, {**pod("a"), "metadata": {**pod("a")["metadata"], "ownerReferences": owners}})
    world.run()
    world.delete(CONFIGMAPS, "first")
    world.run()
    assert [one["name"] for one in references(world.store.get(PODS, "default", "a"))] == ["second"]
    world.delete(CONFIGMAPS, "second")
    world.run()
    assert world.names() == []


def test_a_namespace_is_emptied_before_it_goes(world: World) -> None:
    world.namespace("shop")
    item = deployment()
    world.make(DEPLOYMENTS, {**item, "metadata": {"name": "web", "namespace": "shop"}})
    world.service(namespace="shop")
    world.run()
    assert len(world.pods("shop")) == 2
    world.slow_to_end = True
    world.delete(NAMESPACES, "shop")
    world.run()
    assert world.store.get(NAMESPACES, "", "shop")["status"]["phase"] == "Terminating"
    assert len(world.pods("shop")) == 2
    world.slow_to_end = False
    world.run()
    assert world.store.find(NAMESPACES, "", "shop") is None
    assert world.pods("shop") == []


def test_an_empty_namespace_goes_at_once(world: World) -> None:
    world.namespace("shop")
    world.run()
    world.delete(NAMESPACES, "shop")
    world.run()
    assert world.store.find(NAMESPACES, "", "shop") is None


def test_the_pods_of_a_node_that_leaves_are_gone_and_a_deployment_has_others(world: World) -> None:
    world.deployment(replicas=3)
    world.pod("alone", nodeName="node-2")
    world.run()
    assert {one["spec"]["nodeName"] for one in world.pods("default")} == {"node-0", "node-1", "node-2"}
    world.system.use(topology(2), addresses(2), "the Corefile")
    world.run()
    assert {one["spec"]["nodeName"] for one in world.pods("default")} == {"node-0", "node-1"}
    assert "alone" not in world.names()
    assert len(world.names()) == 3


def test_a_node_that_is_deleted_is_made_again_and_keeps_its_pods(world: World) -> None:
    world.pod("alone", nodeName="node-2")
    world.run()
    world.delete(NODES, "node-2")
    world.run()
    assert world.names() == ["alone"]
    assert "node-2" in world.names(NODES, "")
