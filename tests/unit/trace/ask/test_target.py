"""What people type for --to, and what is asked for then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.errors import UsageError
from lab.map.labmap import LabMap
from lab.map.place import Place
from lab.trace.ask.reference import asker
from lab.trace.ask.target import aim, via
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


@pytest.mark.parametrize(
    ("typed", "name", "address", "port"),
    [
        ("svc/myapp", "myapp.namespace001", "", 80),
        ("services/myapp.namespace001:81", "myapp.namespace001", "", 81),
        ("pod/pod-3", "", "10.244.0.129", 8080),
        ("po/namespace001/pod-3:81", "", "10.244.0.129", 81),
        ("node/node-2", "", "10.0.2.10", 80),
        ("http://myapp.namespace001/health", "myapp.namespace001", "", 80),
        ("https://myapp", "myapp", "", 443),
        ("tcp://10.244.0.129:8080", "", "10.244.0.129", 8080),
    ],
)
def test_kinds_and_urls(*, two_subnet: LabMap, pod_0: Place, typed: str, name: str, address: str, port: int) -> None:
    target = aim(two_subnet, pod_0, typed, None, "tcp")
    assert (target.name, target.address, target.port) == (name, address, port)


def test_a_urls_path_is_asked_for(two_subnet: LabMap, pod_0: Place) -> None:
    assert aim(two_subnet, pod_0, "http://myapp/a/b?c=d", None, "tcp").path == "a/b?c=d"
    assert aim(two_subnet, pod_0, "http://myapp", None, "tcp").path == ""


def test_a_deployments_pod_is_a_ready_one(two_subnet: LabMap) -> None:
    of_web = ("namespace001/pod-1", "namespace001/pod-2")
    pods = tuple(
        replace(place, deployment="web", ready=place.name == of_web[1]) if place.name in of_web else place
        for place in two_subnet.places
    )
    deployed = replace(two_subnet, places=pods)
    assert aim(deployed, deployed.find("pod-0"), "deploy/web", None, "tcp").text == "namespace001/pod-2"
    assert asker(deployed, "deployment/web").name == "namespace001/pod-2"


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("svc/myap", "did you mean 'myapp'?"),
        ("pod/pod-33", "did you mean 'pod-3'?"),
        ("node/pod-3", "`./inv inspect` lists the places"),
        ("deploy/web", "`./inv get deployments` lists them"),
        ("gopher://myapp", "one of http, https, dns, tcp, udp"),
        ("http://", "give a Service, a pod, an address or a name, and :PORT if it is not the usual"),
        ("svc/", "svc/NAME"),
        ("myapp:0", "a port is a number from 1 to 65535"),
    ],
)
def test_what_is_not_there_is_answered_with_what_was_probably_meant(
    two_subnet: LabMap, pod_0: Place, typed: str, hint: str
) -> None:
    with pytest.raises(UsageError) as refused:
        aim(two_subnet, pod_0, typed, None, "tcp")
    assert refused.value.hint == hint


@pytest.mark.parametrize("typed", ["myapp", "myapp.namespace001", "svc/myapp", "myapp.namespace001.svc.cluster.local"])
def test_a_place_that_does_not_ask_the_clusters_dns_asks_a_service_by_its_address(
    two_subnet: LabMap, typed: str
) -> None:
    target = aim(two_subnet, two_subnet.find("node-0"), typed, None, "tcp")
    assert (target.name, target.address, target.text) == ("", "172.16.10.10", FULL_NAME)


def test_from_outside_a_service_is_asked_by_its_outer_address(two_subnet: LabMap) -> None:
    services = tuple(replace(one, external_ips=("192.0.2.7",)) for one in two_subnet.services)
    outside = replace(two_subnet, services=services)
    assert aim(outside, outside.find("gateway"), "svc/myapp", None, "tcp").address == "192.0.2.7"
    assert aim(outside, outside.find("node-0"), "svc/myapp", None, "tcp").address == "172.16.10.10"


def test_of_several_addresses_the_one_in_a_common_network_is_asked(two_subnet: LabMap) -> None:
    router = two_subnet.find("router")
    for name, address in (("node-0", "10.0.1.1"), ("node-2", "10.0.2.1")):
        assert aim(two_subnet, two_subnet.find(name), "router", None, "icmp").address == address
    assert router.address == "10.0.1.1"


@pytest.mark.parametrize("typed", ["svc/myapp", "pod-0:80", "underlay"])
def test_who_asks_is_a_place(two_subnet: LabMap, typed: str) -> None:
    with pytest.raises(UsageError):
        asker(two_subnet, typed)


def test_dns_has_a_port_of_its_own(two_subnet: LabMap, pod_0: Place) -> None:
    assert aim(two_subnet, pod_0, "kube-dns.kube-system", None, "dns").port == 53
    assert aim(two_subnet, pod_0, "internet", None, "dns").port == 53


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
