"""kube-proxy following a cluster that changes: what it touches, what it leaves alone, and that it ends at the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from lab.cluster.objects import Cluster, Endpoint, EndpointSlice, PortEndpoints, Service, ServicePort
from lab.network.kubeproxy.iptables.ruleset import chains
from lab.network.kubeproxy.options import ProxyOptions
from lab.network.kubeproxy.sync import ChangedChain, Proxier
from lab.network.objects import Chain
from tests.effort import Effort

OPTIONS = ProxyOptions("10.244.0.0/16")
NODES = ("node-0", "node-1")


@dataclass(frozen=True)
class Addresses:
    pods: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, str] = field(default_factory=lambda: {"node-0": "10.0.1.10", "node-1": "10.0.1.11"})
    further: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def held(self, node: str) -> tuple[str, ...]:
        return (self.nodes[node], *self.further.get(node, ()))

    def pod(self, place: str) -> str:
        return self.pods[place]


ADDRESSES = Addresses()


def service(name: str, number: int = 1, **other: object) -> Service:
    ports = (ServicePort("", "TCP", 80, 8080),)
    made = Service("ns", name, "ClusterIP", f"172.16.{number // 250}.{number % 250 + 1}", ports)
    return replace(made, **other)  # type: ignore[arg-type]


def behind(name: str, *endpoints: Endpoint) -> EndpointSlice:
    return EndpointSlice("ns", f"{name}-x7k2p", name, (PortEndpoints("", "TCP", 8080, endpoints),))


def at(*addresses: str, node: str = "node-0") -> tuple[Endpoint, ...]:
    return tuple(Endpoint(address=address, node=node) for address in addresses)


def cluster(*parts: Service | EndpointSlice) -> Cluster:
    services = tuple(part for part in parts if isinstance(part, Service))
    slices = tuple(part for part in parts if isinstance(part, EndpointSlice))
    return Cluster(NODES, ("ns",), (), services, slices)


def many(count: int) -> Cluster:
    services = (service(f"s{i}", i) for i in range(count))
    return cluster(*services, *(behind(f"s{i}", *at(f"10.1.{i // 250}.{i % 250}")) for i in range(count)))


def following(now: Cluster, options: ProxyOptions = OPTIONS) -> Proxier:
    """A proxier whose nodes have programmed `now`."""
    proxier = Proxier(options)
    proxier.follow(now, ADDRESSES)
    for node in NODES:
        proxier.sync(node)
    return proxier


def names(changes: Iterable[ChangedChain]) -> list[str]:
    """`+` a new chain, `-` one that goes, `~` one that changes."""
    told = []
    for change in changes:
        sign = "+" if change.before is None else "-" if change.after is None else "~"
        chain = change.after or change.before
        assert chain is not None
        told.append(f"{sign}{chain.table} {chain.name if chain.name.count('-') < 2 else chain.name[:8]}")
    return sorted(told)


def test_the_first_sync_is_a_full_one_and_the_next_has_nothing_to_do() -> None:
    proxier = Proxier(OPTIONS)
    now = many(3)
    proxier.follow(now, ADDRESSES)
    assert [change.after for change in proxier.sync("node-1")] == list(chains(now, ADDRESSES, "node-1", OPTIONS))
    assert proxier.sync("node-1") == ()
    proxier.follow(replace(now), ADDRESSES)
    assert proxier.sync("node-1") == ()


def test_an_endpoint_that_moves_touches_its_service_and_no_other() -> None:
    now = many(1000)
    proxier = following(now)
    moved = replace(now, slices=(*now.slices[:-1], behind("s999", *at("10.9.9.9"))))
    proxier.follow(moved, ADDRESSES)
    for node in NODES:
        changes = proxier.sync(node)
        assert names(changes) == ["+nat KUBE-SEP", "-nat KUBE-SEP", "~nat KUBE-SVC"]
        assert {(change.after or change.before).place for change in changes} == {node}  # type: ignore[union-attr]


def test_a_service_that_comes_or_goes_touches_its_chains_and_one_that_all_share() -> None:
    now = many(5)
    proxier = following(now)
    proxier.follow(cluster(*now.services, *now.slices, service("web", 99), behind("web", *at("10.9.9.9"))), ADDRESSES)
    assert names(proxier.sync("node-0")) == ["+nat KUBE-SEP", "+nat KUBE-SVC", "~nat KUBE-SERVICES"]
    proxier.follow(now, ADDRESSES)
    assert names(proxier.sync("node-0")) == ["-nat KUBE-SEP", "-nat KUBE-SVC", "~nat KUBE-SERVICES"]
    assert proxier.sync("node-1") == (), "a node that missed both has nothing to do"


def test_a_service_that_loses_its_last_endpoint_is_refused() -> None:
    now = many(3)
    proxier = following(now)
    proxier.follow(replace(now, slices=now.slices[1:]), ADDRESSES)
    changed = ["-nat KUBE-SEP", "-nat KUBE-SVC", "~filter KUBE-SERVICES", "~nat KUBE-SERVICES"]
    assert names(proxier.sync("node-0")) == changed


def test_a_pod_that_comes_back_with_another_address_is_noticed() -> None:
    pods = at("", node="node-0")
    now = cluster(service("web"), behind("web", replace(pods[0], pod="ns/a")))
    proxier = Proxier(OPTIONS)
    proxier.follow(now, Addresses({"ns/a": "10.244.0.2"}))
    proxier.sync("node-0")
    proxier.follow(now, Addresses({"ns/a": "10.244.0.3"}))
    assert names(proxier.sync("node-0")) == ["+nat KUBE-SEP", "-nat KUBE-SEP", "~nat KUBE-SVC"]


def test_a_local_endpoint_matters_to_its_node_alone() -> None:
    local = service("web", internal_policy="Local")
    now = cluster(local, behind("web", *at("10.244.0.2"), *at("10.244.0.66", node="node-1")))
    proxier = following(now)
    more = at("10.244.0.66", "10.244.0.67", node="node-1")
    proxier.follow(cluster(local, behind("web", *at("10.244.0.2"), *more)), ADDRESSES)
    assert proxier.sync("node-0") == ()
    assert names(proxier.sync("node-1")) == ["+nat KUBE-SEP", "~nat KUBE-SVL"]


def test_after_a_failure_the_next_sync_is_a_full_one() -> None:
    now = many(2)
    proxier = following(now)
    proxier.forget("node-0")
    assert all(change.before is None for change in proxier.sync("node-0"))
    proxier.forget("node-1")
    proxier.programmed("node-1")
    assert proxier.sync("node-1") == ()


def test_above_a_thousand_endpoints_everything_is_written_without_its_comments() -> None:
    now = many(1000)
    proxier = following(now)
    more = cluster(*now.services, *now.slices, service("web", 2000), behind("web", *at("10.9.9.9")))
    proxier.follow(more, ADDRESSES)
    assert len(proxier.sync("node-0")) == 1 + 2 * 1001
    assert proxier.chains("node-0") == chains(more, ADDRESSES, "node-0", OPTIONS)


ADDRESS = st.integers(1, 6).map(lambda number: f"10.244.0.{number}")
ENDPOINT = st.builds(
    Endpoint,
    address=ADDRESS,
    node=st.sampled_from(NODES),
    ready=st.booleans(),
    serving=st.booleans(),
    terminating=st.booleans(),
)
POLICY = st.sampled_from(["Cluster", "Local"])
OTHER = st.fixed_dictionaries(
    {
        "external_ips": st.sampled_from([(), ("203.0.113.10",)]),
        "load_balancer_ips": st.sampled_from([(), ("203.0.113.20",)]),
        "source_ranges": st.sampled_from([(), ("10.0.1.11/32",)]),
        "affinity_seconds": st.sampled_from([0, 10800]),
        "internal_policy": POLICY,
        "external_policy": POLICY,
        "health_check_port": st.sampled_from([0, 32100]),
    }
)
PART = st.tuples(st.sampled_from("abcd"), OTHER, st.sampled_from([0, 30080]), st.lists(ENDPOINT, max_size=4))
STATES = st.lists(st.lists(PART, max_size=4, unique_by=lambda part: part[0]), min_size=1, max_size=5)
SETTINGS = st.builds(
    ProxyOptions,
    cluster_cidr=st.sampled_from(["", "10.244.0.0/16"]),
    masquerade_all=st.booleans(),
    nodeport_addresses=st.sampled_from([(), ("10.0.1.10/32",)]),
    localhost_nodeports=st.booleans(),
)


@given(STATES, SETTINGS, st.data())
@settings(max_examples=80)
def test_after_any_changes_a_node_has_what_a_full_sync_gives(
    states: list[list[tuple[str, dict[str, object], int, list[Endpoint]]]], options: ProxyOptions, data: st.DataObject
) -> None:
    proxier = Proxier(options)
    held: dict[str, dict[tuple[str, str], Chain]] = {node: {} for node in NODES}
    for state in states:
        services = [
            service(name, "abcd".index(name), ports=(ServicePort("", "TCP", 80, 8080, node_port),), **other)
            for name, other, node_port, _ in state
        ]
        now = cluster(*services, *(behind(name, *endpoints) for name, _, _, endpoints in state))
        proxier.follow(now, ADDRESSES)
        for node in NODES:
            if data.draw(st.booleans()):
                load(held[node], proxier.sync(node))
                full = chains(now, ADDRESSES, node, options)
                assert held[node] == {(chain.table, chain.name): chain for chain in full}


def load(held: dict[tuple[str, str], Chain], changes: Iterable[ChangedChain]) -> None:
    """As iptables would; what the change says was there before must be there."""
    for change in changes:
        chain = change.after or change.before
        assert chain is not None
        key = (chain.table, chain.name)
        assert held.pop(key, None) == change.before
        if change.after is not None:
            held[key] = change.after


def test_one_change_among_ten_thousand_services_takes_a_tenth_of_a_second_at_most() -> None:
    """About 25 ms on a machine with nothing else to do, for all nodes; the rest is for busy ones."""
    now = many(10_000)
    proxier = following(now)
    spent = []
    for number in range(5):
        now = replace(now, slices=(*now.slices[:-1], behind("s9999", *at(f"10.9.9.{number}"))))
        with Effort() as effort:
            proxier.follow(now, ADDRESSES)
            changes = [proxier.sync(node) for node in NODES]
        spent.append(effort.ms)
        assert [len(change) for change in changes] == [3, 3]
    assert min(spent) < 100, f"{min(spent):.0f} ms for one change"
