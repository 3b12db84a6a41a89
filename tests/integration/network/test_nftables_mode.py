"""kube-proxy in nftables mode, in labs: two-subnet with `services.proxy: nftables`, and Services of the odder kinds.

node-0 (pod-0, pod-1) ── subnet-a ── node-1 (pod-2)     router ── subnet-b ── node-2 (pod-3)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.kernel.host.packages import find
from tests.integration.conftest import LabFactory
from tests.integration.labs import Lab, inv, until

NFTABLES = ("--set", "services.proxy=nftables")
CURL = ("curl", "-sS", "--max-time", "3")
REFUSED, TIMED_OUT = 7, 28  # curl's statuses
MYAPP = "http://172.16.10.10"
SERVICE_IPS = "node-0: nft map kube-proxy service-ips"

pytestmark = pytest.mark.skipif(not find("nft"), reason="this machine has no nft")


def answered(lab: Lab, place: str, url: str) -> tuple[str, str]:
    """Who answered, and from which address it was asked."""
    who, client, *_ = lab.exec_(place, *CURL, url).ok().splitlines()
    return who, client.removeprefix("client ").rpartition(":")[0]


@pytest.fixture(scope="module")
def two_subnet() -> Iterator[Lab]:
    one = Lab("two-subnet")
    try:
        one.up(*NFTABLES).ok()
        yield one
    finally:
        one.end()


@pytest.mark.parametrize("place", ["pod-0", "pod-1", "pod-2", "pod-3", "node-0", "node-2"])
def test_every_pod_and_node_reaches_the_service(two_subnet: Lab, place: str) -> None:
    assert answered(two_subnet, place, MYAPP)[0] in ("pod-2", "pod-3")


def test_names_are_resolved_through_the_service_of_dns(two_subnet: Lab) -> None:
    assert answered(two_subnet, "pod-0", "http://myapp.namespace001.svc.cluster.local")[0] in ("pod-2", "pod-3")


def test_both_endpoints_are_chosen(two_subnet: Lab) -> None:
    for pod in ("pod-2", "pod-3"):
        until(lambda pod=pod: answered(two_subnet, "pod-0", MYAPP)[0] == pod, f"{pod} is chosen")  # type: ignore[misc]


def test_of_kube_proxys_iptables_chains_none_is_there(two_subnet: Lab) -> None:
    saved = two_subnet.in_("node-0", "iptables-save")
    assert "KUBE-SERVICES" not in saved
    assert ":KUBE-FIREWALL" in saved, "that one is kubelet's"


def test_a_second_up_changes_nothing(two_subnet: Lab) -> None:
    assert "no changes" in two_subnet.up(*NFTABLES).ok()
    assert two_subnet.plan(*NFTABLES) == "# no changes"
    assert two_subnet.drift() == []


def test_the_trace_says_what_the_rules_and_the_element_are_for(two_subnet: Lab) -> None:
    told = inv("trace", "--from", "pod-0", "--to", "myapp.namespace001", "--json", "-", "--lab", two_subnet.name).ok()
    journey = json.loads(told)
    assert journey["verdict"] == "delivered", told
    decided = [
        one
        for hop in journey["hops"]
        if (hop["phase"], hop["direction"], hop["place"]) == ("data", "request", "node-0")
        for one in hop["decisions"]
        if one["table"] == "ip kube-proxy"
    ]
    assert all(one["intent"] for one in decided), [one for one in decided if not one["intent"]]
    texts = {one["text"]: one for one in decided}
    met = texts["ip daddr . meta l4proto . th dport vmap @service-ips { 172.16.10.10 . tcp . 80 }"]
    assert met["verdict"].endswith("-namespace001/myapp/tcp/http"), met
    assert met["intent"] == "Service namespace001/myapp:80 (1 of 2 endpoints chosen at random)"
    chosen = next(one for one in decided if one["kind"] == "nat")
    answering = journey["answered_by"].partition("/")[2]
    assert chosen["intent"] == f"endpoint {answering} of Service namespace001/myapp:80"


def test_leftovers_of_the_mode_before_go_with_the_next_up_that_does_not_ask_for_them(lab: LabFactory) -> None:
    one = lab("two-subnet")
    one.up(*NFTABLES, "--leftovers").ok()
    assert ":KUBE-SERVICES" in one.in_("node-0", "iptables-save")
    assert one.exec_("node-0", "nft", "list", "table", "ip", "kube-proxy").status == 0
    one.up(*NFTABLES).ok()
    assert "KUBE-SERVICES" not in one.in_("node-0", "iptables-save")
    assert "no changes" in one.up(*NFTABLES).ok()


def test_what_is_changed_by_hand_is_named_and_mended(lab: LabFactory) -> None:
    one = lab("two-subnet", *NFTABLES)
    chain = "service-SV75TVR2-namespace001/myapp/tcp/http"
    for typed, named in (
        ("delete element ip kube-proxy service-ips { 172.16.10.10 . tcp . 80 }", SERVICE_IPS),
        (f"flush chain ip kube-proxy {chain}", f"node-0: nft chain kube-proxy {chain}"),
        ("add chain ip kube-proxy mine", "node-0: nft chain kube-proxy mine: not in the file"),
        ("delete table ip kube-proxy", "node-0: nft table kube-proxy"),
    ):
        one.in_("node-0", f"nft {typed}")
        assert any(line.startswith(named) for line in one.drift()), f"{typed}: {one.drift()}"
        one.up(*NFTABLES).ok()
        assert one.drift() == [], typed
        assert answered(one, "pod-0", MYAPP)[0] in ("pod-2", "pod-3")


def test_from_one_mode_to_the_other_and_back(lab: LabFactory) -> None:
    one = lab("two-subnet")
    one.up(*NFTABLES).ok()
    assert one.drift() == []
    assert answered(one, "pod-0", MYAPP)[0] in ("pod-2", "pod-3")
    one.up().ok()
    assert one.drift() == []
    assert "kube-proxy" not in one.in_("node-0", "nft list tables")
    assert answered(one, "pod-0", MYAPP)[0] in ("pod-2", "pod-3")


KINDS = """
apiVersion: hoplab/v1
kind: Topology
metadata: {name: kinds}
spec: {nodes: [{name: node-0}, {name: node-1}], services: {proxy: nftables}}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {nodeName: node-0, containers: [{name: c, image: built-in}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-0, labels: {app: web, one: one}}
spec: {nodeName: node-1, containers: [{name: c, image: built-in, ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, labels: {app: web}}
spec: {nodeName: node-1, containers: [{name: c, image: built-in, ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: port}
spec: {type: NodePort, selector: {one: one}, ports: [{port: 80, targetPort: 8080, nodePort: 30080}]}
---
apiVersion: v1
kind: Service
metadata: {name: port-local}
spec:
  type: NodePort
  externalTrafficPolicy: Local
  selector: {one: one}
  ports: [{port: 80, targetPort: 8080, nodePort: 30081}]
---
apiVersion: v1
kind: Service
metadata: {name: near}
spec:
  clusterIP: 172.16.20.1
  internalTrafficPolicy: Local
  selector: {one: one}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec: {type: NodePort, clusterIP: 172.16.20.2, selector: {app: nobody}, ports: [{port: 80, nodePort: 30082}]}
---
apiVersion: v1
kind: Service
metadata: {name: sticky}
spec: {clusterIP: 172.16.20.3, sessionAffinity: ClientIP, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: itself}
spec: {clusterIP: 172.16.20.4, selector: {one: one}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: balanced}
spec:
  type: LoadBalancer
  externalIPs: [198.51.100.7]
  loadBalancerSourceRanges: [10.0.1.0/24]
  selector: {one: one}
  ports: [{port: 80, targetPort: 8080}]
status: {loadBalancer: {ingress: [{ip: 198.51.100.8}]}}
"""
NODE_0, NODE_1 = "10.0.1.10", "10.0.1.11"


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    path: Path = tmp_path_factory.mktemp("kinds") / "kinds.yaml"
    path.write_text(KINDS, encoding="utf-8")
    one = Lab(str(path))
    try:
        one.up().ok()
        yield one
    finally:
        one.end()


def test_a_node_port_is_masqueraded_wherever_the_endpoint_is(kinds: Lab) -> None:
    assert answered(kinds, "router", f"http://{NODE_1}:30080") == ("web-0", NODE_1)
    assert answered(kinds, "router", f"http://{NODE_0}:30080")[0] == "web-0"
    assert answered(kinds, "router", f"http://{NODE_0}:30080")[1] != "10.0.1.1", "the router's own address is hidden"


def test_policy_local_keeps_the_clients_address_and_drops_where_there_is_no_endpoint(kinds: Lab) -> None:
    assert answered(kinds, "router", f"http://{NODE_1}:30081") == ("web-0", "10.0.1.1")
    lost = kinds.exec_("router", *CURL, f"http://{NODE_0}:30081")
    assert lost.status == TIMED_OUT, str(lost)
    assert answered(kinds, "client", f"http://{NODE_0}:30081")[0] == "web-0", "a pod reaches every endpoint"
    assert answered(kinds, "node-0", f"http://{NODE_0}:30081")[0] == "web-0", "the node itself as well"


def test_a_load_balancers_address_is_for_whom_its_source_ranges_name(kinds: Lab) -> None:
    assert answered(kinds, "node-0", "http://198.51.100.8")[0] == "web-0"
    lost = kinds.exec_("client", *CURL, "http://198.51.100.8")
    assert lost.status == TIMED_OUT, str(lost)
    assert answered(kinds, "client", "http://198.51.100.7") == ("web-0", NODE_0), "an external address is for everybody"


def test_internal_policy_local_drops_where_there_is_no_endpoint(kinds: Lab) -> None:
    assert answered(kinds, "web-1", "http://172.16.20.1")[0] == "web-0"
    lost = kinds.exec_("client", *CURL, "http://172.16.20.1")
    assert lost.status == TIMED_OUT, str(lost)
    told = inv("trace", "--from", "client", "--to", "near.default", "--json", "-", "--lab", kinds.name)
    loss = json.loads(told.out)["lost"]
    assert (loss["place"], loss["stage"], loss["cause"]) == ("node-0", "service", "no-endpoints"), loss
    assert loss["why"].startswith("Service default/near:80 has no endpoint on this node, internalTrafficPolicy is")


@pytest.mark.parametrize(
    ("place", "url"),
    [
        ("client", "http://172.16.20.2"),
        ("node-0", "http://172.16.20.2"),
        ("router", f"http://{NODE_0}:30082"),
        ("client", "http://172.16.20.3:81"),
        ("node-0", "http://172.16.20.3:81"),
    ],
)
def test_without_endpoints_and_at_ports_that_it_has_not_it_is_refused(kinds: Lab, place: str, url: str) -> None:
    done = kinds.exec_(place, *CURL, url)
    assert done.status == REFUSED, str(done)


def test_a_cluster_ip_that_no_service_has_is_dropped(kinds: Lab) -> None:
    done = kinds.exec_("client", *CURL, "http://172.16.99.99")
    assert done.status == TIMED_OUT, str(done)


def test_session_affinity_leads_a_client_to_the_same_endpoint(kinds: Lab) -> None:
    assert len({answered(kinds, "client", "http://172.16.20.3")[0] for _ in range(8)}) == 1
    assert "no changes" in kinds.up().ok(), "what the sets remember is no difference"


def test_a_pod_that_reaches_itself_through_its_service_is_masqueraded(kinds: Lab) -> None:
    who, client = answered(kinds, "web-0", "http://172.16.20.4")
    assert who == "web-0"
    assert f" {client}/" not in kinds.in_("web-0", "ip -4 address show"), "it is asked with its node's address"
