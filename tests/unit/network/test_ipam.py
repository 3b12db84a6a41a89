"""Addresses: where everything begins, and that nothing moves when something is added."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.agent.design.blueprint import read_design
from lab.cluster.objects import Pod
from lab.errors import UsageError
from lab.network.ipam import assign
from lab.network.objects import Address
from lab.topology.schema import Cni, Internet, Node, Router, Subnet, Topology
from tests.unit.network.small_labs import SUBNET_A, SUBNET_B, SUBNET_C, cluster, spec, two_subnet

THREE_LINES = "apiVersion: hoplab/v1\nkind: Topology\nmetadata: {name: x}\n"


def pods(count: int, node: str = "node-0") -> tuple[Pod, ...]:
    return tuple(Pod("default", f"pod-{number}", node) for number in range(count))


def test_two_subnet_has_the_addresses_of_the_documents() -> None:
    addresses = two_subnet().addresses
    assert addresses.nodes == {"node-0": "10.0.1.10", "node-1": "10.0.1.11", "node-2": "10.0.2.10"}
    assert addresses.routers["router", "subnet-a"] == "10.0.1.1"
    assert addresses.routers["router", "subnet-b"] == "10.0.2.1"
    assert addresses.blocks == {
        "node-0": ("10.244.0.0/26",),
        "node-1": ("10.244.0.64/26",),
        "node-2": ("10.244.0.128/26",),
    }
    assert addresses.tunnels == {"node-0": "10.244.0.0", "node-1": "10.244.0.64", "node-2": "10.244.0.128"}
    assert addresses.pods == {
        "kube-system/dns-0": "10.244.0.1",
        "namespace001/pod-0": "10.244.0.2",
        "namespace001/pod-1": "10.244.0.3",
        "namespace001/pod-2": "10.244.0.65",
        "namespace001/pod-3": "10.244.0.129",
    }
    assert (addresses.gateway_internet, addresses.resolver, addresses.web) == (
        "203.0.113.1",
        "203.0.113.53",
        "203.0.113.80",
    )


@pytest.mark.parametrize(
    ("plugin", "encapsulation", "further"),
    [
        ("calico", "VXLAN", ("10.244.0.0",)),
        ("calico", "IPIPCrossSubnet", ("10.244.0.0",)),
        ("calico", "None", ()),
        ("flannel", "VXLAN", ("10.244.0.0", "10.244.0.1")),
        ("flannel", "None", ("10.244.0.1",)),
    ],
)
def test_a_node_has_the_addresses_of_its_tunnel_and_of_its_bridge(
    plugin: str, encapsulation: str, further: tuple[str, ...]
) -> None:
    read = read_design(THREE_LINES, "x", [f"cni.plugin={plugin}", f"cni.encapsulation={encapsulation}"])
    assert read.addresses.further["node-0"] == further
    own = {item.address for item in read.network if isinstance(item, Address) and item.place == "node-0"}
    assert {address.partition("/")[0] for address in own} == {read.addresses.nodes["node-0"], *further}


def test_the_64th_pod_makes_its_node_claim_another_block_after_those_of_all_nodes() -> None:
    topology = spec({"node-0": "subnet-a", "node-1": "subnet-a"})
    addresses = assign(topology, cluster(topology, *pods(64)))
    assert addresses.blocks == {"node-0": ("10.244.0.0/26", "10.244.0.128/26"), "node-1": ("10.244.0.64/26",)}
    assert addresses.pods["default/pod-62"] == "10.244.0.63", "the last address of a block is used as well"
    assert addresses.pods["default/pod-63"] == "10.244.0.128", "only the first block has a tunnel's address"


def test_a_flannel_node_has_a_24_whose_first_pod_comes_after_the_bridge() -> None:
    topology = spec({"node-0": "subnet-a", "node-1": "subnet-a"}, cni=Cni(plugin="flannel"))
    addresses = assign(topology, cluster(topology, *pods(1), Pod("default", "other", "node-1")))
    assert addresses.blocks == {"node-0": ("10.244.0.0/24",), "node-1": ("10.244.1.0/24",)}
    assert addresses.pods == {"default/pod-0": "10.244.0.2", "default/other": "10.244.1.2"}


def test_a_pod_added_at_the_front_moves_nobody() -> None:
    topology = spec({"node-0": "subnet-a"})
    before = assign(topology, cluster(topology, *pods(3)))
    after = assign(topology, cluster(topology, Pod("default", "new", "node-0"), *pods(3)), before)
    assert {place: after.pods[place] for place in before.pods} == before.pods
    assert after.pods["default/new"] == "10.244.0.4"


def test_a_pod_that_left_frees_its_address_and_one_that_moved_gets_another() -> None:
    topology = spec({"node-0": "subnet-a", "node-1": "subnet-a"})
    before = assign(topology, cluster(topology, *pods(3)))
    moved = cluster(topology, pods(3)[0], replace(pods(3)[2], node="node-1"), Pod("default", "new", "node-0"))
    after = assign(topology, moved, before)
    assert after.pods == {
        "default/pod-0": "10.244.0.1",
        "default/pod-2": "10.244.0.65",
        "default/new": "10.244.0.2",
    }


def test_a_node_added_in_front_moves_no_node_and_no_block() -> None:
    small = spec({"node-0": "subnet-a", "node-1": "subnet-a"})
    before = assign(small, cluster(small))
    large = spec({"new": "subnet-a", "node-0": "subnet-a", "node-1": "subnet-a"})
    after = assign(large, cluster(large), before)
    assert after.nodes == {"new": "10.0.1.12", "node-0": "10.0.1.10", "node-1": "10.0.1.11"}
    assert after.blocks["node-0"] == ("10.244.0.0/26",)
    assert after.blocks["new"] == ("10.244.0.128/26",)


def test_a_node_that_changes_its_subnet_gets_an_address_there() -> None:
    before_topology = spec({"node-0": "subnet-a", "node-1": "subnet-a"})
    before = assign(before_topology, cluster(before_topology))
    topology = spec({"node-0": "subnet-a", "node-1": "subnet-b"})
    assert assign(topology, cluster(topology), before).nodes["node-1"] == "10.0.2.10"


def test_another_pod_cidr_begins_anew() -> None:
    topology = spec({"node-0": "subnet-a"})
    before = assign(topology, cluster(topology, *pods(2)))
    other = spec({"node-0": "subnet-a"}, cni=Cni(podCIDR="10.100.0.0/16"))
    assert assign(other, cluster(other, *pods(2)), before).pods["default/pod-0"] == "10.100.0.1"


def test_an_address_in_the_file_is_kept_free_for_its_node() -> None:
    topology = spec({"node-0": "subnet-a", "node-1": "subnet-a"})
    nodes = (topology.spec.nodes[0], Node(name="node-1", subnet="subnet-a", address="10.0.1.10"))
    topology = topology.model_copy(update={"spec": topology.spec.model_copy(update={"nodes": nodes})})
    assert assign(topology, cluster(topology)).nodes == {"node-0": "10.0.1.11", "node-1": "10.0.1.10"}


def test_the_second_router_of_a_subnet_has_its_second_address() -> None:
    routers = (Router(name="r0", subnets=("subnet-a", "subnet-b")), Router(name="r1", subnets=("subnet-b", "subnet-c")))
    topology = spec({"node-0": "subnet-a"}, (SUBNET_A, SUBNET_B, SUBNET_C), routers)
    addresses = assign(topology, cluster(topology))
    assert addresses.routers["r0", "subnet-b"] == "10.0.2.1"
    assert addresses.routers["r1", "subnet-b"] == "10.0.2.2"
    assert addresses.routers["r1", "subnet-c"] == "10.0.3.1"


def test_in_a_small_subnet_nodes_come_right_after_the_router() -> None:
    topology = spec({"node-0": "tiny", "node-1": "tiny"}, (Subnet(name="tiny", cidr="10.0.1.8/29"),))
    assert assign(topology, cluster(topology)).nodes == {"node-0": "10.0.1.10", "node-1": "10.0.1.11"}


def test_a_small_internet_has_its_servers_after_the_gateway() -> None:
    topology = spec({"node-0": "subnet-a"})
    internet = Internet(cidr="203.0.113.0/29")
    topology = topology.model_copy(update={"spec": topology.spec.model_copy(update={"internet": internet})})
    addresses = assign(topology, cluster(topology))
    assert (addresses.resolver, addresses.web) == ("203.0.113.2", "203.0.113.3")


def test_the_transit_network_avoids_what_the_file_uses() -> None:
    topology = spec({"node-0": "a"}, (Subnet(name="a", cidr="192.168.0.0/16"),))
    assert assign(topology, cluster(topology)).gateway_transit == "172.31.255.1"


def full_subnet() -> tuple[Topology, tuple[Pod, ...]]:
    return spec({f"node-{n}": "tiny" for n in range(6)}, (Subnet(name="tiny", cidr="10.0.1.8/29"),)), ()


def full_pool() -> tuple[Topology, tuple[Pod, ...]]:
    return spec({"node-0": "subnet-a"}, cni=Cni(podCIDR="10.244.0.0/26")), pods(64)


def full_flannel_node() -> tuple[Topology, tuple[Pod, ...]]:
    return spec({"node-0": "subnet-a"}, cni=Cni(plugin="flannel")), pods(254)


@pytest.mark.parametrize(
    ("full", "said"),
    [
        (full_subnet, "spec.subnets: tiny (10.0.1.8/29) has no address left for a node"),
        (full_pool, "spec.cni.podCIDR: 10.244.0.0/26 has no /26 block left; a node's pods need one"),
        (full_flannel_node, "spec.nodes: the pods of one node do not fit into its 10.244.0.0/24"),
    ],
)
def test_what_does_not_fit_is_said(full: object, said: str) -> None:
    assert callable(full)
    topology, residents = full()
    with pytest.raises(UsageError) as error:
        assign(topology, cluster(topology, *residents))
    assert error.value.message == said


def test_nodes_and_pods_have_what_a_cluster_gave_them() -> None:
    plain = spec({"node-0": "subnet-a", "node-1": "subnet-a"})
    first, second = plain.spec.nodes
    first = first.model_copy(update={"pod_cidrs": ("10.244.9.64/26", "10.244.2.0/26")})
    topology = plain.model_copy(update={"spec": plain.spec.model_copy(update={"nodes": (first, second)})})
    asked = (
        Pod("default", "first", "node-0"),
        Pod("default", "second", "node-0", address="10.244.9.65"),
        Pod("default", "other-block", "node-0", address="10.244.2.7"),
        Pod("default", "tunnels", "node-0", address="10.244.9.64"),
        Pod("default", "same", "node-0", address="10.244.2.7"),
        Pod("default", "anothers", "node-1", address="10.244.9.70"),
    )
    given = assign(topology, cluster(topology, *asked))
    assert given.blocks == {"node-0": ("10.244.9.64/26", "10.244.2.0/26"), "node-1": ("10.244.0.0/26",)}
    assert given.tunnels["node-0"] == "10.244.9.64"
    assert given.pods == {
        "default/first": "10.244.9.66",
        "default/second": "10.244.9.65",
        "default/other-block": "10.244.2.7",
        "default/tunnels": "10.244.9.67",
        "default/same": "10.244.9.68",
        "default/anothers": "10.244.0.1",
    }
    assert assign(topology, cluster(topology, *asked), given) == given, "nobody moves"
