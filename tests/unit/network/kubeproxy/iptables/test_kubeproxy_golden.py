"""Each kind of Service and each case of missing endpoints in a file of its own: the rules, and what they are there for.

node-0 (10.0.1.10): 10.244.0.2    node-1 (10.0.1.11): 10.244.0.66    node-2 (10.0.2.10): 10.244.0.130

The files are what `iptables-restore` takes; a comment above each rule says what it is for. HOPLAB_WRITE_GOLDEN=1 writes
them anew, to be read before they are kept.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from lab.cluster.objects import Cluster, Endpoint, EndpointSlice, PortEndpoints, Service, ServicePort
from lab.cluster.sourceranges import restricting
from lab.network.kubeproxy.iptables.ruleset import chains
from lab.network.kubeproxy.options import ProxyOptions
from lab.network.objects import Chain

GOLDEN = Path(__file__).parents[4] / "golden" / "kubeproxy" / "iptables"
OPTIONS = ProxyOptions("10.244.0.0/16")
FIXED = ("KUBE-FORWARD", "KUBE-FIREWALL", "KUBE-POSTROUTING", "KUBE-MARK-MASQ")

HERE = Endpoint(address="10.244.0.2", node="node-0")
NEAR = Endpoint(address="10.244.0.66", node="node-1")
FAR = Endpoint(address="10.244.0.130", node="node-2")
EVERYWHERE = (HERE, NEAR, FAR)


class Addresses:
    """Of the nodes; the endpoints of these tests are bare addresses."""

    def __init__(self) -> None:
        self.nodes = {"node-0": "10.0.1.10", "node-1": "10.0.1.11", "node-2": "10.0.2.10"}
        self._tunnels = {"node-0": ("10.244.0.0",)}

    def held(self, node: str) -> tuple[str, ...]:
        return (self.nodes[node], *self._tunnels.get(node, ()))

    def pod(self, place: str) -> str:
        raise AssertionError(f"nobody asked for {place}")


def leaving(endpoint: Endpoint) -> Endpoint:
    return Endpoint(address=endpoint.address, node=endpoint.node, ready=False, terminating=True)


def in_zones(*zones: str, nodes: bool = False) -> tuple[Endpoint, ...]:
    """HERE, NEAR and FAR with hints for these zones; with `nodes` also for the nodes that they are on."""
    return tuple(
        replace(one, for_zones=(zone,), for_nodes=(one.node,) if nodes else ())
        for one, zone in zip(EVERYWHERE, zones, strict=True)
    )


ZONES = (("node-0", "a"), ("node-1", "a"), ("node-2", "b"))


@dataclass(frozen=True)
class Case:
    """The Service ns1/web with a port `http` (80 → 8080, and `node_port`), as node-0 programs it."""

    endpoints: tuple[Endpoint, ...] = EVERYWHERE
    type: str = "ClusterIP"
    protocol: str = "TCP"
    node_port: int = 0
    external_ips: tuple[str, ...] = ()
    load_balancer_ips: tuple[str, ...] = ()
    source_ranges: tuple[str, ...] = ()
    affinity_seconds: int = 0
    internal_policy: str = "Cluster"
    external_policy: str = "Cluster"
    health_check_port: int = 0
    proxy: str | None = None
    zones: tuple[tuple[str, str], ...] = ()
    options: ProxyOptions = OPTIONS

    def chains(self) -> tuple[Chain, ...]:
        return chains(self.cluster(), Addresses(), "node-0", self.options)

    def cluster(self) -> Cluster:
        service = Service(
            "ns1",
            "web",
            self.type,
            "172.16.10.10",
            (ServicePort("http", self.protocol, 80, 8080, self.node_port),),
            external_ips=self.external_ips,
            load_balancer_ips=self.load_balancer_ips,
            source_ranges=restricting(self.source_ranges),
            affinity_seconds=self.affinity_seconds,
            internal_policy=self.internal_policy,
            external_policy=self.external_policy,
            health_check_port=self.health_check_port,
            proxy=self.proxy,
        )
        ports = (PortEndpoints("http", self.protocol, 8080, self.endpoints),)
        slices = (EndpointSlice("ns1", "web-x7k2p", "web", ports),)
        return Cluster(("node-0", "node-1", "node-2"), ("ns1",), (), (service,), slices, zones=self.zones)


OUTSIDE = ("203.0.113.10", "203.0.113.11")
BALANCER = ("203.0.113.20", "203.0.113.21")

CASES = {
    "cluster-ip": Case(),
    "cluster-ip-udp": Case((HERE,), protocol="UDP"),
    "cluster-ip-sctp": Case((HERE, FAR), protocol="SCTP"),
    "cluster-ip-policy-local": Case(internal_policy="Local"),
    "cluster-ip-policy-local-without-local-endpoints": Case((NEAR, FAR), internal_policy="Local"),
    "external-ip": Case((HERE, FAR), external_ips=OUTSIDE),
    "load-balancer": Case((HERE, FAR), "LoadBalancer", node_port=30080, load_balancer_ips=BALANCER),
    "load-balancer-source-ranges": Case(
        (FAR,), "LoadBalancer", load_balancer_ips=BALANCER, source_ranges=(" 198.51.100.0/24 ", "10.0.0.0/8")
    ),
    "load-balancer-source-ranges-without-the-node": Case(
        (FAR,), "LoadBalancer", load_balancer_ips=BALANCER, source_ranges=("198.51.100.0/24",)
    ),
    "load-balancer-source-ranges-everybody": Case(
        (FAR,), "LoadBalancer", load_balancer_ips=BALANCER[:1], source_ranges=(" 198.51.100.0/24 ", " 0.0.0.0/0")
    ),
    "node-port": Case((HERE, FAR), "NodePort", node_port=30080),
    "node-port-sctp": Case((FAR,), "NodePort", "SCTP", node_port=30080),
    "external-policy-local": Case(
        type="LoadBalancer",
        node_port=30080,
        external_ips=OUTSIDE[:1],
        load_balancer_ips=BALANCER[:1],
        external_policy="Local",
        health_check_port=32100,
    ),
    "external-policy-local-without-local-endpoints": Case(
        (NEAR, FAR),
        "LoadBalancer",
        node_port=30080,
        external_ips=OUTSIDE[:1],
        load_balancer_ips=BALANCER[:1],
        external_policy="Local",
        health_check_port=32100,
    ),
    "both-policies-local": Case(
        type="NodePort", node_port=30080, internal_policy="Local", external_policy="Local", affinity_seconds=10800
    ),
    "both-policies-local-without-local-endpoints": Case(
        (NEAR,), "NodePort", node_port=30080, internal_policy="Local", external_policy="Local"
    ),
    "session-affinity": Case((HERE, FAR), affinity_seconds=10800),
    "session-affinity-udp": Case((FAR,), protocol="UDP", affinity_seconds=60),
    "masquerade-all": Case((FAR,), options=ProxyOptions("10.244.0.0/16", masquerade_all=True)),
    "no-cluster-cidr": Case((HERE,), "NodePort", node_port=30080, external_policy="Local", options=ProxyOptions()),
    "node-port-addresses": Case(
        (FAR,),
        "NodePort",
        node_port=30080,
        options=ProxyOptions("10.244.0.0/16", nodeport_addresses=("10.0.0.0/16", "127.0.0.0/8")),
    ),
    "no-localhost-node-ports": Case(
        (FAR,), "NodePort", node_port=30080, options=ProxyOptions("10.244.0.0/16", localhost_nodeports=False)
    ),
    "another-proxy-s-service": Case(
        type="LoadBalancer",
        node_port=30080,
        external_ips=OUTSIDE[:1],
        load_balancer_ips=BALANCER[:1],
        external_policy="Local",
        health_check_port=32100,
        proxy="",
    ),
    "hints-for-the-zone": Case(in_zones("a", "a", "b"), "NodePort", node_port=30080, zones=ZONES),
    "hints-for-the-zone-under-policy-local": Case(
        in_zones("b", "a", "a"), "NodePort", node_port=30080, external_policy="Local", zones=ZONES
    ),
    "hints-for-the-node": Case(in_zones("a", "a", "b", nodes=True), zones=ZONES),
    "hints-for-others": Case(in_zones("b", "b", "b"), zones=ZONES),
    "hints-of-some": Case((*in_zones("a", "a", "b")[:2], FAR), zones=ZONES),
    "hints-and-no-zone": Case(in_zones("a", "a", "b")),
    "no-endpoints": Case(()),
    "no-endpoints-outside": Case(
        (),
        "LoadBalancer",
        "SCTP",
        node_port=30080,
        external_ips=OUTSIDE[:1],
        load_balancer_ips=BALANCER[:1],
        source_ranges=("198.51.100.0/24",),
        external_policy="Local",
        health_check_port=32100,
    ),
    "terminating-endpoints-are-the-last-resort": Case((leaving(HERE), leaving(FAR))),
    "a-ready-endpoint-and-a-terminating-one": Case((leaving(HERE), FAR)),
    "a-terminating-local-endpoint-under-policy-local": Case(
        (leaving(HERE), FAR), "NodePort", node_port=30080, external_policy="Local"
    ),
}


def written(made: Iterable[Chain]) -> Iterator[str]:
    """The chains with all their rules, the fixed ones by name only."""
    by_table = {table: [chain for chain in made if chain.table == table] for table in ("filter", "nat")}
    for table, own in by_table.items():
        yield f"*{table}"
        yield from (f":{chain.name} - [0:0]" for chain in own)
        for chain in own:
            if chain.name not in FIXED:
                for rule in chain.rules:
                    yield f"# {rule.intent}"
                    yield f"-A {chain.name} {rule.text}"
        yield "COMMIT"


@pytest.mark.parametrize("name", CASES)
def test_rules_as_iptables_save_prints_them(name: str) -> None:
    golden = GOLDEN / f"{name}.txt"
    text = "\n".join(written(CASES[name].chains())) + "\n"
    if os.environ.get("HOPLAB_WRITE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text(), f"the rules changed; if they should, write {golden.name} anew"


@pytest.mark.parametrize("name", CASES)
def test_every_jump_has_its_chain_and_every_chain_its_way_in(name: str) -> None:
    made = CASES[name].chains()
    known = {(chain.table, chain.name) for chain in made}
    assert len(known) == len(made), "a chain was made twice"
    led = {
        (chain.table, rule.text.rpartition("-j ")[2]) for chain in made for rule in chain.rules if "-j " in rule.text
    }
    assert {one for one in led if one[1].startswith("KUBE-")} <= known, "a rule jumps to a chain that is not there"
    own = {(table, chain) for table, chain in known if chain.startswith(("KUBE-S", "KUBE-EXT-", "KUBE-FW-"))}
    assert {one for one in own if one[1] != "KUBE-SERVICES"} <= led, "nothing leads to a chain"
    assert all(rule.intent for chain in made for rule in chain.rules), "every rule says what it is for"
    assert all(len(chain.name) <= 28 for chain in made), "iptables takes 28 letters"


def test_no_golden_file_is_left_over() -> None:
    assert {file.stem for file in GOLDEN.glob("*.txt")} == set(CASES)
