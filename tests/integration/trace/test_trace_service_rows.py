"""Services that lead nowhere, addresses that no Service has, and who really answered.

subnet-a 10.0.1.0/24          router          subnet-b 10.0.2.0/24
node-0 ─────┬───── node-1 ─── eth0 eth1 ─────────── node-2
pod-0 pod-1        pod-2                            pod-3
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.labs import Lab, inv, standing
from tests.integration.living import apply
from tests.integration.trace.test_trace import POD_0, hops, journey, trace
from tests.integration.trace.test_trace_languages import listening

POD_3 = "namespace001/pod-3"
MANIFESTS = """\
apiVersion: v1
kind: Service
metadata: {name: named, namespace: namespace001}
spec:
  clusterIP: 172.16.20.1
  selector: {app: named}
  ports: [{port: 80, targetPort: web}]
---
apiVersion: v1
kind: Pod
metadata: {name: named-0, namespace: namespace001, labels: {app: named}}
spec:
  nodeName: node-1
  containers: [{name: server, image: built-in, ports: [{name: http, containerPort: 8080}]}]
---
apiVersion: v1
kind: Service
metadata: {name: headless, namespace: namespace001}
spec: {clusterIP: None, selector: {app: nobody}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: outside, namespace: namespace001}
spec: {type: ExternalName, externalName: db.nowhere.example}
---
apiVersion: v1
kind: Service
metadata: {name: shortlived, namespace: namespace001}
spec: {clusterIP: 172.16.20.9, selector: {app: myapp}, ports: [{port: 80}]}
"""


@pytest.fixture(
    scope="module",
    params=[("two-subnet", "iptables"), ("two-subnet-bridge", "nftables")],
    ids=["calico-iptables", "flannel-nftables"],
)
def shop(request: pytest.FixtureRequest) -> Iterator[Lab]:
    topology, proxy = request.param
    with standing(topology, "--set", f"services.proxy={proxy}") as one:
        apply(one, MANIFESTS)
        yield one


def test_pods_match_and_none_has_a_port_of_that_name(shop: Lab) -> None:
    told = journey(shop, "--to", "named")
    assert (told["verdict"], told["lost"]["cause"]) == ("refused", "no-endpoints")
    assert "the pods match; none has a port called `web`; they have `http`" in told["lost"]["why"]


def test_a_headless_service_without_endpoints_is_there(shop: Lab) -> None:
    told = journey(shop, "--to", "headless")
    lost = told["lost"]
    assert (told["verdict"], lost["cause"], lost["phase"]) == ("unresolved", "no-endpoints", "dns")
    assert lost["object"] == "Service namespace001/headless"
    assert "is there" in lost["why"]
    assert "no pod has the labels of its selector" in lost["why"]
    assert "does not exist" not in lost["why"]


def test_of_an_external_name_the_target_does_not_exist(shop: Lab) -> None:
    told = journey(shop, "--to", "outside")
    assert (told["verdict"], told["lost"]["object"]) == ("unresolved", "CNAME db.nowhere.example")
    assert "Service namespace001/outside is there" in told["lost"]["why"]
    assert "db.nowhere.example does not exist" in told["lost"]["why"]


@pytest.mark.parametrize("protocol", ["tcp", "udp", "icmp"])
def test_an_address_that_no_service_has(shop: Lab, protocol: str) -> None:
    told = journey(shop, "--to", "172.16.99.99", "--protocol", protocol)
    lost = told["lost"]
    assert (lost["cause"], lost["object"], lost["object_place"]) == ("no-such-service", "172.16.99.99", "node-0")
    assert "in the Services' range 172.16.0.0/16, and no Service has it" in lost["why"]


def test_which_service_had_it_and_until_when(shop: Lab) -> None:
    inv("kubectl", "--lab", shop.name, "--", "delete", "service", "shortlived", "-n", "namespace001").ok()
    told = journey(shop, "--to", "172.16.20.9")
    assert told["lost"]["cause"] == "no-such-service"
    assert "Service namespace001/shortlived had it until " in told["lost"]["why"]


def test_a_cluster_ip_answers_only_on_its_ports(shop: Lab) -> None:
    told = journey(shop, "--to", "172.16.20.1", "--protocol", "icmp")
    assert told["verdict"] in ("lost", "refused")
    assert "answers only on the Service's ports: 80/tcp" in told["lost"]["why"]
    assert told["lost"]["object"] == "Service namespace001/named"


def test_a_datagram_that_a_listener_got_is_delivered_without_an_answer(shop: Lab) -> None:
    with listening(shop, POD_3, "udp", 9514):
        told = journey(shop, "--to", "pod-3:9514", "--protocol", "udp")
        said = trace(shop, "--to", "pod-3:9514", "--protocol", "udp").ok()
    assert (told["verdict"], told["answered_by"], told["lost"]) == ("delivered", None, None)
    assert hops(told, "request")[-1]["place"] == POD_3
    assert not hops(told, "reply")
    assert "received, and not answered" in said.splitlines()[-1]


def test_a_datagram_that_a_pods_own_rules_drop_is_lost_though_somebody_listens(shop: Lab) -> None:
    shop.exec_("pod-2", "iptables", "-I", "INPUT", "-p", "udp", "--dport", "9515", "-j", "DROP").ok()
    with listening(shop, "namespace001/pod-2", "udp", 9515):
        told = journey(shop, "--to", "pod-2:9515", "--protocol", "udp")
    assert (told["verdict"], told["lost"]["place"]) == ("lost", "namespace001/pod-2")


def test_who_really_answered_is_told_where_a_node_has_a_pods_address(shop: Lab) -> None:
    address = shop.in_(POD_3, "ip -4 -o addr show dev eth0").split()[3].partition("/")[0]
    shop.in_("node-2", f"ip addr add {address}/32 dev lo")
    try:
        told = journey(shop, "--to", "pod-3", "--protocol", "icmp")
        said = trace(shop, "--to", "pod-3", "--protocol", "icmp").ok()
    finally:
        shop.in_("node-2", f"ip addr del {address}/32 dev lo")
    assert (told["verdict"], told["answered_by"]) == ("delivered", "node-2")
    assert f"though {address} is {POD_3}'s" in said


def test_who_really_answered_is_told_where_two_nodes_have_one_address(shop: Lab) -> None:
    shop.in_("node-0", "ip addr add 10.0.1.11/32 dev lo")
    try:
        told = journey(shop, "--to", "10.0.1.11", "--protocol", "icmp", source=POD_0)
    finally:
        shop.in_("node-0", "ip addr del 10.0.1.11/32 dev lo")
    assert (told["verdict"], told["answered_by"]) == ("delivered", "node-0")
