"""Which packets are meant: each rule is run here on packets, as both of the kernel's filters would run it."""

from __future__ import annotations

import struct
from random import Random

import pytest

from lab.kernel.netlink.netfilter import BATCH_BEGIN, BATCH_END
from lab.kernel.netlink.transport import attributes
from lab.trace.witness.filter.match import Match, Tunnels, left_out, number, spots
from lab.trace.witness.filter.sample import ALL, LARGEST, sample, seed_beside
from lab.trace.witness.filter.sieve import Decision, frames
from lab.trace.witness.netfilter import expression
from lab.trace.witness.netfilter.trace_table import (
    DELRULE,
    NEWCHAIN,
    NEWRULE,
    NEWTABLE,
    TABLE,
    other_rules,
    trace_table,
)
from lab.trace.witness.packet import PROTOCOLS
from tests.unit.trace.frames import (
    ACK,
    IPIP_DEVICE,
    NODE,
    PSH,
    RST,
    SYN,
    echo,
    error,
    ipip,
    kept,
    met,
    tcp,
    udp,
    vxlan,
)

VXLAN = Tunnels((4789,))
CLIENT, SERVER, OTHER, ENDPOINT = "10.244.0.2", "172.16.10.10", "10.244.0.3", "10.244.0.129"
OURS = sample(64, 7)
FIRST = 7 << 20  # a sequence number that the sample takes
PORT = 39950  # (39950 >> 1) % 64 == 7, and the ports beside it not


def followed(match: Match, packet: bytes) -> bool:
    """Whether a rule means it; both filters agree on all but bare acknowledgements, which only one leaves out."""
    where = tuple(spots(Tunnels((4789,), ipip=True)))
    found = any(met(expression.met(rule), packet) for spot in where for rule in match.telling(spot))
    rules = [rule for spot in where for rule in (*match.rules(spot), *match.bare_resets(spot))]
    program = frames([Decision(rule, keep=True) for rule in rules], otherwise=False, unframed=True)
    assert kept(program, packet) >= found
    assert kept(program, packet) == kept(program, packet, IPIP_DEVICE), "with and without an Ethernet header"
    passed = any(met(expression.met(rule), packet) for spot in where for rule in left_out(spot, [match], VXLAN))
    assert not (found and passed), "what is meant does not leave by the first rules"
    return found


WEB = Match("tcp", client=CLIENT, sample=OURS)
REQUEST = tcp(CLIENT, 40001, SERVER, 80, seq=FIRST)
REPLY = tcp(ENDPOINT, 8080, CLIENT, 40001, SYN | ACK, seq=99, ack=FIRST + 1)


@pytest.mark.parametrize(
    "packet",
    [
        REQUEST,
        REPLY,
        tcp(CLIENT, 40063, SERVER, 80, PSH | ACK, FIRST + 5000, 99),
        tcp(SERVER, 80, CLIENT, 40001, RST | ACK, 0, FIRST + 1),
        tcp(SERVER, 80, CLIENT, 40001, RST, 99),
        error(CLIENT, REQUEST),
    ],
    ids=["opening", "answer", "payload", "refusal", "reset of what is unknown", "error"],
)
@pytest.mark.parametrize("around", [bytes, vxlan, ipip])
def test_the_clients_packets_and_their_answers_are_followed_also_in_tunnels(packet: bytes, around: type[bytes]) -> None:
    assert followed(WEB, around(packet))
    assert followed(Match("tcp", client=CLIENT), around(packet))


@pytest.mark.parametrize(
    "packet",
    [
        tcp(CLIENT, 40001, SERVER, 80, seq=6 << 20),
        tcp(CLIENT, 40001, SERVER, 80, seq=8 << 20),
        tcp(SERVER, 80, CLIENT, 40001, SYN | ACK, FIRST, 8 << 20),
        tcp(OTHER, 40001, SERVER, 80, seq=FIRST),
        tcp(CLIENT, 40001, SERVER, 80, RST, 8 << 20),
        udp(CLIENT, 40001, SERVER, 80),
        tcp(CLIENT, 40001, SERVER, 80, ACK, FIRST),
        error(CLIENT, tcp(OTHER, 40001, SERVER, 80, seq=FIRST)),
        vxlan(tcp(OTHER, 40001, SERVER, 80, seq=FIRST)),
        vxlan(REQUEST, port=4790),
    ],
    ids=[
        "number below",
        "number above",
        "the server's number",
        "other client",
        "its own reset",
        "udp",
        "bare acknowledgement",
        "other error",
        "inner",
        "no tunnel",
    ],
)
def test_nothing_else_is_followed(packet: bytes) -> None:
    assert not followed(WEB, packet)


def test_behind_a_nat_the_server_is_what_is_known_and_the_number_is_still_the_clients() -> None:
    match = Match("tcp", server="203.0.113.80", server_port=80, sample=OURS)
    assert followed(match, tcp(NODE, 29351, "203.0.113.80", 80, seq=FIRST))
    assert followed(match, tcp("203.0.113.80", 80, NODE, 29351, SYN | ACK, ack=FIRST + 1))
    assert not followed(match, tcp(NODE, 29351, "203.0.113.80", 80, seq=8 << 20))
    assert not followed(match, tcp(NODE, 29351, "203.0.113.80", 443, seq=FIRST))


@pytest.mark.parametrize("around", [bytes, vxlan, ipip])
def test_datagrams_are_known_by_their_port_and_echoes_by_their_identifier(around: type[bytes]) -> None:
    datagrams, echoes = (Match(protocol, client=CLIENT, sample=OURS) for protocol in ("udp", "icmp"))
    assert followed(datagrams, around(udp(CLIENT, PORT, SERVER, 53)))
    assert followed(datagrams, around(udp(SERVER, 53, CLIENT, PORT)))
    assert followed(datagrams, around(error(CLIENT, udp(CLIENT, PORT, SERVER, 53))))
    assert not followed(datagrams, around(udp(CLIENT, PORT + 2, SERVER, PORT)))
    assert followed(echoes, around(echo(CLIENT, SERVER, PORT)))
    assert followed(echoes, around(echo(SERVER, CLIENT, PORT, kind=0)))
    assert followed(echoes, around(error(CLIENT, echo(CLIENT, SERVER, PORT))))
    assert not followed(echoes, around(echo(CLIENT, SERVER, PORT + 2)))


def test_dns_questions_are_known_by_their_port() -> None:
    match = Match("udp", client=CLIENT, server_port=53)
    assert followed(match, udp(CLIENT, 5353, "172.16.0.10", 53))
    assert not followed(match, udp(CLIENT, 5353, SERVER, 54))


def test_what_no_sample_has_leaves_by_the_first_rules_unless_all_of_a_server_is_meant() -> None:
    matches = [WEB, Match("tcp", server="203.0.113.80")]

    def leaves(packet: bytes) -> bool:
        rules = [rule for spot in spots(VXLAN) for rule in left_out(spot, matches, VXLAN)]
        return any(met(expression.met(rule), packet) for rule in rules)

    assert leaves(tcp(CLIENT, 40001, SERVER, 80, seq=8 << 20))
    assert leaves(vxlan(tcp(CLIENT, 40001, ENDPOINT, 8080, seq=8 << 20)))
    assert not leaves(REQUEST)
    assert not leaves(vxlan(REQUEST))
    assert not leaves(tcp(NODE, 40001, "203.0.113.80", 80, seq=8 << 20))
    assert not leaves(udp(CLIENT, 40001, SERVER, 53)), "of datagrams nothing is meant, and nothing said"


def test_the_larger_sample_has_all_of_the_smaller_one() -> None:
    random = Random(1)
    seed = seed_beside((80, 443, 53, 8080), random)
    assert seed % 2, "a number that is not there is 0, and no sample's"
    for _ in range(1000):
        number = random.randrange(1 << 32)
        taken = [of for of in (1, 2, 4, 64, LARGEST) if sample(of, seed).takes_sequence(number)]
        assert taken == [1, 2, 4, 64, LARGEST][: len(taken)]
    assert ALL.takes_sequence(0) and ALL.takes_port(0)


def test_a_sample_is_as_large_as_it_says() -> None:
    random = Random(2)
    one = sample(16, 5)
    taken = sum(one.takes_sequence(random.randrange(1 << 32)) for _ in range(32_000))
    assert 1600 < taken < 2150, "2,000, less those that are too near the end of their range"
    assert sum(one.takes_port(port) for port in range(32768, 60999, 2)) == pytest.approx(14116 / 16, abs=1)


def test_what_is_decoded_has_a_number_whatever_it_is_called() -> None:
    named = {**PROTOCOLS, 0: "0", 253: "253"}
    assert {one: number(name) for one, name in named.items()} == {one: one for one in named}


def test_the_table_is_one_transaction_and_belongs_to_its_socket() -> None:
    data = trace_table([Match("tcp", client=CLIENT)], VXLAN)
    kinds, flags = _messages(data)
    assert (kinds[0], kinds[1], kinds[-1]) == (BATCH_BEGIN, NEWTABLE, BATCH_END)
    assert (kinds.count(NEWCHAIN), kinds.count(NEWRULE)) == (2, 2 * 6)
    assert flags == b"\0\0\0\2", "NFT_TABLE_F_OWNER"


def test_its_rules_are_replaced_in_one_transaction() -> None:
    kinds, _ = _messages(other_rules([WEB], VXLAN))
    assert (kinds[0], kinds[1:3], kinds[-1]) == (BATCH_BEGIN, [DELRULE, DELRULE], BATCH_END)
    assert kinds.count(NEWRULE) == 2 * (8 + 2), "and what leaves, leaves first"


def _messages(data: bytes) -> tuple[list[int], bytes]:
    """The messages' kinds, and the table's flags."""
    kinds, offset, flags = [], 0, b""
    while offset < len(data):
        size, kind = struct.unpack_from("=IH", data, offset)
        kinds.append(kind)
        if kind == NEWTABLE:
            told = attributes(data[offset + 20 : offset + size])
            assert bytes(told[1]).rstrip(b"\0").decode() == TABLE
            flags = bytes(told[2])
        offset += (size + 3) & ~3
    return kinds, flags
