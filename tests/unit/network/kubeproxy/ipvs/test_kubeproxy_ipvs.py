"""kube-proxy in ipvs mode: what a node has for IPVS, how that follows a cluster, and what it may leave behind."""

from __future__ import annotations

from dataclasses import replace

from lab.agent.design.blueprint import read_design
from lab.cluster.objects import Cluster
from lab.network.kubeproxy.ipvs.servers import ipvs
from lab.network.kubeproxy.leftovers import with_leftovers
from lab.network.kubeproxy.options import ProxyOptions
from lab.network.kubeproxy.sync import IpvsProxier
from lab.network.objects import Address, Chain, Interface, IpSet, Namespace, Network, RealServer, VirtualServer
from lab.plan import Step, plan
from lab.plan.commands import commands
from tests.unit.network.kubeproxy.test_kubeproxy_sync import (
    ADDRESSES,
    NODES,
    OPTIONS,
    Addresses,
    at,
    behind,
    cluster,
    service,
)

SERVERS = (RealServer, VirtualServer)
THREE_LINES = "apiVersion: hoplab/v1\nkind: Topology\nmetadata: {name: x}\n"


def lines(now: Cluster, options: ProxyOptions = OPTIONS) -> list[str]:
    """`ipvsadm`'s words for what node-0 has."""
    made = ipvs(now, ADDRESSES, NODES[0], options)
    return [commands(Step("add", item)).partition("ipvsadm ")[2] for item in made.servers]


def one(*addresses: str, **more: object) -> Cluster:
    """A Service with these endpoints."""
    found = replace(service("web"), **more)  # type: ignore[arg-type]
    return cluster(found, behind("web", *at(*addresses)))


def network(proxy: str) -> Network:
    return read_design(THREE_LINES, "x", [f"services.proxy={proxy}"]).network


def test_a_node_port_is_on_every_address_of_the_node_but_the_loopback() -> None:
    ports = tuple(replace(port, node_port=30080) for port in service("web").ports)
    known = Addresses(further={NODES[0]: ("10.244.0.0",)})
    made = ipvs(one("10.244.0.2", ports=ports), known, NODES[0], OPTIONS)
    asked = {item.address for item in made.servers if isinstance(item, VirtualServer) and item.port == 30080}

    assert asked == {"10.0.1.10", "10.244.0.0"}
    assert not asked & {item.address.partition("/")[0] for item in made.bound}, "those are the node's own already"


def test_affinity_and_scheduler_are_the_virtual_servers() -> None:
    made = lines(one("10.244.0.2", affinity_seconds=600), replace(OPTIONS, scheduler="lc"))
    (found,) = [line for line in made if line.startswith("-A")]
    assert found.endswith("-s lc -p 600")


def test_an_endpoint_that_comes_or_goes_is_a_step_for_its_real_server_alone() -> None:
    proxier = IpvsProxier(OPTIONS)
    proxier.follow(one("10.244.0.2", "10.244.0.3"), ADDRESSES)
    proxier.programmed(NODES[0])
    proxier.follow(one("10.244.0.2", "10.244.0.4"), ADDRESSES)
    changed = proxier.sync(NODES[0])
    node = Namespace(NODES[0], "node")
    steps = plan(Network((node, *changed.after)), Network((node, *changed.before))).steps

    of_servers = [step for step in steps if isinstance(step, Step) and isinstance(step.object, SERVERS)]
    balanced = [step for step in of_servers if isinstance(step.object, RealServer)]
    assert balanced == of_servers
    assert sorted(step.action for step in balanced) == ["add", "remove"]
    assert proxier.sync(NODES[0]).before == proxier.sync(NODES[0]).after


def test_real_servers_go_with_their_virtual_server() -> None:
    made = ipvs(one("10.244.0.2", "10.244.0.3"), ADDRESSES, NODES[0], OPTIONS)
    steps = plan(Network(), Network(made.servers)).steps
    assert [type(step.object) for step in steps if isinstance(step, Step)] == [VirtualServer]


def test_another_mode_takes_away_all_that_this_one_made() -> None:
    for mode in ("iptables", "nftables"):
        steps = plan(network(mode), network("ipvs"))
        after = [step.object for step in steps.steps if isinstance(step, Step) and step.action == "remove"]
        assert {Interface, IpSet, VirtualServer} <= {type(item) for item in after}
        assert not plan(network(mode), network(mode))


def test_a_bad_migration_leaves_the_device_its_addresses_servers_sets_and_chains() -> None:
    wanted, before = network("nftables"), network("ipvs")
    left = with_leftovers(wanted, before)
    more = [item for item in left if item.key not in wanted.by_key]

    assert {Interface, Address, IpSet, VirtualServer, RealServer, Chain} == {type(item) for item in more}
    kept = left.by_key["chain", "node-0", "filter", "INPUT"]
    assert isinstance(kept, Chain)
    assert any("-j KUBE-IPVS-FILTER" in rule.text for rule in kept.rules)
    assert with_leftovers(wanted, wanted) == wanted
