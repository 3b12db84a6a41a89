"""A real kernel gives back kube-proxy's rules as we say them: `iptables-restore`, then `iptables-save`, sandboxed."""

from __future__ import annotations

import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from lab.cluster.objects import Cluster, Endpoint, EndpointSlice, PortEndpoints, Service, ServicePort
from lab.network.kubeproxy.iptables.names import endpoint_chain, service_chain
from lab.network.kubeproxy.iptables.ruleset import chains, jumps
from lab.network.kubeproxy.options import ProxyOptions
from lab.network.objects import Chain, Rule

SANDBOX = ("unshare", "--user", "--map-root-user", "--net", "--mount")
VARIANTS = ("nft", "legacy")
# Table by table: which ones there are, iptables-legacy-save reads from a file that only the machine's root may read.
LOAD_AND_SAVE = (
    "mount -t tmpfs tmpfs /run && iptables-{0}-restore --noflush "
    "&& iptables-{0}-save -t filter && iptables-{0}-save -t nat"
)
GOLDEN = Path(__file__).parents[2] / "golden" / "kubeproxy"
RULES = [GOLDEN / "two-subnet.txt", GOLDEN / "node-ports.txt", *sorted((GOLDEN / "iptables").glob("*.txt"))]
OPTIONS = ProxyOptions("10.244.0.0/16")
BATCH = 200  # lines; without root a socket's buffer (net.core.wmem_default) does not hold more than some 250 rules

Saved = dict[tuple[str, str], list[str]]


class NoPods:
    """All endpoints of these tests are bare addresses."""

    nodes: ClassVar[Mapping[str, str]] = {"node-0": "10.0.1.10"}

    def held(self, node: str) -> tuple[str, ...]:
        return (self.nodes[node],)

    def pod(self, place: str) -> str:
        raise AssertionError(f"nobody asked for {place}")


@pytest.fixture(autouse=True)
def _sandbox_is_possible() -> None:
    tried = subprocess.run([*SANDBOX, "iptables-nft", "-S"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"no user namespace with iptables here: {tried.stderr.strip()}")


def through_the_kernel(text: str, variant: str = "nft") -> Saved:
    command = [*SANDBOX, "sh", "-c", LOAD_AND_SAVE.format(variant)]
    done = subprocess.run(command, input=in_batches(text), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"iptables-{variant}-restore refused the rules: {done.stderr}"
    return by_chain(done.stdout)


def in_batches(text: str) -> str:
    """The same rules with a COMMIT after every so many lines."""
    lines: list[str] = []
    table, count = "", 0
    for line in text.splitlines():
        if line.startswith("*"):
            table, count = line, 0
        elif count == BATCH:
            lines += ["COMMIT", table]
            count = 0
        lines.append(line)
        count += 1
    return "\n".join(lines) + "\n"


def by_chain(text: str) -> Saved:
    """Rules of each chain that has any, and every chain that is not built in."""
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(":") and line.split()[1] == "-":
            _ = found[table, line[1:].split()[0]]
        elif line.startswith("-A "):
            _, chain, rule = line.split(" ", 2)
            found[table, chain].append(rule)
    return dict(found)


def as_restored(made: Iterable[Chain]) -> str:
    lines: list[str] = []
    for table in ("filter", "nat"):
        own = [chain for chain in made if chain.table == table]
        lines += [f"*{table}", *(f":{chain.name} - [0:0]" for chain in own)]
        built_in: list[tuple[str, tuple[Rule, ...]]] = [
            (chain, rules) for (where, chain), rules in jumps().items() if where == table
        ]
        lines += [f"-A {chain} {rule.text}" for chain, rules in built_in for rule in rules]
        lines += [f"-A {chain.name} {rule.text}" for chain in own for rule in chain.rules]
        lines.append("COMMIT")
    return "\n".join(lines) + "\n"


def cluster_of(*services: tuple[str, str, str, int]) -> Cluster:
    """Services as (name, port's name, protocol, number of endpoints)."""
    return Cluster(
        nodes=("node-0",),
        namespaces=("ns1",),
        services=tuple(
            Service("ns1", name, "ClusterIP", f"172.16.0.{i + 1}", (ServicePort(port, protocol, 80, 8080),))
            for i, (name, port, protocol, _) in enumerate(services)
        ),
        slices=tuple(
            EndpointSlice("ns1", f"{name}-x", name, (PortEndpoints(port, protocol, 8080, addresses(i, count)),))
            for i, (name, port, protocol, count) in enumerate(services)
        ),
    )


def addresses(service: int, count: int) -> tuple[Endpoint, ...]:
    return tuple(Endpoint(address=f"10.{service}.{i // 250}.{i % 250 + 1}") for i in range(count))


@pytest.mark.parametrize(
    "cluster",
    [
        cluster_of(
            ("web", "http", "TCP", 7), ("dns", "", "UDP", 2), ("calls", "sctp", "SCTP", 1), ("gone", "", "TCP", 0)
        ),
        cluster_of(("large", "http", "TCP", 1001), ("gone", "x", "UDP", 0)),
    ],
    ids=["with comments", "above 1,000 endpoints"],
)
def test_every_chain_comes_back_as_it_was_said(cluster: Cluster) -> None:
    said = as_restored(chains(cluster, NoPods(), "node-0", OPTIONS))
    assert through_the_kernel(said) == by_chain(said)


def test_every_probability_up_to_a_thousand_endpoints_comes_back() -> None:
    """The kernel keeps a probability in 31 bits: what is printed is not what was written."""
    cluster = cluster_of(("web", "", "TCP", 1000))
    said = as_restored(chains(cluster, NoPods(), "node-0", OPTIONS))
    service = next(where for where in by_chain(said) if where[1].startswith("KUBE-SVC-"))
    assert through_the_kernel(said)[service] == by_chain(said)[service]


def test_what_kube_proxy_writes_becomes_what_we_say() -> None:
    """kube-proxy's own words for the same rules, in its order of options."""
    written = """*filter
:KUBE-SERVICES - [0:0]
-A KUBE-SERVICES -m comment --comment "ns1/gone has no endpoints" -m tcp -p tcp -d 172.16.0.2 --dport 80 -j REJECT
COMMIT
*nat
:KUBE-MARK-MASQ - [0:0]
:KUBE-POSTROUTING - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
COMMIT
"""
    made = chains(cluster_of(("web", "", "TCP", 1), ("gone", "", "TCP", 0)), NoPods(), "node-0", OPTIONS)
    ours = {(chain.table, chain.name): [rule.text for rule in chain.rules] for chain in made}
    for where, rules in through_the_kernel(written).items():
        assert ours[where] == rules


def test_what_kube_proxy_writes_for_node_ports_becomes_what_we_say() -> None:
    written = """*filter
:KUBE-EXTERNAL-SERVICES - [0:0]
-A KUBE-EXTERNAL-SERVICES -m comment --comment "ns1/gone has no endpoints" -m addrtype --dst-type LOCAL \
-m udp -p udp --dport 30053 -j REJECT
COMMIT
*nat
:KUBE-MARK-MASQ - [0:0]
:KUBE-SVC-HASH - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-EXT-HASH - [0:0]
-A KUBE-NODEPORTS -m comment --comment "ns1/web:http" -m tcp -p tcp --dport 30080 -j KUBE-EXT-HASH
-A KUBE-EXT-HASH -m comment --comment "masquerade traffic for ns1/web:http external destinations" \
-j KUBE-MARK-MASQ
-A KUBE-EXT-HASH -j KUBE-SVC-HASH
COMMIT
"""
    hashed = service_chain("ns1/web:http", "tcp").removeprefix("KUBE-SVC-")
    written = written.replace("HASH", hashed)
    cluster = cluster_of(("web", "http", "TCP", 1), ("gone", "", "UDP", 0))
    numbers = (30080, 30053)
    services = tuple(
        replace(one, type="NodePort", ports=(replace(one.ports[0], node_port=number),))
        for one, number in zip(cluster.services, numbers, strict=True)
    )
    made = chains(replace(cluster, services=services), NoPods(), "node-0", OPTIONS)
    ours = {(chain.table, chain.name): [rule.text for rule in chain.rules] for chain in made}
    for where, rules in through_the_kernel(written).items():
        assert not rules or ours[where] == rules


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("file", RULES, ids=lambda file: file.stem)
def test_a_golden_file_comes_back(file: Path, variant: str) -> None:
    golden = file.read_text()
    assert through_the_kernel(golden, variant) == by_chain(golden)


def test_what_kube_proxy_writes_for_a_load_balancer_becomes_what_we_say() -> None:
    """All kinds of rules at once, in kube-proxy's own words and order of options, on a node without an endpoint."""
    written = """*filter
:KUBE-EXTERNAL-SERVICES - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-PROXY-FIREWALL - [0:0]
-A KUBE-PROXY-FIREWALL -m comment --comment "ns1/web:http traffic not accepted by KUBE-FW-HASH" \
-m tcp -p tcp -d 203.0.113.20 --dport 80 -j DROP
-A KUBE-EXTERNAL-SERVICES -m comment --comment "ns1/web:http has no local endpoints" \
-m tcp -p tcp -d 203.0.113.20 --dport 80 -j DROP
-A KUBE-EXTERNAL-SERVICES -m comment --comment "ns1/web:http has no local endpoints" \
-m addrtype --dst-type LOCAL -m tcp -p tcp --dport 30080 -j DROP
-A KUBE-NODEPORTS -m comment --comment "ns1/web:http health check node port" -m tcp -p tcp --dport 32100 -j ACCEPT
COMMIT
*nat
:KUBE-MARK-MASQ - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-HASH - [0:0]
:KUBE-EXT-HASH - [0:0]
:KUBE-FW-HASH - [0:0]
:KUBE-SEP-END - [0:0]
-A KUBE-SERVICES -m comment --comment "ns1/web:http cluster IP" -m tcp -p tcp -d 172.16.0.1 --dport 80 -j KUBE-SVC-HASH
-A KUBE-SERVICES -m comment --comment "ns1/web:http loadbalancer IP" \
-m tcp -p tcp -d 203.0.113.20 --dport 80 -j KUBE-FW-HASH
-A KUBE-NODEPORTS -m comment --comment ns1/web:http -m tcp -p tcp --dport 30080 -j KUBE-EXT-HASH
-A KUBE-SVC-HASH -m comment --comment "ns1/web:http cluster IP" -m tcp -p tcp -d 172.16.0.1 --dport 80 \
! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-EXT-HASH -m comment --comment "pod traffic for ns1/web:http external destinations" \
-s 10.244.0.0/16 -j KUBE-SVC-HASH
-A KUBE-EXT-HASH -m comment --comment "masquerade LOCAL traffic for ns1/web:http external destinations" \
-m addrtype --src-type LOCAL -j KUBE-MARK-MASQ
-A KUBE-EXT-HASH -m comment --comment "route LOCAL traffic for ns1/web:http external destinations" \
-m addrtype --src-type LOCAL -j KUBE-SVC-HASH
-A KUBE-FW-HASH -m comment --comment "ns1/web:http loadbalancer IP" -s 10.0.0.0/8 -j KUBE-EXT-HASH
-A KUBE-FW-HASH -m comment --comment "ns1/web:http loadbalancer IP" -s 203.0.113.20 -j KUBE-EXT-HASH
-A KUBE-FW-HASH -m comment --comment "other traffic to ns1/web:http will be dropped by KUBE-PROXY-FIREWALL"
-A KUBE-SVC-HASH -m comment --comment "ns1/web:http -> 10.0.0.1:8080" \
-m recent --name KUBE-SEP-END --rcheck --seconds 10800 --reap -j KUBE-SEP-END
-A KUBE-SVC-HASH -m comment --comment "ns1/web:http -> 10.0.0.1:8080" -j KUBE-SEP-END
-A KUBE-SEP-END -m comment --comment ns1/web:http -s 10.0.0.1 -j KUBE-MARK-MASQ
-A KUBE-SEP-END -m comment --comment ns1/web:http -m recent --name KUBE-SEP-END --set \
-m tcp -p tcp -j DNAT --to-destination 10.0.0.1:8080
-A KUBE-SERVICES -m comment \
--comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" \
-m addrtype --dst-type LOCAL ! -d 127.0.0.0/8 -j KUBE-NODEPORTS
COMMIT
"""
    cluster = cluster_of(("web", "http", "TCP", 1))
    service = replace(
        cluster.services[0],
        type="LoadBalancer",
        ports=(replace(cluster.services[0].ports[0], node_port=30080),),
        load_balancer_ips=("203.0.113.20",),
        source_ranges=("10.0.0.0/8",),
        affinity_seconds=10800,
        external_policy="Local",
        health_check_port=32100,
    )
    hashed = service_chain("ns1/web:http", "tcp").removeprefix("KUBE-SVC-")
    end = endpoint_chain("ns1/web:http", "tcp", "10.0.0.1:8080").removeprefix("KUBE-SEP-")
    written = written.replace("HASH", hashed).replace("-END", f"-{end}")
    options = ProxyOptions("10.244.0.0/16", localhost_nodeports=False)
    made = chains(replace(cluster, services=(service,)), NoPods(), "node-0", options)
    ours = {(chain.table, chain.name): [rule.text for rule in chain.rules] for chain in made}
    for where, rules in through_the_kernel(written).items():
        assert not rules or ours[where] == rules
