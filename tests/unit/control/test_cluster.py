"""The API's objects to the cluster that the network is made for."""

from __future__ import annotations

import pytest

from lab.api.resources import ENDPOINTSLICES, NODES, PODS, SERVICES
from lab.api.store import Json
from lab.cluster.objects import Cluster, Endpoint, EndpointSlice, PortEndpoints, Service, ServicePort
from lab.control.cluster import Derivation
from tests.effort import Effort
from tests.unit.control.world import World

SERVICE = "kubernetes.io/service-name"


def cluster(world: World) -> Cluster:
    return world.derivation.cluster(world.nodes)


def own(world: World, name: str = "web") -> Service:
    return next(one for one in cluster(world).services if one.name == name)


def slice_of(world: World, name: str = "web") -> EndpointSlice:
    return next(one for one in cluster(world).slices if one.service == name)


def write_slice(world: World, endpoints: list[Json], ports: list[Json], **parts: object) -> None:
    item = {"metadata": {"name": "mine", "labels": {SERVICE: "web"}}, "addressType": "IPv4", **parts}
    world.make(ENDPOINTSLICES, {**item, "endpoints": endpoints, "ports": ports})


def test_the_labs_own_come_first_whenever_they_were_made(world: World) -> None:
    world.pod("a", {"app": "web"})
    world.service()
    world.run()
    world.delete(PODS, "dns-0", "kube-system")
    world.run()
    found = cluster(world)
    assert [pod.name for pod in found.pods] == ["dns-1", "dns-0", "a"]
    assert [service.name for service in found.services] == ["kube-dns", "kubernetes", "web"]
    assert [one.service for one in found.slices] == ["kubernetes", "kube-dns", "web"]


def test_pods_count_from_when_they_have_a_node_until_they_are_finished(world: World) -> None:
    world.pod("a", schedulingGates=[{"name": "mine"}])
    world.pod("b", nodeName="elsewhere")
    world.run()
    assert [pod.name for pod in cluster(world).pods] == ["dns-0", "dns-1"]
    world.change(PODS, "a", spec={"schedulingGates": []})
    world.run()
    assert [pod.name for pod in cluster(world).pods][2:] == ["a"]
    done = world.store.get(PODS, "default", "a")
    world.store.update(PODS, {**done, "status": {**done["status"], "phase": "Failed"}})
    assert [pod.name for pod in cluster(world).pods] == ["dns-0", "dns-1"]


def test_nobody_else_makes_a_pod_the_labs_own(world: World) -> None:
    item = world.pod("dns-9", None)
    annotations = {"hoplab.io/system": "dnsmasq"}
    world.store.update(PODS, {**item, "metadata": {**item["metadata"], "annotations": annotations}})
    world.run()
    assert [pod.system for pod in cluster(world).pods] == ["dnsmasq", "dnsmasq", ""]


def test_a_pods_deployment_and_program_are_known(world: World) -> None:
    containers = [
        {"name": "c", "command": ["run"], "args": ["fast"], "ports": [{"containerPort": 80, "name": "http"}]},
        {"name": "d", "ports": [{"containerPort": 80}, {"containerPort": 53, "protocol": "UDP"}]},
    ]
    world.deployment(replicas=1, template={"metadata": {"labels": {"app": "web"}}, "spec": {"containers": containers}})
    world.run()
    pod = cluster(world).pods[-1]
    assert (pod.owner, pod.command, pod.ready) == ("web", ("run", "fast"), True)
    assert [(port.port, port.protocol, port.name) for port in pod.ports] == [(80, "TCP", "http"), (53, "UDP", "")]
    assert [(one.name, one.replicas) for one in cluster(world).deployments] == [("web", 1)]


def test_all_that_a_service_says_is_taken_over(world: World) -> None:
    world.service(
        type="LoadBalancer",
        externalIPs=["198.51.100.1"],
        loadBalancerSourceRanges=["192.0.2.0/24"],
        sessionAffinity="ClientIP",
        sessionAffinityConfig={"clientIP": {"timeoutSeconds": 60}},
        internalTrafficPolicy="Local",
        externalTrafficPolicy="Local",
        healthCheckNodePort=31000,
        ports=[{"name": "http", "port": 80, "targetPort": "web", "protocol": "TCP", "nodePort": 30080}],
    )
    world.change(SERVICES, "web", status={"loadBalancer": {"ingress": [{"ip": "203.0.113.9"}, {"hostname": "h"}]}})
    assert own(world) == Service(
        "default",
        "web",
        "LoadBalancer",
        "172.16.20.1",
        (ServicePort("http", "TCP", 80, "web", 30080),),
        (("app", "web"),),
        "",
        ("198.51.100.1",),
        ("203.0.113.9",),
        ("192.0.2.0/24",),
        60,
        "Local",
        "Local",
        31000,
    )


def test_headless_and_external_services_have_no_address(world: World) -> None:
    world.service("headless", clusterIP="None")
    world.service("outside", type="ExternalName", externalName="www.example.com", ports=[])
    assert (own(world, "headless").cluster_ip, own(world, "headless").external_name) == ("", "")
    outside = own(world, "outside")
    assert (outside.cluster_ip, outside.external_name, outside.selector) == ("", "www.example.com", ())


def test_endpoints_are_pods_where_there_is_one_and_addresses_elsewhere(world: World) -> None:
    world.service(selector={})
    reference = {"kind": "Pod", "namespace": "default", "name": "a"}
    endpoints = [
        {"addresses": ["10.244.0.99"], "targetRef": reference},
        {"addresses": ["192.0.2.1"], "conditions": {"ready": False, "terminating": True}, "nodeName": "node-1"},
        {"addresses": ["192.0.2.2"], "conditions": {"ready": False, "serving": True}, "hostname": "h"},
    ]
    write_slice(world, endpoints, [{"name": "http", "port": 8080, "protocol": "TCP"}])
    world.run()
    others = (
        Endpoint("", "192.0.2.1", "node-1", "", False, False, True),
        Endpoint("", "192.0.2.2", "", "h", False, True, False),
    )
    assert slice_of(world).ports[0].endpoints == (Endpoint("", "10.244.0.99"), *others)
    world.pod("a", nodeName="node-2")
    assert slice_of(world).ports[0].endpoints == (Endpoint("default/a", "", "node-2"), *others)
    world.store.remove(PODS, "default", "a")
    assert slice_of(world).ports[0].endpoints == (Endpoint("", "10.244.0.99"), *others)


def test_a_headless_service_without_ports_has_endpoints_for_its_names(world: World) -> None:
    world.service(clusterIP="None", ports=[])
    world.pod("a", {"app": "web"})
    world.run()
    node = cluster(world).pods[-1].node
    assert slice_of(world).ports == (PortEndpoints("", "TCP", 0, (Endpoint("default/a", "", node),)),)


def test_slices_of_no_service_or_another_family_are_left_out(world: World) -> None:
    write_slice(world, [{"addresses": ["2001:db8::1"]}], [], addressType="IPv6")
    assert [one.service for one in cluster(world).slices if one.service == "web"] == []


def test_the_cluster_is_the_same_object_as_long_as_nothing_changes(world: World) -> None:
    before = cluster(world)
    world.change(NODES, "node-0", "", metadata={"annotations": {"a": "b"}})
    assert cluster(world) is before
    world.pod("a", nodeName="node-0")
    assert cluster(world) is not before
    assert world.derivation.cluster(("node-1",)).pods[0].name == "dns-1", "other nodes, other pods"


@pytest.mark.parametrize("size", [2000])
def test_one_change_among_many_services_costs_little(world: World, size: int) -> None:
    for number in range(size):
        world.service(f"s{number}", clusterIP=f"172.16.{100 + number // 250}.{number % 250}")
    world.pod("one", {"app": "s77"})
    world.run()
    cluster(world)
    with Effort() as following:
        world.ready("one", False)
        world.settle()
        cluster(world)
    assert slice_of(world, "s77").ports[0].endpoints[0].ready is False
    with Effort() as anew:
        fresh = Derivation(world.store).cluster(world.nodes)
    assert set(fresh.slices) == set(cluster(world).slices)
    assert following.ms < anew.ms, "following one change costs less than looking at all objects"


def test_hints_and_zones_reach_the_network_as_they_change(world: World) -> None:
    labels = world.store.get(NODES, "", "node-1")["metadata"]["labels"]
    world.change(NODES, "node-1", "", metadata={"labels": {**labels, "topology.kubernetes.io/zone": "east"}})
    world.pod("a", {"app": "web"}, nodeName="node-1")
    world.service(trafficDistribution="PreferSameNode")
    world.run()
    (endpoint,) = slice_of(world).ports[0].endpoints
    assert (endpoint.zone, endpoint.for_zones, endpoint.for_nodes) == ("east", ("east",), ("node-1",))
    assert cluster(world).zones == (("node-1", "east"),)
    world.change(NODES, "node-1", "", metadata={"labels": labels})
    world.run()
    (endpoint,) = slice_of(world).ports[0].endpoints
    assert (endpoint.zone, endpoint.for_zones, endpoint.for_nodes) == ("", (), ("node-1",))
    assert cluster(world).zones == ()
