"""Which of the captured packets belong to an exchange: by addresses and ports, and by what no NAT rewrites."""

from __future__ import annotations

from lab.trace.ask.exchange import OPENING, PAYLOAD, SILENT, Exchange, parts
from lab.trace.journey import DATA, REPLY, REQUEST
from lab.trace.witness.observation import Capture, Observation
from lab.trace.witness.packet import ECHO_REPLY, ECHO_REQUEST, Packet

POD, NODE, OUTSIDE = "10.244.0.2", "10.0.1.10", "203.0.113.80"
WRITTEN = Exchange(DATA, "icmp", "pod-0", POD, 7, OUTSIDE, 0, b"", SILENT, role=PAYLOAD, ident=4711)
ASKED = Exchange(DATA, "arp", "node-0", NODE, 0, "10.0.1.77", 0, b"", SILENT, role=PAYLOAD)


def seen(packet: Packet) -> Observation:
    return Observation(Capture("node-0", "eth0", "out", 0, b"", 0, 1), packet)


def directions(exchange: Exchange, *packets: Packet) -> list[str]:
    """Of those that belong to it."""
    return [one.direction for one in parts(exchange, [seen(packet) for packet in packets])]


def echo(src: str, dst: str, identifier: int, ident: int, kind: int = ECHO_REQUEST) -> Packet:
    return Packet("icmp", src, identifier, dst, identifier, ident=ident, icmp_type=kind)


def test_an_echo_that_carries_nothing_is_known_behind_a_nat_by_its_number() -> None:
    way = (
        echo(POD, OUTSIDE, 7, 4711),
        echo(NODE, OUTSIDE, 99, 4711),
        echo(OUTSIDE, NODE, 99, 1, ECHO_REPLY),
        echo(OUTSIDE, POD, 7, 1, ECHO_REPLY),
    )
    assert directions(WRITTEN, *way) == [REQUEST, REQUEST, REPLY, REPLY]


def test_others_echoes_are_others() -> None:
    assert directions(WRITTEN, echo(NODE, OUTSIDE, 99, 4712)) == []
    assert directions(WRITTEN, echo(OUTSIDE, NODE, 98, 4711, ECHO_REPLY)) == [], "an answer has a number of its own"


def test_without_a_number_it_is_not_known() -> None:
    other = Exchange(DATA, "icmp", "pod-0", POD, 7, OUTSIDE, 0, b"", SILENT, role=OPENING)
    assert directions(other, echo(NODE, OUTSIDE, 99, 0)) == []


def test_what_a_place_is_told_of_others_by_arp_is_no_answer() -> None:
    asked, told = Packet("arp", NODE, 0, "10.0.1.77", 0), Packet("arp", "10.0.1.77", 0, NODE, 0)
    router, routers = Packet("arp", NODE, 0, "10.0.1.1", 0), Packet("arp", "10.0.1.1", 0, NODE, 0)
    assert directions(ASKED, asked, router, routers, told) == [REQUEST, REPLY]
