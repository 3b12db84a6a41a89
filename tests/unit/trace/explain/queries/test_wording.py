"""Answers of the kernel, written as iproute2 prints them, and hops with what they left by."""

from __future__ import annotations

import pytest

from lab.network.objects import Route
from lab.trace.explain.queries.neighbour import Forwarding, Neighbour
from lab.trace.explain.queries.route import Answer, as_printed
from lab.trace.explain.queries.sighting import sightings
from tests.unit.trace.recordings import journey


@pytest.mark.parametrize(
    ("route", "printed"),
    [
        (Route("n", "default", via="10.0.1.1", device="eth0"), "default via 10.0.1.1 dev eth0"),
        (Route("n", "10.244.0.2/32", device="cali1", scope="link"), "10.244.0.2 dev cali1 scope link"),
        (
            Route("n", "10.244.0.128/26", via="10.244.0.128", device="vxlan.calico", proto="80", onlink=True),
            "10.244.0.128/26 via 10.244.0.128 dev vxlan.calico proto 80 onlink",
        ),
        (Route("n", "10.244.0.0/26", type="blackhole", proto="80"), "blackhole 10.244.0.0/26 proto 80"),
    ],
)
def test_routes(route: Route, printed: str) -> None:
    assert as_printed(route) == printed


def test_a_refusal_takes_the_place_of_a_route() -> None:
    assert Answer(None, refusal="blackhole").text == "blackhole"
    assert (
        Answer(Route("n", "10.0.0.1/32", device="lo", table="local", metric=5)).text
        == "10.0.0.1 dev lo table local metric 5"
    )


def test_entries() -> None:
    assert Neighbour("10.0.1.1", "eth0", "02:00:00:00:00:01", "REACHABLE").text == (
        "10.0.1.1 dev eth0 lladdr 02:00:00:00:00:01 REACHABLE"
    )
    assert Neighbour("10.0.1.1", "eth0", "", "FAILED").text == "10.0.1.1 dev eth0 FAILED"
    assert Forwarding("66:00:00:00:00:01", "vxlan.calico", "10.0.2.10", state="permanent").text == (
        "66:00:00:00:00:01 dev vxlan.calico dst 10.0.2.10 self permanent"
    )
    assert Forwarding("66:00:00:00:00:01", "veth1", master="cni0").text == "66:00:00:00:00:01 dev veth1 master cni0"


def test_a_hop_knows_by_which_interface_its_packet_came_into_the_place() -> None:
    told = journey("delivered-vxlan")
    found = {(one.hop.place, one.hop.interface): one for one in sightings(told.part("data", "request"), told.seen)}
    tunnel, wire, router = found["node-0", "vxlan.calico"], found["node-0", "eth0"], found["router", "eth1"]
    assert tunnel.before is not None
    assert tunnel.before.interface.startswith("cali")
    assert wire.before is None, "it was wrapped here: the outer packet is the node's own"
    assert (wire.source, wire.destination) == ("10.0.1.10", "10.0.2.10")
    assert router.before is not None
    assert router.before.interface == "eth0"
    assert all(one.mac for one in (tunnel, wire, router))
