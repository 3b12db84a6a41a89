"""The map of a lab: what is in it, and that it comes through JSON unchanged."""

from __future__ import annotations

import json

import pytest

from lab.errors import UsageError
from lab.network.labmap import Dns, Endpoint, HostName, LabMap, Subnet
from tests.unit.network.test_path import mapped


@pytest.mark.parametrize("topology", ["minimal", "single-node", "two-subnet", "two-subnet-bridge", "three-subnet"])
def test_it_comes_through_json_unchanged(topology: str) -> None:
    labmap = mapped(topology)
    assert LabMap.from_json(json.loads(json.dumps(labmap.to_json()))) == labmap


def test_what_is_in_it() -> None:
    labmap = mapped("two-subnet")
    assert labmap.subnets[0] == Subnet("subnet-a", "10.0.1.0/24", "subnet-a")
    assert labmap.by_name["router"].subnets[:2] == ("subnet-a", "subnet-b")
    assert labmap.dns == Dns("cluster.local", "172.16.0.10", ("kube-system/dns-0", "kube-system/dns-1"))
    assert labmap.internet == (HostName("www.example.com", "203.0.113.80"),)
    myapp = next(service for service in labmap.services if service.name == "myapp")
    assert myapp.ports[0].endpoints[1] == Endpoint("10.244.0.129", 8080, "namespace001/pod-3")
    tunnel = labmap.by_name["node-0"].link("vxlan.calico")
    assert tunnel is not None
    assert (tunnel.vni, tunnel.port, tunnel.local) == (4096, 4789, "10.0.1.10")


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
