"""What of a watched pod's packets, and of what a NAT may have made of them, the packet sockets keep."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.trace.witness.filter.match import Tunnels
from lab.trace.witness.filter.sample import sample
from lab.trace.witness.filter.selection import Selection, selection
from lab.trace.witness.filter.sieve import MOST
from tests.unit.trace.frames import (
    ACK,
    FAR,
    IPIP_DEVICE,
    NODE,
    RST,
    SYN,
    echo,
    error,
    ipip,
    kept,
    tcp,
    udp,
    vxlan,
)
from tests.unit.trace.recordings import labmap

POD, OTHER, ENDPOINT, WEB = "10.244.0.2", "10.244.0.3", "10.244.0.129", "203.0.113.80"
ARP = 0x0806
SEEDS = (7, 21)
TAKEN, LEFT = 7 << 20, 8 << 20
PORT, HIDDEN_PORT = 39950, 39978  # of the near sample, and of the other one's


def of(near: int, hidden: int) -> Selection:
    there = selection(labmap("two-subnet"), (POD,))
    return replace(there, tunnels=replace(there.tunnels, ipip=True)).sampled(near, hidden, SEEDS)


def test_without_a_sample_nothing_is_left_out() -> None:
    assert of(1, 1).is_all
    assert of(1, 1).frames == ()


@pytest.mark.parametrize("around", [bytes, vxlan, ipip])
def test_of_a_sample_the_pods_own_packets_are_kept_also_in_tunnels(around: type[bytes]) -> None:
    program = of(64, 1).frames
    for packet in (
        tcp(POD, 40001, ENDPOINT, 8080, seq=TAKEN),
        tcp(ENDPOINT, 8080, POD, 40001, SYN | ACK, seq=LEFT, ack=TAKEN + 1),
        tcp(ENDPOINT, 8080, POD, 40001, RST, seq=LEFT),
        error(POD, tcp(POD, 40001, ENDPOINT, 8080, seq=TAKEN)),
        udp(POD, PORT, ENDPOINT, 53),
        echo(ENDPOINT, POD, PORT, kind=0),
    ):
        assert kept(program, around(packet))
    for packet in (
        tcp(POD, 40001, ENDPOINT, 8080, seq=LEFT),
        tcp(ENDPOINT, 8080, POD, 40001, SYN | ACK, seq=TAKEN, ack=LEFT + 1),
        udp(POD, PORT + 2, ENDPOINT, 53),
        echo(ENDPOINT, POD, PORT + 2, kind=0),
    ):
        assert not kept(program, around(packet))


def test_what_a_nat_may_have_made_is_kept_and_what_other_pods_say_to_each_other_is_not() -> None:
    program = of(64, 1).frames
    assert kept(program, tcp(NODE, 2222, WEB, 80, seq=TAKEN))
    assert kept(program, tcp(WEB, 80, NODE, 2222, SYN | ACK, ack=TAKEN + 1))
    assert not kept(program, tcp(NODE, 2222, WEB, 80, seq=LEFT)), "its number is the one that it had at the pod"
    assert kept(program, udp(NODE, 2222, WEB, 53)), "of datagrams nobody knows"
    assert not kept(program, tcp(OTHER, 2222, ENDPOINT, 8080, seq=TAKEN))
    assert not kept(program, vxlan(udp(OTHER, 2222, ENDPOINT, 53)))
    assert not kept(program, tcp(NODE, 2222, WEB, 80, RST, seq=LEFT))
    assert kept(program, b"", protocol=ARP), "who asks for a neighbour"


def test_where_others_are_many_fewer_of_what_a_nat_may_have_made_are_kept_and_all_of_the_pods_own() -> None:
    program = of(1, 64).frames
    assert kept(program, tcp(POD, 40001, WEB, 80, seq=LEFT))
    assert kept(program, vxlan(udp(ENDPOINT, 53, POD, 40001)))
    assert kept(program, tcp(NODE, 2222, WEB, 80, seq=TAKEN))
    assert not kept(program, tcp(NODE, 2222, WEB, 80, seq=LEFT))
    assert kept(program, udp(NODE, HIDDEN_PORT, WEB, 53))
    assert not kept(program, udp(NODE, PORT, WEB, 53))


def test_of_tcp_the_smaller_sample_is_part_of_the_larger_one() -> None:
    one = of(16, 256)
    assert (one.near, one.hidden_tcp, one.hidden) == (sample(16, 7), sample(256, 7), sample(256, 21))
    assert of(256, 16).hidden_tcp == sample(256, 7)


def test_devices_without_an_ethernet_header_are_listened_on_as_well() -> None:
    one = Selection((POD,), tunnels=Tunnels(ipip=True)).sampled(64, 1, SEEDS)
    for packet in (tcp(POD, 40001, ENDPOINT, 8080, seq=TAKEN), tcp(POD, 40001, ENDPOINT, 8080, seq=LEFT)):
        assert kept(one.frames, packet, IPIP_DEVICE) == kept(one.frames, packet) == kept(one.frames, ipip(packet))


def test_a_program_that_the_kernel_would_not_take_does_without_the_places_of_nats() -> None:
    there = selection(labmap("two-subnet"), (POD,))
    many = Selection(there.clients, there.outside, there.translators * 200, there.tunnels)
    assert 0 < len(many.sampled(64, 64, SEEDS).frames) <= MOST
    assert kept(many.sampled(64, 64, SEEDS).frames, tcp(POD, 1, FAR, 2, seq=TAKEN))
