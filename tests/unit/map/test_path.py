"""The expected way of a packet, walked over the design's own routes.

subnet-a                   router                   subnet-b
node-0 ──── node-1 ──────────┴──────────────────── node-2
pod-0 pod-1  pod-2                                 pod-3
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab.map.labmap import LabMap
from lab.map.path import Crossing, Walker, mirrored
from lab.map.survey import lab_map
from lab.network.design import design
from lab.network.ipam import assign
from lab.topology import load_topology
from tests.clusters import cluster_of

TOPOLOGIES = Path(__file__).parents[3] / "topologies"


def mapped(name: str, *settings: str) -> LabMap:
    text = (TOPOLOGIES / f"{name}.yaml").read_text(encoding="utf-8")
    loaded = load_topology(text, f"{name}.yaml", lambda _: "", settings)
    cluster = cluster_of(loaded)
    addresses = assign(loaded.topology, cluster)
    return lab_map(loaded.topology, cluster, addresses, design(loaded.topology, cluster, addresses))


def address(labmap: LabMap, place: str) -> str:
    return labmap.find(place).address


def told(crossings: tuple[Crossing, ...]) -> list[str]:
    """Crossings as short text; pods' cables, whose names are hashes, as `pod`."""
    short = []
    for one in crossings:
        interface = "pod" if one.interface.startswith("cali") or one.interface.startswith("veth") else one.interface
        wrapped = f" in {one.tunnel}" if one.tunnel else ""
        short.append(f"{one.place.rpartition('/')[2]} {interface} {one.way}{wrapped}")
    return short


TUNNEL = [
    "node-0 vxlan.calico out",
    "node-0 eth0 out in vxlan",
    "router eth0 in in vxlan",
    "router eth1 out in vxlan",
    "node-2 eth0 in in vxlan",
    "node-2 vxlan.calico in",
]


def test_to_another_subnet_it_goes_through_the_tunnel_and_the_router() -> None:
    labmap = mapped("two-subnet")
    trip = Walker(labmap).round_trip("namespace001/pod-0", "172.16.10.10", address(labmap, "pod-3"))
    assert told(trip.request.crossings) == [
        "pod-0 eth0 out",
        "node-0 pod in",
        *TUNNEL,
        "node-2 pod out",
        "pod-3 eth0 in",
    ]
    assert trip.reply == mirrored(trip.request, "namespace001/pod-0")


def test_in_the_same_subnet_it_goes_from_node_to_node() -> None:
    labmap = mapped("two-subnet")
    request = Walker(labmap).walk("namespace001/pod-0", "172.16.10.10", address(labmap, "pod-2"))
    assert told(request.crossings) == [
        "pod-0 eth0 out",
        "node-0 pod in",
        "node-0 eth0 out",
        "node-1 eth0 in",
        "node-1 pod out",
        "pod-2 eth0 in",
    ]


def test_with_vxlan_everywhere_the_same_subnet_is_a_tunnel_too() -> None:
    labmap = mapped("two-subnet", "cni.encapsulation=VXLAN")
    request = Walker(labmap).walk("namespace001/pod-0", address(labmap, "pod-2"))
    assert "node-0 eth0 out in vxlan" in told(request.crossings)
    assert "node-1 vxlan.calico in" in told(request.crossings)


def test_without_encapsulation_the_router_forwards_the_pods_own_packets() -> None:
    labmap = mapped("two-subnet", "cni.encapsulation=None")
    request = Walker(labmap).walk("namespace001/pod-0", address(labmap, "pod-3"))
    assert told(request.crossings)[2:6] == ["node-0 eth0 out", "router eth0 in", "router eth1 out", "node-2 eth0 in"]
    assert request.end == "namespace001/pod-3"


def test_on_the_same_node_it_never_leaves_it() -> None:
    labmap = mapped("two-subnet")
    request = Walker(labmap).walk("namespace001/pod-0", address(labmap, "pod-1"))
    assert request.places == ("namespace001/pod-0", "node-0", "namespace001/pod-1")


def test_pods_on_a_bridge_reach_each_other_through_its_ports_only() -> None:
    labmap = mapped("two-subnet-bridge")
    request = Walker(labmap).walk("namespace001/pod-0", address(labmap, "pod-1"))
    assert told(request.crossings) == ["pod-0 eth0 out", "node-0 pod in", "node-0 pod out", "pod-1 eth0 in"]


def test_behind_a_bridge_a_service_is_routed_but_its_answer_is_switched() -> None:
    labmap = mapped("two-subnet-bridge")
    trip = Walker(labmap).round_trip("namespace001/pod-0", "172.16.10.10", address(labmap, "pod-1"))
    assert "node-0 cni0 in" in told(trip.request.crossings)
    assert "node-0 cni0 out" not in told(trip.reply.crossings)


def test_two_routers_in_a_row_are_both_crossed() -> None:
    labmap = mapped("three-subnet")
    first, *_, last = labmap.of_kind("node")
    request = Walker(labmap).walk(first.name, last.address)
    routers = [place for place in request.places if labmap.by_name[place].kind == "router"]
    assert len(routers) == 2
    assert request.end == last.name


def test_outside_it_leaves_through_the_gateway_and_the_answer_comes_back_the_same_way() -> None:
    labmap = mapped("two-subnet")
    trip = Walker(labmap).round_trip("namespace001/pod-0", labmap.internet[0].address)
    assert trip.request.places == ("namespace001/pod-0", "node-0", "router", "gateway", "internet")
    assert trip.reply == mirrored(trip.request, "namespace001/pod-0")


def test_to_itself_through_a_service_the_answer_comes_back_the_way_of_the_request() -> None:
    labmap = mapped("two-subnet")
    trip = Walker(labmap).round_trip("namespace001/pod-3", "172.16.10.10", address(labmap, "pod-3"))
    assert told(trip.request.crossings) == ["pod-3 eth0 out", "node-2 pod in", "node-2 pod out", "pod-3 eth0 in"]
    assert told(trip.reply.crossings) == told(trip.request.crossings)


def test_a_node_port_goes_to_the_node_asked_and_from_there_to_the_endpoint_and_back_the_same_way() -> None:
    labmap = mapped("two-subnet")
    node = address(labmap, "node-2")
    trip = Walker(labmap).round_trip("namespace001/pod-0", node, address(labmap, "pod-2"))
    assert told(trip.request.crossings) == [
        "pod-0 eth0 out",
        "node-0 pod in",
        "node-0 eth0 out",
        "router eth0 in",
        "router eth1 out",
        "node-2 eth0 in",
        "node-2 vxlan.calico out",
        "node-2 eth0 out in vxlan",
        "router eth1 in in vxlan",
        "router eth0 out in vxlan",
        "node-1 eth0 in in vxlan",
        "node-1 vxlan.calico in",
        "node-1 pod out",
        "pod-2 eth0 in",
    ]
    assert trip.reply == mirrored(trip.request, "namespace001/pod-0")


def test_a_node_port_of_the_endpoints_own_node_ends_there() -> None:
    labmap = mapped("two-subnet")
    trip = Walker(labmap).round_trip("namespace001/pod-0", address(labmap, "node-1"), address(labmap, "pod-2"))
    assert trip.request.places == ("namespace001/pod-0", "node-0", "node-1", "namespace001/pod-2")
    assert trip.reply == mirrored(trip.request, "namespace001/pod-0")


def test_a_node_itself_is_where_the_way_to_it_ends() -> None:
    labmap = mapped("two-subnet")
    assert Walker(labmap).walk("namespace001/pod-0", address(labmap, "node-2")).end == "node-2"


@pytest.mark.parametrize("nowhere", ["10.244.0.60", "172.16.10.10"], ids=["an address of no pod", "no endpoint"])
def test_what_leads_nowhere_ends_at_the_node(nowhere: str) -> None:
    trip = Walker(mapped("two-subnet")).round_trip("namespace001/pod-0", nowhere)
    assert trip.request.end == ""
    assert trip.request.places == ("namespace001/pod-0", "node-0")
    assert trip.reply.crossings == ()


def test_a_pod_reaches_itself_over_its_loopback() -> None:
    labmap = mapped("two-subnet")
    request = Walker(labmap).walk("namespace001/pod-0", address(labmap, "pod-0"))
    assert told(request.crossings) == ["pod-0 lo out", "pod-0 lo in"]


@pytest.mark.parametrize("outside", ["198.51.100.7", "198.51.100.9"])
def test_every_node_takes_a_services_address_for_the_outside_for_its_own(outside: str) -> None:
    labmap = mapped("two-subnet")
    services = tuple(
        replace(one, external_ips=("198.51.100.7",), load_balancer_ips=("198.51.100.9",))
        if one.name == "myapp"
        else one
        for one in labmap.services
    )
    endpoint = address(labmap, "pod-3")
    exposed = Walker(replace(labmap, services=services)).round_trip("namespace001/pod-0", outside, endpoint)
    inside = Walker(labmap).round_trip("namespace001/pod-0", "172.16.10.10", endpoint)
    assert exposed.request == inside.request
    assert exposed.reply.crossings == inside.reply.crossings
