"""What follows from recorded traces: verdicts, who answered, and the place where a lost packet was seen last."""

from __future__ import annotations

import pytest

from lab.map.path import Crossing, Walker
from lab.trace.journey import DATA, DNS, REPLY, REQUEST, Hop, Journey
from tests.unit.trace.recordings import NAMES, journey, labmap

POD_2, POD_3, NODE_0, NODE_2 = "namespace001/pod-2", "namespace001/pod-3", "node-0", "node-2"


@pytest.mark.parametrize(
    ("name", "answered_by"),
    [
        ("delivered-vxlan", POD_3),
        ("delivered-same-subnet", POD_2),
        ("delivered-same-node", "namespace001/pod-1"),
        ("delivered-outside", "internet"),
        ("delivered-icmp", POD_3),
        ("delivered-udp", POD_2),
        ("delivered-node-port", POD_2),
        ("bridge-vxlan", POD_3),
        ("bridge-same-node", "namespace001/pod-1"),
    ],
)
def test_delivered(name: str, answered_by: str) -> None:
    told = journey(name)
    assert (told.verdict, told.answered_by, told.lost) == ("delivered", answered_by, None)


@pytest.mark.parametrize(
    ("name", "verdict", "place", "direction", "phase", "stage", "cause"),
    [
        ("lost-at-firewall", "lost", NODE_2, REQUEST, DATA, "firewall", "unknown"),
        ("lost-reply", "lost", NODE_0, REPLY, DATA, "reply", "unknown"),
        ("lost-answer", "lost", NODE_2, REPLY, DATA, "reply", "unknown"),
        ("lost-in-pod", "lost", POD_3, REQUEST, DATA, "deliver", "unknown"),
        ("lost-before-choice", "lost", NODE_0, REQUEST, DATA, "service", "unknown"),
        ("lost-question", "lost", NODE_0, REQUEST, DNS, "service", "unknown"),
        ("never-left", "lost", "namespace001/pod-0", REQUEST, DATA, "route", "unknown"),
        ("refused-reset", "refused", POD_3, REQUEST, DATA, "deliver", "tcp-reset"),
        ("refused-udp", "refused", POD_2, REQUEST, DATA, "deliver", "icmp-port-unreachable"),
        ("refused-icmp", "refused", NODE_2, REQUEST, DATA, "decapsulate", "icmp-port-unreachable"),
        ("unresolved", "unresolved", "kube-system/dns-0", REQUEST, DNS, "resolve", "dns-nxdomain"),
    ],
)
def test_not_delivered(name: str, verdict: str, place: str, direction: str, phase: str, stage: str, cause: str) -> None:
    told = journey(name)
    assert told.lost is not None
    assert told.verdict == verdict
    assert told.lost.place == place
    assert (told.lost.direction, told.lost.phase, told.lost.stage) == (direction, phase, stage)
    assert told.lost.cause == cause
    assert not told.answered_by


def crossings(hops: tuple[Hop, ...]) -> tuple[Crossing, ...]:
    return tuple(
        Crossing(hop.place, hop.interface, hop.way, hop.packet.outer.kind if hop.packet.outer else "") for hop in hops
    )


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith(("delivered", "bridge"))])
def test_a_delivered_request_was_seen_exactly_where_the_design_expects_it(name: str) -> None:
    told = journey(name)
    there, back = told.part(DATA, REQUEST), told.part(DATA, REPLY)
    first, last = there[0].packet, there[-1].packet
    endpoint = last.dst if last.dst != first.dst else ""
    expected = Walker(labmap(told.lab)).round_trip(told.request.source, first.dst, endpoint)
    assert crossings(there) == expected.request.crossings
    assert crossings(back) == expected.reply.crossings


def steps(told: Journey, direction: str) -> list[int]:
    return list(dict.fromkeys(hop.step for hop in told.part(DATA, direction)))


def test_a_request_through_the_tunnel_goes_through_the_steps_in_order_and_its_reply_backwards() -> None:
    told = journey("delivered-vxlan")
    assert steps(told, REQUEST) == [2, 4, 5, 6], "3, the route, is taken between the node's interfaces"
    assert steps(told, REPLY) == [6, 5, 4, 2]
    assert [hop.stage for hop in told.part(DATA, REQUEST)] == [
        "service",
        "service",
        "encapsulate",
        "encapsulate",
        "forward",
        "forward",
        "firewall",
        "decapsulate",
        "deliver",
        "deliver",
    ]
    assert {hop.stage for hop in told.part(DATA, REPLY)} == {"reply"}
    assert {hop.step for hop in told.hops if hop.phase == DNS} == {1}


def test_the_way_to_the_node_that_is_asked_on_a_node_port_is_the_second_step() -> None:
    told = journey("delivered-node-port")
    assert steps(told, REQUEST) == [2, 4, 5, 6]
    assert steps(told, REPLY) == [6, 5, 4, 2]
    asked = [hop.place for hop in told.part(DATA, REQUEST) if hop.step == 2]
    assert list(dict.fromkeys(asked)) == ["namespace001/pod-0", NODE_0, "router", NODE_2]


def test_a_nat_on_the_way_does_not_hide_the_request() -> None:
    sources = list(dict.fromkeys(hop.packet.src for hop in journey("delivered-outside").part(DATA, REQUEST)))
    assert sources == ["10.244.0.2", "10.0.1.10", "203.0.113.1"], "pod, node, gateway"


@pytest.mark.parametrize("name", NAMES)
def test_hops_are_numbered_and_in_time(name: str) -> None:
    told = journey(name)
    assert [hop.seq for hop in told.hops] == list(range(1, len(told.hops) + 1))
    for phase in (DNS, DATA):
        for direction in (REQUEST, REPLY):
            times = [hop.t_ns for hop in told.part(phase, direction)]
            assert times == sorted(times)


def test_why_a_request_was_lost_names_what_should_have_come_next() -> None:
    lost = journey("lost-at-firewall").lost
    assert lost is not None
    assert lost.why == (
        "The request came into node-2 through eth0, wrapped in VXLAN, and never came in through vxlan.calico."
    )
