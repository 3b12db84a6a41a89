"""What a Service's slices and Endpoints say, and how they follow pods."""

from __future__ import annotations

import pytest

from lab.api.resources import ENDPOINTS, ENDPOINTSLICES, NODES, PODS, SERVICES
from lab.api.store import Json
from lab.cluster.endpoints import slice_name
from lab.topology.schema import ZONE
from tests.unit.control.world import World

SERVICE, MANAGED = "kubernetes.io/service-name", "endpointslice.kubernetes.io/managed-by"


def conditions(world: World, service: str = "web") -> list[tuple[bool, bool, bool]]:
    told = [endpoint["conditions"] for endpoint in world.endpoints(service)]
    return [(one["ready"], one["serving"], one["terminating"]) for one in told]


def test_a_services_slice_names_its_pods(world: World) -> None:
    world.pod("a", {"app": "web"})
    world.service()
    world.run()
    found = world.store.get(ENDPOINTSLICES, "default", slice_name("default", "web", 0))
    assert found["metadata"]["labels"] == {SERVICE: "web", MANAGED: "endpointslice-controller.k8s.io"}
    assert found["metadata"]["ownerReferences"][0]["name"] == "web"
    assert found["ports"] == [{"name": "http", "protocol": "TCP", "port": 8080}]
    pod = world.store.get(PODS, "default", "a")
    assert found["endpoints"] == [
        {
            "addresses": [pod["status"]["podIP"]],
            "conditions": {"ready": True, "serving": True, "terminating": False},
            "nodeName": pod["spec"]["nodeName"],
            "targetRef": {"kind": "Pod", "namespace": "default", "name": "a", "uid": pod["metadata"]["uid"]},
        }
    ]


def test_readiness_is_followed_and_a_pod_that_ends_its_work_still_serves(world: World) -> None:
    world.pod("a", {"app": "web"})
    world.service()
    world.run()
    world.ready("a", False)
    world.run()
    assert conditions(world) == [(False, False, False)]
    world.ready("a", True)
    world.slow_to_end = True
    world.delete(PODS, "a")
    world.run()
    assert conditions(world) == [(False, True, True)]
    assert world.store.get(ENDPOINTS, "default", "web")["subsets"] == []
    world.slow_to_end = False
    world.run()
    assert world.endpoints() == []
    assert world.names(ENDPOINTSLICES) == ["kubernetes", slice_name("default", "web", 0)], "an empty one stays"


def test_pods_without_address_and_finished_ones_are_no_endpoints(world: World) -> None:
    world.pod("waiting", {"app": "web"}, nodeSelector={"no": "such"})
    world.pod("done", {"app": "web"})
    world.service()
    world.run()
    done = world.store.get(PODS, "default", "done")
    world.store.update(PODS, {**done, "status": {**done["status"], "phase": "Succeeded"}})
    world.run()
    assert world.endpoints() == []


def test_publish_not_ready_addresses_makes_all_of_them_ready(world: World) -> None:
    world.unready.add("*")
    world.pod("a", {"app": "web"})
    world.service(publishNotReadyAddresses=True)
    world.run()
    assert conditions(world) == [(True, False, False)]


def test_a_headless_service_has_names_for_its_pods(world: World) -> None:
    world.pod("a", {"app": "web"}, hostname="first", subdomain="web")
    world.service(clusterIP="None", ports=[])
    world.run()
    found = world.store.get(ENDPOINTSLICES, "default", slice_name("default", "web", 0))
    assert found["metadata"]["labels"]["service.kubernetes.io/headless"] == ""
    assert found["ports"] == []
    assert found["endpoints"][0]["hostname"] == "first"


def test_named_ports_with_other_numbers_have_slices_of_their_own(world: World) -> None:
    for name, number in (("a", 8080), ("b", 9090), ("c", 8080)):
        ports = [{"name": "http", "containerPort": number, "protocol": "TCP"}]
        world.pod(name, {"app": "web"}, containers=[{"name": "c", "ports": ports}])
    world.service(ports=[{"port": 80, "targetPort": "http", "protocol": "TCP"}])
    world.run()
    names = [slice_name("default", "web", number) for number in range(2)]
    found = [world.store.get(ENDPOINTSLICES, "default", name) for name in names]
    assert [(item["ports"][0]["port"], len(item["endpoints"])) for item in found] == [(8080, 2), (9090, 1)]
    subsets = world.store.get(ENDPOINTS, "default", "web")["subsets"]
    assert [(one["ports"][0]["port"], len(one["addresses"])) for one in subsets] == [(8080, 2), (9090, 1)]


def test_a_slice_has_at_most_a_hundred_endpoints_and_few_change(world: World) -> None:
    world.deployment(replicas=250)
    world.service()
    world.run()
    slices = [item for item in world.store.list(ENDPOINTSLICES, "default") if item["metadata"]["name"] != "kubernetes"]
    assert sorted(len(item["endpoints"]) for item in slices) == [50, 100, 100]
    before = world.store.revision
    gone = slices[0]["endpoints"][0]["targetRef"]["name"]
    world.delete(PODS, gone)
    world.run()
    touched = {change.key for change in world.store.since(before) if change.resource is ENDPOINTSLICES}
    assert len(touched) <= 2, "the slice that lost one, and the one that had room for its successor"
    assert len(world.endpoints()) == 250


def test_slices_follow_what_people_do_to_them_and_to_the_service(world: World) -> None:
    world.pod("a", {"app": "web"})
    world.pod("b", {"app": "other"})
    world.service()
    world.run()
    name = slice_name("default", "web", 0)
    world.store.update(ENDPOINTSLICES, {**world.store.get(ENDPOINTSLICES, "default", name), "endpoints": []})
    world.run()
    assert len(world.endpoints()) == 1, "what somebody took out is put back"
    world.store.remove(ENDPOINTSLICES, "default", name)
    world.store.remove(ENDPOINTS, "default", "web")
    world.run()
    assert len(world.endpoints()) == 1
    world.change(SERVICES, "web", spec={"selector": {"app": "other"}})
    world.run()
    assert [endpoint["targetRef"]["name"] for endpoint in world.endpoints()] == ["b"]
    world.delete(SERVICES, "web")
    world.run()
    assert world.names(ENDPOINTSLICES) == ["kubernetes"]
    assert world.names(ENDPOINTS) == ["kubernetes"]


def test_endpoints_that_people_write_are_mirrored(world: World) -> None:
    world.service(selector={})
    subsets = [
        {
            "addresses": [{"ip": "192.0.2.1"}, {"ip": "2001:db8::1"}],
            "notReadyAddresses": [{"ip": "192.0.2.2"}],
            "ports": [{"name": "http", "port": 8080}],
        }
    ]
    world.make(ENDPOINTS, {"metadata": {"name": "web"}, "subsets": subsets})
    world.run()
    found = world.store.get(ENDPOINTSLICES, "default", slice_name("default", "web", 0))
    assert found["metadata"]["labels"][MANAGED] == "endpointslicemirroring-controller.k8s.io"
    assert found["ports"] == [{"name": "http", "protocol": "TCP", "port": 8080}]
    told = [(endpoint["addresses"], endpoint["conditions"]["ready"]) for endpoint in found["endpoints"]]
    assert told == [(["192.0.2.1"], True), (["192.0.2.2"], False)]
    world.store.update(ENDPOINTS, {**world.store.get(ENDPOINTS, "default", "web"), "subsets": []})
    world.run()
    assert world.endpoints() == []
    world.store.remove(ENDPOINTS, "default", "web")
    world.run()
    assert world.names(ENDPOINTSLICES) == ["kubernetes"]


def in_zone(world: World, node: str, zone: str) -> None:
    labels = world.store.get(NODES, "", node)["metadata"]["labels"]
    world.change(NODES, node, "", metadata={"labels": {**labels, ZONE: zone}})


def hints(world: World) -> list[Json | None]:
    return [endpoint.get("hints") for endpoint in world.endpoints()]


@pytest.mark.parametrize(
    ("preference", "annotations", "expected"),
    [
        (None, {}, None),
        ("PreferClose", {}, {"forZones": [{"name": "east"}]}),
        ("PreferSameZone", {}, {"forZones": [{"name": "east"}]}),
        ("PreferSameNode", {}, {"forZones": [{"name": "east"}], "forNodes": [{"name": "node-0"}]}),
        ("PreferClose", {"service.kubernetes.io/topology-mode": "Auto"}, None),
        ("PreferClose", {"service.kubernetes.io/topology-mode": "Disabled"}, {"forZones": [{"name": "east"}]}),
    ],
)
def test_endpoints_have_their_nodes_zone_and_the_hints_that_the_service_wants(
    world: World, preference: str | None, annotations: dict[str, str], expected: Json | None
) -> None:
    in_zone(world, "node-0", "east")
    world.pod("a", {"app": "web"}, nodeName="node-0")
    world.service(**({"trafficDistribution": preference} if preference else {}))
    world.change(SERVICES, "web", metadata={"annotations": annotations})
    world.run()
    assert [endpoint["zone"] for endpoint in world.endpoints()] == ["east"]
    assert hints(world) == [expected]


def test_what_is_not_ready_or_in_no_zone_has_no_hints_for_zones(world: World) -> None:
    in_zone(world, "node-0", "east")
    world.pod("a", {"app": "web"}, nodeName="node-0")
    world.pod("b", {"app": "web"}, nodeName="node-1")
    world.service(trafficDistribution="PreferSameNode")
    world.run()
    east = {"forZones": [{"name": "east"}], "forNodes": [{"name": "node-0"}]}
    assert hints(world) == [east, {"forNodes": [{"name": "node-1"}]}]
    world.ready("a", False)
    world.run()
    assert hints(world) == [None, {"forNodes": [{"name": "node-1"}]}]


def test_hints_follow_the_nodes_label_and_the_service(world: World) -> None:
    world.pod("a", {"app": "web"}, nodeName="node-0")
    world.service(trafficDistribution="PreferClose")
    world.run()
    assert hints(world) == [None]
    for zone in ("east", "west"):
        in_zone(world, "node-0", zone)
        world.run()
        assert hints(world) == [{"forZones": [{"name": zone}]}]
    world.change(SERVICES, "web", spec={"trafficDistribution": None})
    world.run()
    assert hints(world) == [None]
