"""kube-proxy in nftables mode: each kind of Service and each case of missing endpoints in a file of its own.

node-0 (10.0.1.10): 10.244.0.2    node-1 (10.0.1.11): 10.244.0.66    node-2 (10.0.2.10): 10.244.0.130

The files are what `nft list table ip kube-proxy` prints, without what does not depend on any Service; a comment above
each rule and element says what it is for. HOPLAB_WRITE_GOLDEN=1 writes them anew, to be read before they are kept.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lab.cluster.objects import Cluster
from lab.network.kubeproxy.nftables.names import endpoint_chain, service_chain
from lab.network.kubeproxy.nftables.ruleset import NftTables, tables
from lab.network.kubeproxy.nftables.sources import as_loaded, one_of
from lab.network.kubeproxy.options import ProxyOptions
from lab.network.objects import NftChain, NftObject, NftSet
from lab.network.objects.nft_text import element_text, hook_text, set_settings
from tests.unit.network.kubeproxy.iptables import test_kubeproxy_golden as kinds
from tests.unit.network.kubeproxy.iptables.test_kubeproxy_golden import FAR, HERE, Addresses, Case

GOLDEN = Path(__file__).parents[3] / "golden" / "kubeproxy" / "nftables"
SERVICE_CIDRS = ("172.16.0.0/16",)

CASES = {
    **kinds.CASES,
    "node-ports-on-all-addresses": Case(
        (FAR,), "NodePort", node_port=30080, options=ProxyOptions("10.244.0.0/16", nodeport_addresses=("0.0.0.0/0",))
    ),
    "load-balancer-source-ranges-that-touch": Case(
        (HERE,),
        "LoadBalancer",
        load_balancer_ips=("203.0.113.20",),
        source_ranges=("10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24", "198.51.100.7/32"),
    ),
}


def made(case: Case, node: str = "node-0") -> tuple[NftObject, ...]:
    return tables(case.cluster(), Addresses(), node, case.options, SERVICE_CIDRS)


def written(objects: tuple[NftObject, ...], *, fixed: bool = False) -> Iterator[str]:
    for item in objects:
        if isinstance(item, NftSet) and (item.elements or "/" in item.name or fixed):
            yield f"\t{item.kind} {item.name} {{"
            yield from (f"\t\t{setting}" for setting in set_settings(item))
            if item.elements:
                yield "\t\telements = {"
                for element in item.elements:
                    yield f"\t\t\t# {element.intent}"
                    yield f"\t\t\t{element_text(element)},"
                yield "\t\t}"
            yield "\t}"
        elif isinstance(item, NftChain) and ("/" in item.name or fixed):
            yield f"\tchain {item.name} {{"
            if item.comment:
                yield f'\t\tcomment "{item.comment}"'
            if item.hook:
                yield f"\t\t{hook_text(item.hook)}"
            for rule in item.rules:
                yield f"\t\t# {rule.intent}"
                yield f"\t\t{rule.text}"
            yield "\t}"


def compare(name: str, lines: Iterator[str]) -> None:
    golden = GOLDEN / f"{name}.txt"
    text = "table ip kube-proxy {\n" + "\n".join(lines) + "\n}\n"
    if os.environ.get("HOPLAB_WRITE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text(), f"the table changed; if it should, write {golden.name} anew"


@pytest.mark.parametrize("name", CASES)
def test_a_kind_of_service_as_nft_prints_it(name: str) -> None:
    compare(name, written(made(CASES[name])))


def test_the_whole_table_of_a_cluster_without_services() -> None:
    empty = Cluster(("node-0",), ())
    compare("no-services", written(tables(empty, Addresses(), "node-0", kinds.OPTIONS, SERVICE_CIDRS), fixed=True))


def test_no_golden_file_is_left_over() -> None:
    assert {file.stem for file in GOLDEN.glob("*.txt")} == {*CASES, "no-services"}


@pytest.mark.parametrize("name", CASES)
def test_every_way_leads_somewhere_and_every_chain_has_a_way_in(name: str) -> None:
    objects = made(CASES[name])
    assert len({item.key for item in objects}) == len(objects), "an object was made twice"
    chains = {item.name: item for item in objects if isinstance(item, NftChain)}
    sets = {item.name: item for item in objects if isinstance(item, NftSet)}
    texts = [rule.text for chain in chains.values() for rule in chain.rules]
    verdicts = [element.verdict for one in sets.values() for element in one.elements]
    led = {target for text in (*texts, *verdicts) for target in re.findall(r"(?:jump|goto) ([^ ,]+)", text)}
    own = {name for name in chains if "/" in name}
    assert led <= chains.keys(), "a rule or element leads to a chain that is not there"
    assert own <= led, "nothing leads to a chain"
    assert {word for text in texts for word in re.findall(r"@([^ ]+)", text)} <= sets.keys()
    assert all(rule.intent for chain in chains.values() for rule in chain.rules), "every rule says what it is for"
    assert all(element.intent for one in sets.values() for element in one.elements)


def test_names_are_those_of_real_nodes() -> None:
    assert service_chain("ns1/svc1:p80", "tcp") == "service-ULMVA6XW-ns1/svc1/tcp/p80"
    assert endpoint_chain("ns1/svc1:p80", "tcp", "10.180.0.1:80") == "endpoint-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80"
    assert service_chain("kube-system/kube-dns:dns", "udp") == "service-FY5PMXPG-kube-system/kube-dns/udp/dns"
    assert service_chain("ns1/svc1", "tcp").endswith("-ns1/svc1/tcp/"), "a port without a name"


@pytest.mark.parametrize(
    ("prefixes", "printed"),
    [
        (("203.0.113.0/25",), "203.0.113.0/25"),
        (("10.0.0.1/32", "10.0.0.1"), "{ 10.0.0.1 }"),
        (("10.0.0.2/32", "10.0.0.3/32"), "{ 10.0.0.2/31 }"),
        (("10.0.0.2", "10.0.0.1"), "{ 10.0.0.1, 10.0.0.2 }"),
        (("10.0.0.2", "10.0.0.1", "10.0.1.0/24"), "{ 10.0.0.1-10.0.0.2, 10.0.1.0/24 }"),
        (("10.0.0.0/25", "10.0.0.128/25"), "{ 10.0.0.0/24 }"),
        (("10.0.0.0/25", "10.0.0.128/26"), "{ 10.0.0.0-10.0.0.191 }"),
        (("203.0.113.0/25", "5.6.7.8", "10.0.0.0/8"), "{ 5.6.7.8, 10.0.0.0/8, 203.0.113.0/25 }"),
        (("0.0.0.0/0", "10.0.0.1"), "{ 0.0.0.0/0 }"),
    ],
)
def test_prefixes_that_touch_become_one(prefixes: tuple[str, ...], printed: str) -> None:
    assert one_of(prefixes) == printed


@pytest.mark.parametrize(
    ("printed", "loaded"),
    [
        ("ip saddr != 203.0.113.0/25 drop", "ip saddr != 203.0.113.0/25 drop"),
        ("ip saddr != { 10.0.0.1, 10.0.0.2 } drop", "ip saddr != { 10.0.0.1, 10.0.0.2 } drop"),
        ("ip saddr != { 10.0.0.1 } drop", "ip saddr != { 10.0.0.1/32, 10.0.0.1 } drop"),
        ("ip saddr != { 10.0.0.2/31 } drop", "ip saddr != { 10.0.0.2/32, 10.0.0.3 } drop"),
        ("ip saddr != { 10.0.0.0-10.0.0.191 } drop", "ip saddr != { 10.0.0.0/32, 10.0.0.1-10.0.0.191 } drop"),
        ("ip saddr != { 10.8.0.0/23 } drop", "ip saddr != { 10.8.0.0/32, 10.8.0.1-10.8.1.255 } drop"),
    ],
)
def test_a_set_of_one_is_loaded_in_two_parts(printed: str, loaded: str) -> None:
    assert as_loaded(printed) == loaded


def test_what_does_not_depend_on_the_node_is_made_once() -> None:
    here, there = made(CASES["node-port"]), made(CASES["node-port"], "node-1")
    rules = [
        [chain.rules for chain in objects if isinstance(chain, NftChain) and "/" in chain.name]
        for objects in (here, there)
    ]
    assert rules[0] == rules[1]
    assert all(one is other for one, other in zip(*rules, strict=True))


def test_what_did_not_change_is_taken_from_the_state_before() -> None:
    case = CASES["both-policies-local"]
    cluster = case.cluster()
    other = replace(cluster.services[0], name="other", cluster_ip="172.16.10.11")
    cluster = replace(cluster, services=(*cluster.services, other))
    before = NftTables(cluster, Addresses(), case.options)
    moved = replace(other, cluster_ip="172.16.10.12")
    changed = replace(cluster, services=(cluster.services[0], moved))
    after = NftTables(changed, Addresses(), case.options, before=before)
    assert after.services["ns1/web"] is before.services["ns1/web"]
    assert after.services["ns1/other"] is not before.services["ns1/other"]
    assert after.objects("node-0") == NftTables(changed, Addresses(), case.options).objects("node-0")
