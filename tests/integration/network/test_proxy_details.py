"""What kube-proxy looks at besides ports and endpoints: hints, another proxy's label, source ranges, localhost.

node-0 10.0.1.10: client, web-0 ─┬─ router
node-1 10.0.1.11: web-1 ─────────┘
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.kernel.host.packages import find
from lab.trace.trace import trace
from tests.integration.asking import DROPPED, REFUSED, Request, ask
from tests.integration.labs import Lab, inv, standing, until
from tests.integration.living import Api

CLIENT, NODE_0, NODE_1, ROUTER = "default/client", "node-0", "node-1", "router"
TWICE = 4  # so often each is asked that by chance two of two endpoints nearly always answer

TOPOLOGY = """
apiVersion: hoplab/v1
kind: Topology
metadata: {name: details}
spec:
  nodes: [{name: node-0}, {name: node-1}]
  services: {nodePortAddresses: [127.0.0.0/8]}
"""
POD = """
---
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec: {{nodeName: {node}, containers: [{{name: c, image: built-in}}]}}
"""
SERVICE = """
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, labels: {labels}}}
spec: {{clusterIP: {address}, ports: [{{name: http, port: 80, targetPort: 8080{node_port}}}], {spec}}}
status: {{loadBalancer: {{ingress: [{ingress}]}}}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {name}-x7k2p, labels: {{kubernetes.io/service-name: {name}}}}}
addressType: IPv4
endpoints:
- {{addresses: [10.244.0.250], targetRef: {{kind: Pod, name: web-0}}{hints[0]}}}
- {{addresses: [10.244.0.251], targetRef: {{kind: Pod, name: web-1}}{hints[1]}}}
ports: [{{name: http, port: 8080}}]
"""
ANYBODY, SOME = "198.51.100.21", "198.51.100.22"
HINTED, ZONED, LEFT = "172.16.40.1", "172.16.40.2", "172.16.40.3"
PODS = (("client", "node-0"), ("web-0", "node-0"), ("web-1", "node-1"))


def service(name: str, address: str, hints: tuple[str, str] = ("", ""), **fields: str) -> str:
    given = {"labels": "{}", "spec": "type: ClusterIP", "ingress": "", "node_port": "", **fields}
    return SERVICE.format(name=name, address=address, hints=hints, **given)


def hints(kind: str, *names: str) -> tuple[str, str]:
    first, second = (f", hints: {{{kind}: [{{name: {name}}}]}}" for name in names)
    return first, second


def balanced(name: str, address: str, ingress: str, ranges: str) -> str:
    return service(
        name, address, ingress=f"{{ip: {ingress}}}", spec=f"type: LoadBalancer, loadBalancerSourceRanges: {ranges}"
    )


TEXT = "".join(
    (
        TOPOLOGY,
        *(POD.format(name=name, node=node) for name, node in PODS),
        service("hinted", HINTED, hints("forNodes", "node-0", "node-1")),
        service("zoned", ZONED, hints("forZones", "east", "west")),
        service("left", LEFT, labels="{service.kubernetes.io/service-proxy-name: other}"),
        service("outside", "172.16.40.4", spec="type: NodePort", node_port=", nodePort: 30080"),
        balanced("anybody", "172.16.40.5", ANYBODY, '[" 192.0.2.0/24", "0.0.0.0/0 "]'),
        balanced("some", "172.16.40.6", SOME, '[" 192.0.2.0/24 "]'),
    )
)
NFT = pytest.mark.skipif(not find("nft"), reason="this machine has no nft")


@pytest.fixture(scope="module", params=["iptables", pytest.param("nftables", marks=NFT)])
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    file: Path = tmp_path_factory.mktemp("details") / "details.yaml"
    file.write_text(TEXT, encoding="utf-8")
    with standing(str(file), "--set", f"services.proxy={request.param}") as one:
        one.mode = request.param  # type: ignore[attr-defined]
        yield one


def tcp(host: str, port: int = 80, times: int = 2 * TWICE) -> Request:
    return Request("tcp", host, port, times)


def answering(lab: Lab, *asked: tuple[str, Request]) -> list[set[str]]:
    """Who answered each of these."""
    wanted: dict[str, list[Request]] = {}
    for place, request in asked:
        wanted.setdefault(place, []).append(request)
    found = ask(lab, wanted)
    return [{one.who for one in found[one]} for one in asked]


def traced(lab: Lab, to: str, status: int) -> dict[str, Any]:
    done = inv("trace", "--from", "client", "--to", to, "--json", "-", "--lab", lab.name)
    assert done.status == status, str(done)
    told: dict[str, Any] = json.loads(done.out)
    return told


def test_hints_for_nodes_keep_requests_on_the_node(lab: Lab) -> None:
    assert answering(lab, (CLIENT, tcp(HINTED)), (NODE_1, tcp(HINTED))) == [{"web-0"}, {"web-1"}]
    told = trace(lab.name, CLIENT, "hinted")
    assert [(one.name, one.candidate, one.why) for one in told.candidates] == [
        ("default/web-0", True, ""),
        ("default/web-1", False, "hints mean it for node-1"),
    ]


def test_hints_for_zones_count_as_soon_as_the_nodes_are_in_them(lab: Lab) -> None:
    every = {"web-0", "web-1"}
    until(lambda: answering(lab, (CLIENT, tcp(ZONED))) == [every], "no node has a zone: hints do not count")
    api = Api(lab)
    for node, zone in ((NODE_0, "west"), (NODE_1, "elsewhere")):
        api.patch("Node", "", node, {"metadata": {"labels": {"topology.kubernetes.io/zone": zone}}})
    until(lambda: answering(lab, (CLIENT, tcp(ZONED))) == [{"web-1"}], "node-0 is in the zone of web-1")
    assert traced(lab, "zoned", 0)["answered_by"] == "default/web-1"
    until(lambda: answering(lab, (NODE_1, tcp(ZONED))) == [every], "no hint is for node-1's zone")


def test_a_service_of_another_proxy_is_left_alone_and_the_trace_says_so(lab: Lab) -> None:
    rules = lab.in_("node-0", "nft list table ip kube-proxy" if lab.mode == "nftables" else "iptables-save")  # type: ignore[attr-defined]
    assert "default/hinted" in rules
    assert "default/left" not in rules
    assert LEFT not in rules
    lost = traced(lab, "left", 3)["lost"]
    assert (lost["cause"], lost["object_place"]) == ("not-proxied", "node-0"), lost
    # In nftables mode kube-proxy rejects what is for a ClusterIP that it does not know; else the gateway has no way.
    ended = ("node-0", "firewall") if lab.mode == "nftables" else ("gateway", "forward")  # type: ignore[attr-defined]
    assert (lost["place"], lost["stage"]) == ended, lost
    assert lost["object"] == "service.kubernetes.io/service-proxy-name=other"
    label = lost["object"].partition("=")[0]
    Api(lab).patch("Service", "default", "left", {"metadata": {"labels": {label: None}}})
    until(lambda: answering(lab, (CLIENT, tcp(LEFT))) == [{"web-0", "web-1"}], "kube-proxy has it again")


def test_source_ranges_are_trimmed_and_one_that_has_everybody_restricts_nobody(lab: Lab) -> None:
    lab.exec_(ROUTER, *["ip", "route", "replace", "198.51.100.0/24", "via", "10.0.1.10"]).ok()
    once = {"times": 1}
    found = answering(lab, (ROUTER, tcp(ANYBODY)), (ROUTER, tcp(SOME, **once)), (CLIENT, tcp(SOME, **once)))
    assert found == [{"web-0", "web-1"}, {DROPPED}, {DROPPED}]


def test_a_node_port_on_localhost_alone(lab: Lab) -> None:
    localhost, own, other = (tcp(host, 30080, 1) for host in ("127.0.0.1", "10.0.1.10", "10.0.1.11"))
    found = answering(lab, (NODE_0, localhost), (NODE_0, own), (CLIENT, other))
    served = lab.mode == "iptables"  # type: ignore[attr-defined]
    assert found[0] <= ({"web-0", "web-1"} if served else {REFUSED})
    assert found[1:] == [{REFUSED}, {REFUSED}]
    assert lab.in_("node-0", "sysctl -n net.ipv4.conf.all.route_localnet").strip() == ("1" if served else "0")
