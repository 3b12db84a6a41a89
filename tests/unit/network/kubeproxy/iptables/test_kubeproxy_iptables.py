"""kube-proxy's rules on a node, from a cluster written by hand.

node-0: pod-0, dns-0    node-1: pod-2, dns-1    node-2: pod-3
myapp (172.16.10.10:80) leads to pod-2 and pod-3, kube-dns (172.16.0.10:53) to dns-0 and dns-1.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.cluster.objects import Cluster, Endpoint, EndpointSlice, PortEndpoints, Service, ServicePort
from lab.network.kubeproxy.iptables.ruleset import chains, jumps, probabilities
from lab.network.kubeproxy.options import ProxyOptions
from lab.network.objects import Chain, Rule
from tests.effort import Effort

GOLDEN = Path(__file__).parents[4] / "golden" / "kubeproxy"
OPTIONS = ProxyOptions("10.244.0.0/16")
NODES = ("node-0", "node-1", "node-2")


@dataclass(frozen=True)
class Addresses:
    pods: Mapping[str, str]
    nodes: Mapping[str, str] = field(default_factory=lambda: {name: f"10.0.1.1{name[-1]}" for name in NODES})
    further: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def held(self, node: str) -> tuple[str, ...]:
        return (self.nodes[node], *self.further.get(node, ()))

    def pod(self, place: str) -> str:
        return self.pods[place]


TWO_SUBNET_ADDRESSES = Addresses(
    {
        "namespace001/pod-0": "10.244.0.2",
        "namespace001/pod-2": "10.244.0.66",
        "namespace001/pod-3": "10.244.0.130",
        "kube-system/dns-0": "10.244.0.1",
        "kube-system/dns-1": "10.244.0.65",
    }
)


def endpoints(*places: str, ready: bool = True) -> tuple[Endpoint, ...]:
    return tuple(Endpoint(pod=place, ready=ready) for place in places)


def slice_of(service: str, *ports: PortEndpoints) -> EndpointSlice:
    namespace, _, name = service.partition("/")
    return EndpointSlice(namespace, f"{name}-x7k2p", name, ports)


def two_subnet() -> Cluster:
    dns = endpoints("kube-system/dns-0", "kube-system/dns-1")
    dns_ports = (ServicePort("dns", "UDP", 53, 53), ServicePort("dns-tcp", "TCP", 53, 53))
    myapp = PortEndpoints("http", "TCP", 8080, endpoints("namespace001/pod-3", "namespace001/pod-2"))
    return Cluster(
        nodes=NODES,
        namespaces=("default", "kube-system", "namespace001"),
        services=(
            Service("kube-system", "kube-dns", "ClusterIP", "172.16.0.10", dns_ports),
            Service("namespace001", "myapp", "ClusterIP", "172.16.10.10", (ServicePort("http", "TCP", 80, 8080),)),
            Service("namespace001", "headless", "ClusterIP", "", (ServicePort("http", "TCP", 80, 8080),)),
            Service("namespace001", "elsewhere", "ExternalName", "", external_name="www.example.com"),
        ),
        slices=(
            slice_of(
                "kube-system/kube-dns", PortEndpoints("dns", "UDP", 53, dns), PortEndpoints("dns-tcp", "TCP", 53, dns)
            ),
            slice_of("namespace001/myapp", myapp),
            slice_of("namespace001/headless", myapp),
        ),
    )


def one_service(*targets: Endpoint, protocol: str = "TCP", port_name: str = "") -> Cluster:
    service = Service("ns1", "svc1", "ClusterIP", "172.16.0.5", (ServicePort(port_name, protocol, 80, 8080),))
    return Cluster(
        nodes=NODES,
        namespaces=("ns1",),
        services=(service,),
        slices=(slice_of("ns1/svc1", PortEndpoints(port_name, protocol, 8080, targets)),),
    )


def bare(*addresses: str) -> tuple[Endpoint, ...]:
    return tuple(Endpoint(address=address) for address in addresses)


def on_node(cluster: Cluster, node: str = "node-0") -> dict[tuple[str, str], Chain]:
    made = chains(cluster, TWO_SUBNET_ADDRESSES, node, OPTIONS)
    by_name = {(chain.table, chain.name): chain for chain in made}
    assert len(by_name) == len(made), "a chain was made twice"
    return by_name


def texts(chain: Chain) -> list[str]:
    return [rule.text for rule in chain.rules]


def as_saved(made: Iterable[Chain], jumped: Mapping[tuple[str, str], tuple[Rule, ...]]) -> str:
    lines = []
    for table in ("filter", "nat"):
        own = [chain for chain in made if chain.table == table]
        built_in = [(chain, rules) for (where, chain), rules in jumped.items() if where == table]
        lines.append(f"*{table}")
        lines += [f":{name} ACCEPT [0:0]" for name, _ in built_in]
        lines += [f":{chain.name} - [0:0]" for chain in own]
        lines += [f"-A {name} {rule.text}" for name, rules in built_in for rule in rules]
        lines += [f"-A {chain.name} {rule.text}" for chain in own for rule in chain.rules]
        lines.append("COMMIT")
    return "\n".join(lines) + "\n"


def test_two_subnet_as_iptables_save_prints_it() -> None:
    golden = GOLDEN / "two-subnet.txt"
    made = as_saved(chains(two_subnet(), TWO_SUBNET_ADDRESSES, "node-0", OPTIONS), jumps())
    if os.environ.get("HOPLAB_WRITE_GOLDEN"):
        golden.write_text(made)
    assert made == golden.read_text(), f"the rules changed; if they should, write {golden.name} anew"


def test_intents_of_two_subnet() -> None:
    golden = GOLDEN / "two-subnet-intents.txt"
    made = "".join(
        f"{chain.table} {chain.name}: {chain.intent}\n" + "".join(f"    {rule.intent}\n" for rule in chain.rules)
        for chain in chains(two_subnet(), TWO_SUBNET_ADDRESSES, "node-0", OPTIONS)
    )
    if os.environ.get("HOPLAB_WRITE_GOLDEN"):
        golden.write_text(made)
    assert made == golden.read_text(), f"the intents changed; if they should, write {golden.name} anew"


def node_port_services() -> Cluster:
    """myapp answers on node port 30080, gone has nobody behind its 30053/UDP."""
    cluster = two_subnet()
    myapp = Service("namespace001", "myapp", "NodePort", "172.16.10.10", (ServicePort("http", "TCP", 80, 8080, 30080),))
    gone = Service("namespace001", "gone", "LoadBalancer", "172.16.10.11", (ServicePort("", "UDP", 53, 53, 30053),))
    return replace(cluster, services=(myapp, gone), slices=cluster.slices[1:2])


def test_node_ports_as_iptables_save_prints_them() -> None:
    golden = GOLDEN / "node-ports.txt"
    made = as_saved(chains(node_port_services(), TWO_SUBNET_ADDRESSES, "node-0", OPTIONS), jumps())
    if os.environ.get("HOPLAB_WRITE_GOLDEN"):
        golden.write_text(made)
    assert made == golden.read_text(), f"the rules changed; if they should, write {golden.name} anew"


def test_a_node_port_is_masqueraded_and_then_goes_where_the_cluster_ip_goes() -> None:
    node = on_node(node_port_services())
    (entry,) = node["nat", "KUBE-NODEPORTS"].rules
    external = node["nat", jump(entry.text)]
    assert external.name.startswith("KUBE-EXT-")
    assert [jump(text) for text in texts(external)] == ["KUBE-MARK-MASQ", external.name.replace("EXT", "SVC")]
    assert ("nat", external.name.replace("EXT", "SVC")) in node
    told = "node port 30080 of Service namespace001/myapp:80"
    assert entry.intent == f"{told} (1 of 2 endpoints chosen at random)"
    assert all(rule.intent.startswith(told) for rule in external.rules)
    assert node["filter", "KUBE-EXTERNAL-SERVICES"].rules[0].intent == (
        "node port 30053 of Service namespace001/gone:53/UDP has no ready endpoint: refused"
    )


def test_a_request_for_the_cluster_ip_ends_at_one_of_two_pods() -> None:
    node = on_node(two_subnet())
    (entry,) = [rule for rule in node["nat", "KUBE-SERVICES"].rules if "172.16.10.10" in rule.text]
    service = node["nat", entry.text.rpartition(" ")[2]]
    first, second = (node["nat", text.rpartition(" ")[2]] for text in texts(service)[1:])
    assert "10.244.0.130:8080" in texts(first)[1], "endpoints are sorted as strings: .130 comes before .66"
    assert "10.244.0.66:8080" in texts(second)[1]
    assert first.intent == "endpoint pod-3 of Service namespace001/myapp:80"
    assert entry.intent == "Service namespace001/myapp:80 (1 of 2 endpoints chosen at random)"
    assert first.rules[0].intent == "hairpin: pod-3 reaching itself through its Service is masqueraded"
    assert "--probability 0.50000000000 " in texts(service)[1]
    assert "statistic" not in texts(service)[2], "the last endpoint takes whoever is left"


def test_headless_and_external_name_services_have_no_rules() -> None:
    said = as_saved(on_node(two_subnet()).values(), {})
    assert "headless" not in said
    assert "elsewhere" not in said


@pytest.mark.parametrize("cluster", [one_service(), one_service(*endpoints("namespace001/pod-2", ready=False))])
def test_a_service_without_ready_endpoints_is_refused_at_once(cluster: Cluster) -> None:
    node = on_node(cluster)
    assert texts(node["filter", "KUBE-SERVICES"]) == [
        '-d 172.16.0.5/32 -p tcp -m comment --comment "ns1/svc1 has no endpoints" -m tcp --dport 80 '
        "-j REJECT --reject-with icmp-port-unreachable"
    ]
    assert len(node["nat", "KUBE-SERVICES"].rules) == 1, "only the jump to the node ports"
    assert not [name for _, name in node if name.startswith(("KUBE-SVC-", "KUBE-SEP-"))]


def test_a_pod_that_is_not_ready_gets_nothing() -> None:
    cluster = one_service(*endpoints("namespace001/pod-2"), *endpoints("namespace001/pod-3", ready=False))
    said = as_saved(on_node(cluster).values(), {})
    assert "10.244.0.66:8080" in said
    assert "10.244.0.130" not in said


def test_the_same_endpoint_in_two_slices_is_one() -> None:
    cluster = one_service(*bare("192.0.2.1"))
    doubled = replace(cluster, slices=cluster.slices + cluster.slices)
    assert as_saved(on_node(doubled).values(), {}) == as_saved(on_node(cluster).values(), {})


def test_an_endpoint_of_another_namespace_is_named_in_full() -> None:
    (endpoint,) = [
        chain
        for (_, name), chain in on_node(one_service(*endpoints("namespace001/pod-2"), protocol="UDP")).items()
        if name.startswith("KUBE-SEP-")
    ]
    assert endpoint.intent == "endpoint namespace001/pod-2 of Service ns1/svc1:80/UDP"


def test_nodes_share_their_rules() -> None:
    cluster = two_subnet()
    for first, other in zip(on_node(cluster).values(), on_node(cluster, "node-2").values(), strict=True):
        assert other == replace(first, place="node-2")
        assert other.rules is first.rules, f"the rules of {first.name} were made twice"


def test_above_a_thousand_endpoints_the_comments_go() -> None:
    def comments(count: int) -> int:
        cluster = one_service(*bare(*(f"10.9.{i // 250}.{i % 250 + 1}" for i in range(count))))
        own = [c for (_, name), c in on_node(cluster).items() if name.startswith(("KUBE-SVC-", "KUBE-SEP-"))]
        return sum("--comment" in text for chain in own for text in texts(chain))

    assert comments(1000) == 1 + 3 * 1000
    assert comments(1001) == 1, "only the rule that marks clients outside the cluster still has one"


def test_jumps_stand_as_insertion_leaves_them() -> None:
    found = {where: [text.text.rpartition(" ")[2] for text in rules] for where, rules in jumps().items()}
    assert found == {
        ("filter", "INPUT"): ["KUBE-FIREWALL", "KUBE-PROXY-FIREWALL", "KUBE-NODEPORTS", "KUBE-EXTERNAL-SERVICES"],
        ("filter", "FORWARD"): ["KUBE-PROXY-FIREWALL", "KUBE-FORWARD", "KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES"],
        ("filter", "OUTPUT"): ["KUBE-FIREWALL", "KUBE-PROXY-FIREWALL", "KUBE-SERVICES"],
        ("nat", "PREROUTING"): ["KUBE-SERVICES"],
        ("nat", "OUTPUT"): ["KUBE-SERVICES"],
        ("nat", "POSTROUTING"): ["KUBE-POSTROUTING"],
    }


def test_every_rule_says_what_it_is_for() -> None:
    made = on_node(two_subnet()).values()
    assert all(chain.intent for chain in made)
    assert all(rule.intent for chain in made for rule in chain.rules)
    assert all(rule.intent for rules in jumps().values() for rule in rules)


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (1, []),
        (2, ["0.50000000000"]),
        (3, ["0.33333333349", "0.50000000000"]),
        (4, ["0.25000000000", "0.33333333349", "0.50000000000"]),
    ],
)
def test_probabilities_as_the_kernel_keeps_them(count: int, shown: list[str]) -> None:
    assert [text.split()[-1] for text in probabilities(count)[:-1]] == shown
    assert probabilities(count)[-1] == ""


NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
PORT = st.integers(min_value=1, max_value=65535)
TARGETS = st.lists(st.ip_addresses(v=4).map(str), max_size=12, unique=True)
SERVICE = st.tuples(NAMES, NAMES, st.one_of(st.just(""), NAMES), st.sampled_from(["TCP", "UDP", "SCTP"]), PORT, TARGETS)


@given(st.lists(SERVICE, max_size=6, unique_by=lambda one: one[:2]))
@settings(max_examples=60)
def test_any_services(drawn: list[tuple[str, str, str, str, int, list[str]]]) -> None:
    cluster = Cluster(
        nodes=NODES,
        namespaces=(),
        services=tuple(
            Service(space, name, "ClusterIP", f"172.16.0.{i + 1}", (ServicePort(port, protocol, number, number),))
            for i, (space, name, port, protocol, number, _) in enumerate(drawn)
        ),
        slices=tuple(
            slice_of(f"{space}/{name}", PortEndpoints(port, protocol, number, bare(*addresses)))
            for space, name, port, protocol, number, addresses in drawn
        ),
    )
    node = on_node(cluster)
    entries = {target for text in texts(node["nat", "KUBE-SERVICES"]) if (target := jump(text)).startswith("KUBE-SVC-")}
    assert entries == {name for _, name in node if name.startswith("KUBE-SVC-")}, "every Service chain has its way in"
    for (table, name), chain in node.items():
        assert len(name) <= 28
        for rule in chain.rules:
            if jump(rule.text).startswith("KUBE-"):
                assert (table, jump(rule.text)) in node, f"{name} jumps to a chain that is not there: {rule.text}"
        if name.startswith("KUBE-SVC-"):
            assert_even(texts(chain)[1:])
    refused = len(node["filter", "KUBE-SERVICES"].rules)
    assert refused == sum(not addresses for *_, addresses in drawn)


def jump(text: str) -> str:
    found = re.search(r"(?:^| )-j (\S+)", text)
    assert found, f"no target in {text!r}"
    return found[1]


def assert_even(choices: list[str]) -> None:
    """Whatever the number of endpoints, each is as likely as any other."""
    left = 1.0
    for text in choices:
        found = re.search(r"--probability (\S+)", text)
        chance = left * (float(found[1]) if found else 1.0)
        assert chance == pytest.approx(1 / len(choices), abs=1e-7), f"uneven: {text}"
        left -= chance
    assert left == pytest.approx(0)


def test_ten_thousand_services_take_less_than_a_second() -> None:
    """The budget is 0.4 s; the rest is for machines that are busy with other tests."""
    cluster = Cluster(
        nodes=NODES,
        namespaces=(),
        services=tuple(
            Service("ns", f"s{i}", "ClusterIP", f"172.16.{i // 250}.{i % 250}", (ServicePort("", "TCP", 80, 80),))
            for i in range(10_000)
        ),
        slices=tuple(
            slice_of(
                f"ns/s{i}",
                PortEndpoints("", "TCP", 80, bare(f"10.1.{i // 250}.{i % 250}", f"10.2.{i // 250}.{i % 250}")),
            )
            for i in range(10_000)
        ),
    )
    with Effort() as effort:
        made = chains(cluster, TWO_SUBNET_ADDRESSES, "node-0", OPTIONS)
    assert len(made) == 10 + 30_000
    assert effort.ms < 1000, f"{effort.ms:.0f} ms for 10,000 Services"
