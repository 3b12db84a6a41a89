"""What people type for --to, and what is asked for then."""

from __future__ import annotations

import pytest

from lab.errors import UsageError
from lab.network.labmap import LabMap, Place
from lab.trace.target import aim, searched_names, via
from tests.unit.trace.recordings import labmap

FULL_NAME = "myapp.namespace001.svc.cluster.local"


@pytest.fixture
def two_subnet() -> LabMap:
    return labmap("two-subnet")


@pytest.fixture
def pod_0(two_subnet: LabMap) -> Place:
    return two_subnet.find("pod-0")


@pytest.mark.parametrize("typed", ["myapp", "myapp.namespace001", "myapp.namespace001.svc", FULL_NAME, FULL_NAME + "."])
def test_a_service_is_found_by_every_name_that_dns_would_find_it_by(
    two_subnet: LabMap, pod_0: Place, typed: str
) -> None:
    target = aim(two_subnet, pod_0, typed, None, "tcp")
    assert (target.name, target.address, target.port) == (typed, "", 80)
    assert [endpoint.pod for endpoint in target.endpoints] == ["namespace001/pod-2", "namespace001/pod-3"]


@pytest.mark.parametrize(
    ("typed", "protocol", "name", "address", "port"),
    [
        ("172.16.10.10", "tcp", "", "172.16.10.10", 80),
        ("172.16.10.10:8443", "tcp", "", "172.16.10.10", 8443),
        ("kube-dns.kube-system", "udp", "kube-dns.kube-system", "", 53),
        ("pod-3", "tcp", "", "10.244.0.129", 8080),
        ("namespace001/pod-3:81", "tcp", "", "10.244.0.129", 81),
        ("10.244.0.129", "udp", "", "10.244.0.129", 8080),
        ("node-2", "tcp", "", "10.0.2.10", 80),
        ("node-2", "icmp", "", "10.0.2.10", 0),
        ("www.example.com", "tcp", "www.example.com", "", 80),
        ("8.8.8.8:53", "udp", "", "8.8.8.8", 53),
        ("nobody", "tcp", "nobody", "", 80),
    ],
)
def test_what_is_asked_for(
    *, two_subnet: LabMap, pod_0: Place, typed: str, protocol: str, name: str, address: str, port: int
) -> None:
    target = aim(two_subnet, pod_0, typed, None, protocol)
    assert (target.name, target.address, target.port) == (name, address, port)


def test_the_resolver_walks_the_search_list_when_a_name_has_fewer_than_five_dots(two_subnet: LabMap) -> None:
    assert searched_names(two_subnet, "namespace001", "www.example.com") == [
        "www.example.com.namespace001.svc.cluster.local",
        "www.example.com.svc.cluster.local",
        "www.example.com.cluster.local",
        "www.example.com",
    ]
    assert searched_names(two_subnet, "namespace001", "www.example.com.") == ["www.example.com"]
    assert searched_names(two_subnet, "namespace001", "a.b.c.d.e.f")[0] == "a.b.c.d.e.f"


def test_via_is_one_of_the_services_ready_pods(two_subnet: LabMap, pod_0: Place) -> None:
    target = aim(two_subnet, pod_0, "myapp", None, "tcp")
    assert via(two_subnet, target, "pod-3").address == "10.244.0.129"
    with pytest.raises(UsageError) as refused:
        via(two_subnet, target, "pod-1")
    assert refused.value.hint == "its endpoints: namespace001/pod-2, namespace001/pod-3"


def test_via_makes_no_sense_without_a_service(two_subnet: LabMap, pod_0: Place) -> None:
    with pytest.raises(UsageError, match="is not a Service"):
        via(two_subnet, aim(two_subnet, pod_0, "pod-3", None, "tcp"), "pod-3")


@pytest.mark.parametrize("typed", ["myapp:0", "myapp:70000", "myapp:http", "myapp:", ":80", "other/pod-9"])
def test_what_cannot_be_asked_for(two_subnet: LabMap, pod_0: Place, typed: str) -> None:
    with pytest.raises(UsageError):
        aim(two_subnet, pod_0, typed, None, "tcp")


def test_a_node_port_on_any_node_is_the_service() -> None:
    lab = labmap("two-subnet-node-port")
    for typed, text in (("node-2:30080", "node-2"), ("10.0.1.11:30080", "node-1"), ("10.244.0.128:30080", "node-2")):
        target = aim(lab, lab.find("pod-0"), typed, None, "tcp")
        assert (target.text, target.name, target.port) == (text, "", 30080)
        assert target.service is not None
        assert target.service.full_name == "namespace001/myapp"
        assert via(lab, target, "pod-2").port == 8080


@pytest.mark.parametrize(("typed", "protocol"), [("node-2:30081", "tcp"), ("node-2:30080", "udp"), ("node-2", "icmp")])
def test_any_other_port_of_a_node_is_the_nodes_own(typed: str, protocol: str) -> None:
    lab = labmap("two-subnet-node-port")
    assert aim(lab, lab.find("pod-0"), typed, None, protocol).service is None
