"""Whatever people do to a cluster in whatever order: when all is at rest, it is as they asked."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.api.resources import DEPLOYMENTS, ENDPOINTS, PODS, REPLICASETS, RESOURCES, SERVICES
from lab.api.selectors import Labels
from lab.api.store import Json
from lab.control.cluster import Derivation
from lab.control.ownership import controller_of, references
from lab.control.pods.podstatus import is_finished, is_ready, is_terminating
from tests.unit.control.world import World, template

NAMES = ("web", "api")

Operation = tuple[str, str, int]

OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(
            (
                "create",
                "delete",
                "foreground",
                "orphan",
                "scale",
                "edit",
                "recreate",
                "serve",
                "unserve",
                "headless",
                "pod",
                "kill",
                "ready",
                "unready",
                "relabel",
                "finish",
                "slow",
                "fast",
                "run",
                "report",
            )
        ),
        st.sampled_from(NAMES),
        st.integers(0, 5),
    ),
    min_size=10,
    max_size=40,
)


def operate(world: World, operation: Operation) -> None:
    """Do it if it can be done now."""
    what, name, number = operation
    deployment = world.store.find(DEPLOYMENTS, "default", name)
    service = world.store.find(SERVICES, "default", name)
    alive = [pod for pod in world.pods("default") if not is_terminating(pod)]
    pod = alive[number % len(alive)]["metadata"]["name"] if alive else ""
    match what:
        case "create" if deployment is None:
            world.deployment(name, number)
        case "delete" | "foreground" | "orphan" if deployment is not None:
            propagation: Any = {"delete": "Background"}.get(what, what.capitalize())
            world.delete(DEPLOYMENTS, name, propagation=propagation)
        case "scale" if deployment is not None:
            world.change(DEPLOYMENTS, name, spec={"replicas": number})
        case "edit" if deployment is not None:
            world.change(DEPLOYMENTS, name, spec={"template": template(f"image-{number}", name)})
        case "recreate" if deployment is not None:
            world.change(DEPLOYMENTS, name, spec={"strategy": {"type": "Recreate"}})
        case "serve" | "headless" if service is None:
            address = "None" if what == "headless" else f"172.16.20.{number + 1}"
            world.service(name, clusterIP=address, publishNotReadyAddresses=number == 0)
        case "unserve" if service is not None:
            world.delete(SERVICES, name)
        case "pod" if world.store.find(PODS, "default", f"bare-{number}") is None:
            world.pod(f"bare-{number}", {"app": name})
        case "slow" | "fast":
            world.slow_to_end = what == "slow"
        case "run":
            world.run()
            world.derivation.cluster(world.nodes)
        case "report":
            world.settle()
            world.report()
        case _ if pod:
            operate_on_pod(world, what, name, pod)


def operate_on_pod(world: World, what: str, name: str, pod: str) -> None:
    item = world.store.get(PODS, "default", pod)
    match what:
        case "kill":
            world.delete(PODS, pod)
        case "ready" | "unready" if item["status"].get("podIP") and not is_finished(item):
            world.ready(pod, what == "ready")
        case "relabel":
            labels = {**item["metadata"].get("labels", {}), "app": name}
            world.change(PODS, pod, metadata={"labels": labels})
        case "finish" if item["status"].get("podIP"):
            world.change(PODS, pod, status={"phase": "Succeeded"})


def recover(world: World) -> None:
    """Everything ends that ends, and everything is well: rollouts come to their end."""
    world.slow_to_end = False
    world.run()
    for _ in range(30):
        sick = [pod for pod in world.pods("default") if not is_finished(pod) and not is_ready(pod)]
        if not sick:
            return
        for pod in sick:
            world.ready(pod["metadata"]["name"], True)
        world.run()
    raise AssertionError("the rollouts do not come to an end")


def told_by_slices(world: World, service: str) -> set[tuple[str, int, bool, bool, bool]]:
    found = world.endpoints(service)
    return {(one["targetRef"]["name"], 8080, *one["conditions"].values()) for one in found}


def told_by_pods(world: World, service: Json) -> set[tuple[str, int, bool, bool, bool]]:
    """From scratch."""
    early = service["spec"]["publishNotReadyAddresses"]
    return {
        (
            pod["metadata"]["name"],
            8080,
            early or (is_ready(pod) and not is_terminating(pod)),
            is_ready(pod),
            is_terminating(pod),
        )
        for pod in world.pods("default")
        if pod["status"].get("podIP")
        and not is_finished(pod)
        and Labels.of(service["spec"]["selector"]).matches(pod["metadata"].get("labels", {}))
    }


def check_always(world: World) -> None:
    """What holds whenever the controllers have nothing to do."""
    assert world.runner.failures == []
    services = [one for one in world.store.list(SERVICES, "default") if one["spec"].get("selector")]
    for service in services:
        name = service["metadata"]["name"]
        assert told_by_slices(world, name) == told_by_pods(world, service), f"the slices of {name} follow its pods"
        subsets = world.store.get(ENDPOINTS, "default", name)["subsets"]
        ready = {one["targetRef"]["name"] for subset in subsets for one in subset.get("addresses", ())}
        assert ready == {one[0] for one in told_by_pods(world, service) if one[2]}
    uids = {item["metadata"]["uid"] for resource in RESOURCES for item in world.store.each(resource)}
    for resource in RESOURCES:
        for item in world.store.each(resource):
            lost = [one["name"] for one in references(item) if one["uid"] not in uids]
            assert is_terminating(item) or not lost, f"{item['kind']} {item['metadata']['name']} has no owner"
    names = {one["metadata"]["name"] for one in services} | {"kubernetes"}
    assert set(world.names(ENDPOINTS)) == names
    made, fresh = world.derivation.cluster(world.nodes), Derivation(world.store).cluster(world.nodes)
    assert made == fresh, "what was followed change by change is what follows from all objects"


def check_at_rest(world: World) -> None:
    """What holds when also every pod that ends has ended, and all are well."""
    for item in world.store.list(REPLICASETS, "default"):
        uid, name = item["metadata"]["uid"], item["metadata"]["name"]
        pods = [one for one in world.pods("default") if (controller_of(one) or {}).get("uid") == uid]
        alive = [one for one in pods if not is_finished(one)]
        assert len(alive) == item["spec"]["replicas"], f"{name} has as many pods as it asks for"
    for item in world.store.list(DEPLOYMENTS, "default"):
        wanted, status = item["spec"]["replicas"], item["status"]
        counts = [status.get(field, 0) for field in ("replicas", "updatedReplicas", "availableReplicas")]
        assert counts == [wanted] * 3, f"{item['metadata']['name']} is rolled out"
        owned = [
            one
            for one in world.store.list(REPLICASETS, "default")
            if (controller_of(one) or {}).get("uid") == item["metadata"]["uid"] and one["spec"]["replicas"]
        ]
        assert len(owned) == (1 if wanted else 0), "one template only has pods"
    assert all(pod["spec"].get("nodeName") for pod in world.pods()), "every pod has a node"


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(OPERATIONS)
def test_the_cluster_comes_to_what_was_asked_for(operations: list[Operation]) -> None:
    world = World()
    for operation in operations:
        operate(world, operation)
    world.settle()
    check_always(world)
    recover(world)
    check_always(world)
    check_at_rest(world)
    before = world.store.revision
    world.run()
    assert world.store.revision == before, "at rest, nothing is written any more"
