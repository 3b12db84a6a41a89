"""Events of connection tracking as the kernel sends them, and what they say of one exchange."""

from __future__ import annotations

import socket

import pytest

from lab.kernel.netlink.conntrack_entry import DELETE, DESTINATION_NAT, NEW, SOURCE_NAT, Event, Tuple, read
from lab.kernel.netlink.transport import attribute, nested
from lab.trace.ask.exchange import ANSWERED, Exchange
from lab.trace.explain.translation.flow import decisions, flow
from lab.trace.journey import DATA
from tests.unit.trace.recordings import journey, labmap

POD_0, SERVICE, POD_3 = "10.244.0.2", "172.16.10.10", "10.244.0.129"
ASKED = Tuple("tcp", POD_0, 40000, SERVICE, 80)
ANSWERS = Tuple("tcp", POD_3, 8080, POD_0, 40000)


def encoded(told: Tuple, number: int = 6) -> tuple[bytes, ...]:
    addresses = (attribute(1, socket.inet_aton(told.source)), attribute(2, socket.inet_aton(told.destination)))
    ports = (attribute(2, told.sport.to_bytes(2, "big")), attribute(3, told.dport.to_bytes(2, "big")))
    if number == 1:
        ports = (attribute(4, told.sport.to_bytes(2, "big")), attribute(5, b"\10"))
    return nested(1, *addresses), nested(2, attribute(1, bytes([number])), *ports)


def message(original: Tuple, reply: Tuple, number: int = 6) -> memoryview:
    status = (DESTINATION_NAT | 0x8).to_bytes(4, "big")
    parts = (nested(1, *encoded(original, number)), nested(2, *encoded(reply, number)), attribute(3, status))
    return memoryview(
        b"".join((*parts, attribute(12, (7).to_bytes(4, "big")), attribute(8, (0x4000).to_bytes(4, "big"))))
    )


def test_both_tuples_status_mark_and_number_are_read() -> None:
    event = read("node-0", NEW, message(ASKED, ANSWERS))
    assert event == Event("node-0", ASKED, ANSWERS, DESTINATION_NAT | 0x8, 0x4000, 7)
    assert event.translates
    assert event.onward == Tuple("tcp", POD_0, 40000, POD_3, 8080)


def test_the_end_of_a_connection_is_told_apart() -> None:
    event = read("node-0", DELETE, message(ASKED, ANSWERS))
    assert event is not None
    assert event.ended


def test_an_echo_has_its_identifier_as_both_ports() -> None:
    asked = Tuple("icmp", POD_0, 77, POD_3, 77)
    event = read("node-0", NEW, message(asked, asked.reversed, 1))
    assert event is not None
    assert (event.original, event.translates) == (asked, False)


@pytest.mark.parametrize("cut", range(0, 60, 7))
def test_messages_that_are_cut_short_or_of_others_are_no_events(cut: int) -> None:
    assert read("node-0", NEW, message(ASKED, ANSWERS)[:cut]) is None
    assert read("node-0", 10 << 8, message(ASKED, ANSWERS)) is None


EXCHANGE = Exchange(DATA, "tcp", "namespace001/pod-0", POD_0, 40000, SERVICE, 80, b"", ANSWERED)


def test_behind_a_masquerade_the_exchange_is_known_by_its_new_source() -> None:
    first = Event("node-0", ASKED, Tuple("tcp", "203.0.113.9", 80, "10.0.1.10", 1024), SOURCE_NAT)
    second = Event(
        "gateway",
        Tuple("tcp", "10.0.1.10", 1024, "203.0.113.9", 80),
        Tuple("tcp", "203.0.113.9", 80, "203.0.113.1", 2048),
    )
    other = Event(
        "gateway", Tuple("tcp", "10.0.1.11", 1024, "203.0.113.9", 80), Tuple("tcp", "203.0.113.9", 80, "203.0.113.1", 1)
    )
    assert flow(EXCHANGE, [second, other, first]).inner == (first, second)


def test_the_tunnels_own_connection_is_not_the_requests() -> None:
    hops = journey("delivered-vxlan").hops
    outer = next(hop.packet.outer for hop in hops if hop.packet.outer)
    tunnel = Tuple("udp", outer.src, outer.sport, outer.dst, outer.dport)
    event = Event("router", tunnel, tunnel.reversed)
    told = flow(EXCHANGE, [event, Event("node-0", ASKED, ANSWERS)], hops)
    assert (told.outer, [one.place for one in told.inner]) == ((event,), ["node-0"])


def test_the_translation_is_told_where_the_request_comes_in_and_undone_where_the_answer_does() -> None:
    hops = [hop for hop in journey("delivered-vxlan").hops if hop.phase == DATA]
    found = decisions(labmap("two-subnet"), flow(EXCHANGE, [Event("node-0", ASKED, ANSWERS, DESTINATION_NAT)]), hops)
    told = [
        (hops[number].direction, hops[number].way, one.verdict, one.text)
        for number, all_ in found.items()
        for one in all_
    ]
    assert told == [
        ("request", "in", "DNAT", f"{POD_0}:40000 → {SERVICE}:80 became {POD_0}:40000 → {POD_3}:8080"),
        ("reply", "in", "undone", f"{POD_3}:8080 → {POD_0}:40000 became {SERVICE}:80 → {POD_0}:40000"),
    ]


def test_a_place_that_does_not_translate_says_nothing() -> None:
    onward = Tuple("tcp", POD_0, 40000, POD_3, 8080)
    hops = journey("delivered-vxlan").hops
    assert not decisions(labmap("two-subnet"), flow(EXCHANGE, [Event("node-2", onward, onward.reversed)]), hops)
