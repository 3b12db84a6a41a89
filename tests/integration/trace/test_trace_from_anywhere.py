"""Requests from every kind of place, and to whatever people type.

subnet-a 10.0.1.0/24          router          subnet-b 10.0.2.0/24
node-0 ─────┬───── node-1 ─── eth0 eth1 ─────────── node-2        gateway ─── internet
pod-0 pod-1        pod-2                            pod-3
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.integration.conftest import LabFactory
from tests.integration.labs import Lab, standing, with_node_port
from tests.integration.living import apply
from tests.integration.trace.test_trace import POD_0, hops, is_as_designed, journey, trace

POD_3 = "namespace001/pod-3"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, two_subnet_text: str) -> Iterator[Lab]:
    """With a node port, in nftables mode."""
    file = tmp_path_factory.mktemp("served") / "topology.yaml"
    file.write_text(with_node_port(two_subnet_text), encoding="utf-8")
    with standing(str(file), "--set", "services.proxy=nftables") as one:
        yield one


@pytest.mark.parametrize(
    ("source", "arguments", "answered_by"),
    [
        ("node-0", ("--to", "pod-3"), POD_3),
        ("node-0", ("--to", "pod-1", "--protocol", "udp"), "namespace001/pod-1"),
        ("node-2", ("--to", "node-0", "--protocol", "icmp"), "node-0"),
        ("node-1", ("--to", "www.example.com"), "internet"),
        ("router", ("--to", "node-2", "--protocol", "icmp"), "node-2"),
        ("router", ("--to", "www.example.com"), "internet"),
        ("gateway", ("--to", "node-0", "--protocol", "icmp"), "node-0"),
        ("gateway", ("--to", "internet"), "internet"),
        ("internet", ("--to", "gateway", "--protocol", "icmp"), "gateway"),
        ("internet", ("--to", "www.example.com"), "internet"),
    ],
)
def test_from_every_kind_of_place(two_subnet: Lab, source: str, arguments: tuple[str, ...], answered_by: str) -> None:
    told = journey(two_subnet, *arguments, source=source)
    assert (told["verdict"], told["answered_by"]) == ("delivered", answered_by)
    assert hops(told, "request")[0]["place"] == source
    is_as_designed(two_subnet, told)


@pytest.mark.parametrize("source", ["pod-0", "pod-3"])
def test_a_service_whose_endpoint_is_the_node_itself(two_subnet: Lab, source: str) -> None:
    """On node-0, where the API server listens, nobody sees the packet again once its destination was translated."""
    told = journey(two_subnet, "--to", "kubernetes.default:443", source=source)
    assert [(one["address"], one["chosen"]) for one in told["endpoints"]] == [("10.0.1.10", True)]
    assert "is no endpoint" not in trace(two_subnet, "--to", "kubernetes.default:443", source=source).out


@pytest.mark.parametrize("via", ["pod-2", "pod-3"])
@pytest.mark.parametrize("to", ["myapp.namespace001", "svc/myapp", "172.16.10.10"])
def test_a_node_asks_a_service_by_its_address(two_subnet: Lab, to: str, via: str) -> None:
    told = journey(two_subnet, "--to", to, "--via", via, source="node-0")
    assert told["answered_by"] == f"namespace001/{via}"
    first = hops(told, "request")[0]
    assert (first["place"], first["packet"]["dst"]) == (
        "node-0",
        {"pod-2": "10.244.0.66", "pod-3": "10.244.0.129"}[via],
    )
    assert any(one["text"].startswith("-A KUBE-SEP-") for one in first["decisions"]), "the node's own rules chose"
    assert not hops(told, "request", "dns"), "a node does not ask the cluster's DNS"


@pytest.mark.parametrize("source", ["router", "internet"])
def test_a_cluster_ip_is_known_to_nodes_only(two_subnet: Lab, source: str) -> None:
    lost = journey(two_subnet, "--to", "172.16.10.10:80", source=source)["lost"]
    assert (lost["cause"], lost["object"], lost["object_place"]) == ("no-such-service", "172.16.10.10", source), lost
    assert "in the rules of nodes only" in lost["why"]


def test_the_choice_of_a_node_and_its_new_source_are_steps_of_the_story(two_subnet: Lab) -> None:
    said = trace(two_subnet, "--to", "svc/myapp", "--via", "pod-3", source="node-0").ok()
    assert "2 service      172.16.10.10:80 becomes 10.244.0.129:8080 on node-0" in said
    assert "source NAT on node-0: 10.0.1.10 becomes 10.244.0.0" in said
    assert "-j MASQUERADE" in said


def test_every_source_nat_on_the_way_out_is_told(two_subnet: Lab) -> None:
    said = trace(two_subnet, "--to", "www.example.com").ok()
    assert "source NAT on node-0: 10.244.0.2 becomes 10.0.1.10" in said
    assert "source NAT on gateway: 10.0.1.10 becomes 203.0.113.1" in said
    assert said.count("MASQUERADE") >= 2, "each with its rule"


@pytest.mark.parametrize("source", ["node-0", "node-2", "router", "gateway"])
@pytest.mark.parametrize("node", ["node-0", "node-2"])
def test_a_node_port_is_asked_from_everywhere(served: Lab, source: str, node: str) -> None:
    told = journey(served, "--to", f"{node}:30080", "--via", "pod-3", source=source)
    assert (told["verdict"], told["answered_by"]) == ("delivered", POD_3)


def test_from_the_internet_there_is_no_way_to_a_nodes_port(served: Lab) -> None:
    told = journey(served, "--to", "node-0:30080", source="internet")
    assert (told["verdict"], told["lost"]["place"]) == ("lost", "internet")


@pytest.mark.parametrize(
    ("to", "place"),
    [("pod-0", POD_0), ("10.244.0.2:8080", POD_0), ("127.0.0.1:8080", POD_0)],
)
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_pod_that_asks_itself_has_hops_on_lo(two_subnet: Lab, to: str, place: str, protocol: str) -> None:
    told = journey(two_subnet, "--to", to, "--protocol", protocol)
    assert (told["verdict"], told["answered_by"]) == ("delivered", place)
    passed = [(hop["interface"], hop["way"]) for hop in told["hops"]]
    assert passed == [("lo", "out"), ("lo", "in"), ("lo", "out"), ("lo", "in")]


def test_a_place_that_pings_itself(two_subnet: Lab) -> None:
    told = journey(two_subnet, "--to", "node-0", "--protocol", "icmp", source="node-0")
    assert told["answered_by"] == "node-0"
    assert [hop["direction"] for hop in told["hops"]] == ["request", "request", "reply", "reply"]


def test_through_its_own_service_a_pod_goes_by_its_node(two_subnet: Lab) -> None:
    told = journey(two_subnet, "--to", "svc/myapp", "--via", "pod-3", source=POD_3)
    assert told["answered_by"] == POD_3
    assert [hop["place"] for hop in hops(told, "request")] == [POD_3, "node-2", "node-2", POD_3]
    assert "source NAT on node-2" in trace(two_subnet, "--to", "svc/myapp", "--via", "pod-3", source=POD_3).ok()


@pytest.mark.parametrize(
    ("to", "answered_by"),
    [
        ("pod/pod-3", POD_3),
        ("pods/namespace001/pod-3", POD_3),
        ("node/node-2:30080", ""),
        ("svc/myapp", ""),
        ("service/myapp.namespace001", ""),
        ("http://myapp/health", ""),
        ("http://myapp.namespace001:80/", ""),
    ],
)
def test_what_people_type(served: Lab, to: str, answered_by: str) -> None:
    told = journey(served, "--to", to)
    assert told["verdict"] == "delivered"
    assert told["answered_by"] == (answered_by or told["answered_by"])


def test_a_deployments_name_means_one_of_its_pods(
    lab: LabFactory, file: Callable[[str], str], two_subnet_text: str
) -> None:
    deployed = lab(
        file(f"{two_subnet_text}---\n{DEPLOYMENT}"), "--set", "cni.plugin=flannel", "--set", "cni.encapsulation=VXLAN"
    )
    told = journey(deployed, "--to", "deploy/web", source="deploy/web")
    assert told["answered_by"].startswith("namespace001/web-")
    assert told["request"]["from"].startswith("namespace001/web-")
    said = trace(deployed, "--to", "deploy/wep").refused()
    assert "did you mean 'web'?" in said


DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: namespace001}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: built-in}]}
"""


@pytest.mark.parametrize(
    ("to", "meant"), [("svc/myap", "myapp"), ("pod/pod-33", "pod-3"), ("namespace001/pod-33", "namespace001/pod-3")]
)
def test_a_mistyped_target_is_answered_with_what_was_probably_meant(two_subnet: Lab, to: str, meant: str) -> None:
    assert f"did you mean '{meant}'?" in trace(two_subnet, "--to", to).refused()


def test_a_name_that_dns_does_not_know_is_compared_with_the_services(two_subnet: Lab) -> None:
    told = journey(two_subnet, "--to", "myap")
    assert told["verdict"] == "unresolved"
    assert "Did you mean myapp.namespace001?" in told["lost"]["why"]


FOR_THE_OUTSIDE = """
apiVersion: v1
kind: Pod
metadata: {name: served, labels: {app: served}}
spec: {nodeName: node-1, containers: [{name: c, image: built-in}]}
---
apiVersion: v1
kind: Service
metadata: {name: served}
spec: {type: LoadBalancer, selector: {app: served}, ports: [{port: 80, targetPort: 8080}]}
status: {loadBalancer: {ingress: [{ip: 198.51.100.22}]}}
"""
LED_TO_NODE_0 = (
    ("router", "ip route add 198.51.100.0/24 via 10.0.1.10"),
    ("gateway", "ip route add 198.51.100.0/24 via 192.168.255.2"),
    ("internet", "ip route add 198.51.100.0/24 via 203.0.113.1"),
)


def test_routes_that_lead_the_outside_to_a_load_balancers_address_are_followed(lab: LabFactory) -> None:
    """docs/services.md, "Clients outside": the design has no such way, and what is on it is told as it is."""
    led = lab("two-subnet")
    apply(led, FOR_THE_OUTSIDE)
    for source in ("internet", "router"):
        lost = journey(led, "--to", "198.51.100.22", source=source)["lost"]
        assert "is a load balancer's address of Service default/served" in lost["why"]
        assert "nothing leads it to a node" in lost["why"]
    for place, command in LED_TO_NODE_0:
        led.in_(place, command)
    told = journey(led, "--to", "198.51.100.22", source="internet")
    assert (told["verdict"], told["answered_by"]) == ("delivered", "default/served")
    there = list(dict.fromkeys(hop["place"] for hop in hops(told, "request")))
    assert there == ["internet", "gateway", "router", "node-0", "node-1", "default/served"]
    steps = [hop["step"] for hop in hops(told, "request")]
    assert steps == sorted(steps), "the node that chooses is step 2, whoever passed it on before"
    apply(led, FOR_THE_OUTSIDE.replace("type: LoadBalancer,", "type: LoadBalancer, externalTrafficPolicy: Local,"))
    lost = journey(led, "--to", "198.51.100.22", source="internet")["lost"]
    assert (lost["place"], lost["object_place"], lost["cause"]) == ("node-0", "node-0", "no-endpoints")
    assert "externalTrafficPolicy is Local: node-0 drops what is for it" in lost["why"]


@pytest.mark.parametrize(
    ("source", "to", "why"),
    [
        ("router", "pod-3", "10.244.0.129 of namespace001/pod-3 is known to nodes only"),
        ("internet", "pod-3", "10.244.0.129 of namespace001/pod-3 is known to nodes only"),
        ("internet", "node-0:30080", "10.0.1.10 of node-0 is a private address, of which internet knows nothing"),
    ],
)
def test_what_the_outside_cannot_know_is_said(two_subnet: Lab, source: str, to: str, why: str) -> None:
    assert why in journey(two_subnet, "--to", to, source=source)["lost"]["why"]
