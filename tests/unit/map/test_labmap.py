"""The map of a lab: what is in it, and that it comes through JSON unchanged."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from lab.cluster import objects
from lab.errors import UsageError
from lab.map.labmap import LabMap
from lab.map.names import Dns, HostName
from lab.map.place import Subnet
from lab.map.services import Endpoint
from lab.map.survey import lab_map
from lab.network.design import design
from lab.network.ipam import assign
from tests.unit.map.test_path import mapped
from tests.unit.network import small_labs


@pytest.mark.parametrize("topology", ["minimal", "single-node", "two-subnet", "two-subnet-bridge", "three-subnet"])
def test_it_comes_through_json_unchanged(topology: str) -> None:
    labmap = mapped(topology)
    assert LabMap.from_json(json.loads(json.dumps(labmap.to_json()))) == labmap


def test_what_is_in_it() -> None:
    labmap = mapped("two-subnet")
    assert labmap.subnets[0] == Subnet("subnet-a", "10.0.1.0/24", "subnet-a")
    assert labmap.by_name["router"].subnets[:2] == ("subnet-a", "subnet-b")
    assert labmap.dns == Dns("cluster.local", "172.16.0.10", ("kube-system/dns-0", "kube-system/dns-1"), "203.0.113.53")
    assert labmap.internet == (HostName("www.example.com", "203.0.113.80"),)
    myapp = next(service for service in labmap.services if service.name == "myapp")
    assert myapp.ports[0].endpoints[1] == Endpoint("10.244.0.129", 8080, "namespace001/pod-3")
    tunnel = labmap.by_name["node-0"].link("vxlan.calico")
    assert tunnel is not None
    assert (tunnel.vni, tunnel.port, tunnel.local) == (4096, 4789, "10.0.1.10")


def slice_of(*ends: objects.Endpoint) -> objects.EndpointSlice:
    return objects.EndpointSlice("shop", "web-1", "web", (objects.PortEndpoints("", "TCP", 8080, ends),))


def surveyed(*slices: objects.EndpointSlice, unready: Mapping[str, str]) -> LabMap:
    """One node with pods a and b, of which b is not ready, and a Service with these slices."""
    pods = (objects.Pod("shop", "a", "node-0"), objects.Pod("shop", "b", "node-0", ready=False))
    service = objects.Service("shop", "web", "ClusterIP", "172.16.0.9", (objects.ServicePort("", "TCP", 80, 8080),))
    cluster = objects.Cluster(("node-0",), ("shop",), pods, (service,), slices)
    topology = small_labs.spec({"node-0": "subnet-a"})
    made = assign(topology, cluster)
    return lab_map(topology, cluster, made, design(topology, cluster, made), unready=unready)


def test_it_says_why_who_is_not_ready_is_not() -> None:
    made = slice_of(
        objects.Endpoint("shop/a"),
        objects.Endpoint("shop/b", ready=False, serving=False),
        objects.Endpoint(address="192.0.2.1", node="node-0", ready=False, serving=False),
        objects.Endpoint(address="192.0.2.2", ready=False, serving=True, terminating=True),
        objects.Endpoint(address="192.0.2.3", ready=False, serving=False, terminating=True),
    )
    labmap = surveyed(made, unready={"shop/b": "its readiness probe fails: no"})
    a, b, bare, leaving, gone = labmap.services[0].ports[0].endpoints
    assert (a.why, b.why, bare.why) == (
        "",
        "its readiness probe fails: no",
        "its EndpointSlice says that it is not ready",
    )
    assert (leaving.leaving, leaving.why) == (True, "terminating, still serving: a last resort")
    assert (gone.leaving, gone.why) == (False, "terminating")
    assert [labmap.node_of(one) for one in (a, bare, leaving)] == ["node-0", "node-0", ""]
    assert labmap.services[0].ports[0].preferred == (a,)
    assert labmap.find("b").why == "its readiness probe fails: no"
    assert surveyed(made, unready={}).find("b").why == "not ready", "nobody said why"
    assert LabMap.from_json(json.loads(json.dumps(labmap.to_json()))) == labmap


def test_an_endpoint_in_two_slices_is_one_and_ready_if_either_says_so() -> None:
    unready, ready = objects.Endpoint("shop/a", ready=False, serving=False), objects.Endpoint("shop/a")
    labmap = surveyed(slice_of(unready), slice_of(ready), slice_of(unready), unready={})
    (found,) = labmap.services[0].ports[0].endpoints
    assert found.ready


def test_a_pod_is_found_by_its_own_name_where_only_one_has_it() -> None:
    labmap = mapped("two-subnet")
    assert labmap.find("pod-0").name == labmap.find("namespace001/pod-0").name == "namespace001/pod-0"


@pytest.mark.parametrize("name", ["pod-9", "", "namespace002/pod-0", "node"])
def test_a_place_that_is_not_there_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageError, match="has no place"):
        mapped("two-subnet").find(name)


def test_the_name_of_several_pods_is_ambiguous() -> None:
    labmap = mapped("two-subnet")
    pod = labmap.find("pod-0")
    twice = LabMap("x", places=(pod, type(pod)("other/pod-0", "pod")))
    with pytest.raises(UsageError) as refused:
        twice.find("pod-0")
    assert refused.value.hint == "say namespace001/pod-0 or other/pod-0"
