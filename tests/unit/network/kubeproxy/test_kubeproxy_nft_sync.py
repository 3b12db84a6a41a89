"""kube-proxy in nftables mode following a cluster that changes: what it looks at, and that it ends at the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from lab.cluster.objects import Cluster, Endpoint, ServicePort
from lab.network.kubeproxy.nftables.ruleset import NftTables
from lab.network.kubeproxy.options import ProxyOptions
from lab.network.kubeproxy.sync import ChangedTable, NftProxier
from lab.network.objects import Key, Namespace, Network, NftObject
from lab.plan import NftStep, plan
from lab.plan.nft_input import transactions
from tests.effort import Effort
from tests.unit.network.kubeproxy.test_kubeproxy_sync import (
    ADDRESSES,
    NODES,
    OPTIONS,
    SETTINGS,
    STATES,
    at,
    behind,
    cluster,
    many,
    service,
)

CIDRS = ("172.16.0.0/16",)


def following(now: Cluster) -> NftProxier:
    """A proxier whose nodes have programmed `now`."""
    proxier = NftProxier(OPTIONS, CIDRS)
    proxier.follow(now, ADDRESSES)
    for node in NODES:
        proxier.sync(node)
    return proxier


def differing(changed: ChangedTable) -> list[str]:
    """`+` what is new, `-` what goes, `~` what changes, without the hashes of names."""
    before, after = by_key(changed.before), by_key(changed.after)
    keys = [key for key in before | after if before.get(key) != after.get(key)]
    signs = {key: "-" if key not in after else "~" if key in before else "+" for key in keys}
    return sorted(f"{sign}{key[0]} {key[3].partition('-')[0]}" for key, sign in signs.items())


def by_key(items: Iterable[NftObject]) -> dict[Key, NftObject]:
    return {item.key: item for item in items}


def test_the_first_sync_is_a_full_one_and_the_next_has_nothing_to_do() -> None:
    proxier = NftProxier(OPTIONS, CIDRS)
    now = many(3)
    proxier.follow(now, ADDRESSES)
    assert proxier.sync("node-1") == ChangedTable((), NftTables(now, ADDRESSES, OPTIONS, CIDRS).objects("node-1"))
    assert proxier.sync("node-1") == ChangedTable()


def test_an_endpoint_that_moves_touches_its_service_and_its_nodes_hairpins_and_none_of_the_maps() -> None:
    now = many(1000)
    proxier = following(now)
    proxier.follow(replace(now, slices=(*now.slices[:-1], behind("s999", *at("10.9.9.9")))), ADDRESSES)
    touched = {"node-0": ["~nft-chain service", "~nft-set hairpin"], "node-1": ["~nft-chain service"]}
    for node in NODES:
        changed = proxier.sync(node)
        assert differing(changed) == touched[node], "the endpoint is on node-0"
        assert {item.place for item in (*changed.before, *changed.after)} == {node}
        assert len(changed.after) == len(touched[node]), "nothing else is looked at"


def test_an_endpoint_that_moves_is_a_few_lines_of_nft() -> None:
    now = many(1000)
    before = at("10.9.9.1", "10.9.9.2", "10.9.9.3")
    now = replace(now, slices=(*now.slices[:-1], behind("s999", *before)))
    proxier = following(now)
    proxier.follow(replace(now, slices=(*now.slices[:-1], behind("s999", *before[:-1], *at("10.9.9.9")))), ADDRESSES)
    changed = proxier.sync("node-0")
    place = Namespace("node-0", "node")
    steps = plan(Network((place, *changed.after)), Network((place, *changed.before))).steps
    (step,) = (one for one in steps if isinstance(one, NftStep))
    typed = transactions(step.changes)
    assert typed.removals == ()
    assert [line.partition("kube-proxy ")[0] for line in "".join(typed.changes).splitlines()] == [
        "flush chain ip ",
        "add rule ip ",
        "delete element ip ",
        "add element ip ",
    ]
    assert "{ 0 : 10.9.9.1 . 8080, 1 : 10.9.9.2 . 8080, 2 : 10.9.9.9 . 8080 }" in typed.changes[0]


def test_a_service_that_comes_or_goes_is_an_element_more_or_less() -> None:
    now = many(5)
    proxier = following(now)
    proxier.follow(cluster(*now.services, *now.slices, service("web", 99), behind("web", *at("10.9.9.9"))), ADDRESSES)
    came = ["+nft-chain service", "~nft-map service", "~nft-set cluster", "~nft-set hairpin"]
    assert differing(proxier.sync("node-0")) == came
    proxier.follow(now, ADDRESSES)
    gone = ["-nft-chain service", "~nft-map service", "~nft-set cluster", "~nft-set hairpin"]
    assert differing(proxier.sync("node-0")) == gone
    assert differing(proxier.sync("node-1")) == [], "a node that missed both has nothing to do"


def test_a_local_endpoint_matters_to_its_node_alone() -> None:
    local = service("web", internal_policy="Local")
    now = cluster(local, behind("web", *at("10.244.0.2"), *at("10.244.0.66", node="node-1")))
    proxier = following(now)
    more = at("10.244.0.66", "10.244.0.67", node="node-1")
    proxier.follow(cluster(local, behind("web", *at("10.244.0.2"), *more)), ADDRESSES)
    assert differing(proxier.sync("node-0")) == []
    assert differing(proxier.sync("node-1")) == ["~nft-chain local", "~nft-set hairpin"]


@given(STATES, SETTINGS, st.data())
@settings(max_examples=60)
def test_after_any_changes_a_node_has_what_a_full_sync_gives(
    states: list[list[tuple[str, dict[str, object], int, list[Endpoint]]]], options: ProxyOptions, data: st.DataObject
) -> None:
    proxier = NftProxier(options, CIDRS)
    held: dict[str, dict[Key, NftObject]] = {node: {} for node in NODES}
    for state in states:
        services = [
            service(name, "abcd".index(name), ports=(ServicePort("", "TCP", 80, 8080, node_port),), **other)
            for name, other, node_port, _ in state
        ]
        now = cluster(*services, *(behind(name, *endpoints) for name, _, _, endpoints in state))
        proxier.follow(now, ADDRESSES)
        for node in NODES:
            if data.draw(st.booleans()):
                changed = proxier.sync(node)
                before = by_key(changed.before)
                assert before.items() <= held[node].items(), "what is said to be there is there"
                kept = {key: item for key, item in held[node].items() if key not in before}
                held[node] = kept | by_key(changed.after)
                assert held[node] == by_key(NftTables(now, ADDRESSES, options, CIDRS).objects(node))


def test_one_change_among_ten_thousand_services_takes_a_tenth_of_a_second_at_most() -> None:
    """About 30 ms on a machine with nothing else to do, for all nodes; the rest is for busy ones."""
    now = many(10_000)
    proxier = following(now)
    spent = []
    for number in range(5):
        now = replace(now, slices=(*now.slices[:-1], behind("s9999", *at(f"10.9.9.{number}"))))
        with Effort() as effort:
            proxier.follow(now, ADDRESSES)
            changes = [proxier.sync(node) for node in NODES]
        spent.append(effort.ms)
        assert [len(changed.after) for changed in changes] == [2, 1], "the endpoint is on the first"
    assert min(spent) < 100, f"{min(spent):.0f} ms for one change"
