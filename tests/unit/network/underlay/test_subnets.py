"""Bridges, cables and routes below the cluster."""

from __future__ import annotations

from lab.network.objects import Interface, Offload
from lab.network.place_names import UNDERLAY
from lab.topology.schema import Router
from lab.topology.wires import Link
from tests.unit.network.small_labs import SUBNET_A, SUBNET_B, SUBNET_C, Lab, cluster, made, spec, two_subnet


def three_in_a_row() -> Lab:
    """subnet-a ── r0 ── subnet-b ── r1 ── subnet-c, a node in each; the gateway is behind r0."""
    routers = (Router(name="r0", subnets=("subnet-a", "subnet-b")), Router(name="r1", subnets=("subnet-b", "subnet-c")))
    nodes = {"node-0": "subnet-a", "node-1": "subnet-b", "node-2": "subnet-c"}
    topology = spec(nodes, (SUBNET_A, SUBNET_B, SUBNET_C), routers)
    return made(topology, cluster(topology))


def test_every_subnet_is_a_bridge_with_its_places_as_ports() -> None:
    ports = two_subnet().interfaces(UNDERLAY)
    assert [name for name, item in ports.items() if item.kind == "bridge"] == [
        "subnet-a",
        "subnet-b",
        "transit",
        "internet",
    ]
    masters = {f"{item.peer_place} {item.peer_name}": item.master for item in ports.values() if item.master}
    assert masters == {
        "node-0 eth0": "subnet-a",
        "node-1 eth0": "subnet-a",
        "node-2 eth0": "subnet-b",
        "router eth0": "subnet-a",
        "router eth1": "subnet-b",
        "router eth2": "transit",
        "gateway eth0": "transit",
        "gateway eth1": "internet",
        "internet eth0": "internet",
    }


def test_names_of_devices_fit_the_kernel_and_are_unique() -> None:
    long = {f"a-node-with-quite-a-long-name-{number}": "subnet-a" for number in range(20)}
    topology = spec(long)
    lab = made(topology, cluster(topology))
    names = [(item.place, item.name) for item in lab.network if isinstance(item, Interface)]
    assert all(len(name) <= 15 for _, name in names)
    assert len(set(names)) == len(names)


def test_hardware_addresses_are_unique_local_and_the_same_every_time() -> None:
    first, second = (
        [item.mac for item in two_subnet().network if isinstance(item, Interface) and item.mac[:2] == "02"]
        for _ in range(2)
    )
    assert first == second
    assert len(set(first)) == len(first)


def test_nodes_reach_everything_else_through_their_router() -> None:
    lab = two_subnet()
    assert lab.routes("node-0")["default"].via == "10.0.1.1"
    assert lab.routes("node-2")["default"].via == "10.0.2.1"
    assert lab.routes("router") == {"default": lab.routes("router")["default"]}
    assert lab.routes("router")["default"].via == "192.168.255.1"


def test_the_gateway_knows_the_subnets_and_the_internet_knows_nobody() -> None:
    lab = two_subnet()
    assert {destination: route.via for destination, route in lab.routes("gateway").items()} == {
        "10.0.1.0/24": "192.168.255.2",
        "10.0.2.0/24": "192.168.255.2",
    }
    assert lab.routes("internet") == {}
    assert lab.held("internet", "eth0") == ["203.0.113.53/24", "203.0.113.80/24"]
    assert lab.rules("gateway", "nat", "POSTROUTING")[0].startswith("-o eth1 ")


def test_two_routers_in_a_row_find_the_way_in_both_directions() -> None:
    lab = three_in_a_row()
    assert (lab.routes("r0")["10.0.3.0/24"].via, lab.routes("r0")["10.0.3.0/24"].device) == ("10.0.2.2", "eth1")
    assert (lab.routes("r1")["10.0.1.0/24"].via, lab.routes("r1")["10.0.1.0/24"].device) == ("10.0.2.1", "eth0")
    assert lab.routes("r0")["default"].device == "eth2"
    assert lab.routes("r1")["default"].via == "10.0.2.1"


def test_a_node_between_two_routers_takes_the_nearer_one() -> None:
    routes = three_in_a_row().routes("node-1")
    assert routes["default"].via == "10.0.2.1", "towards the gateway"
    assert routes["10.0.3.0/24"].via == "10.0.2.2", "subnet-c is behind the other router"
    assert "10.0.1.0/24" not in routes, "subnet-a is behind the default router anyway"


def test_everybody_who_forwards_says_so_and_nobody_speaks_ipv6() -> None:
    lab = two_subnet()
    own = {place: lab.settings(place) for place in lab.network.places}
    # A pod's settings are those of its one interface: they travel with the link.
    forwards = {
        place: said.get("net.ipv4.ip_forward") or said["net.ipv4.conf.eth0.forwarding"] for place, said in own.items()
    }
    assert {place for place, value in forwards.items() if value == "1"} == {
        "node-0",
        "node-1",
        "node-2",
        "router",
        "gateway",
    }
    silent = {("net.ipv6.conf.all.disable_ipv6", "1"), ("net.ipv6.conf.eth0.addr_gen_mode", "1")}
    assert all(silent & said.items() for said in own.values()), "somebody would ask for IPv6 routers"
    assert lab.settings(UNDERLAY)["net.bridge.bridge-nf-call-iptables"] == "0"
    assert lab.settings("node-0")["net.bridge.bridge-nf-call-iptables"] == "0"


def test_offload_is_off_at_both_ends_of_a_cable() -> None:
    topology = spec({"node-0": "subnet-a"})
    asked = topology.spec.model_copy(update={"links": (Link(on="node-0/eth0", offload="off"), Link(on="router/eth0"))})
    lab = made(topology.model_copy(update={"spec": asked}), cluster(topology))
    off = {(item.place, item.device) for item in lab.network if isinstance(item, Offload)}
    assert off == {("node-0", "eth0"), (UNDERLAY, "node-0.eth0")}
