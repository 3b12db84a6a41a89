"""Which packets the rules of our own table mean: each rule is run here on packets, as the kernel would run it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from socket import inet_aton

import pytest

from lab.kernel.netfilter import BATCH_BEGIN, BATCH_END
from lab.kernel.netlink import NLA_TYPE_MASK, attributes
from lab.trace.netfilter.match import ICMP, TCP, UDP, Match
from lab.trace.netfilter.table import NEWCHAIN, NEWRULE, NEWTABLE, TABLE, trace_table

CLIENT, SERVER, OTHER = "10.244.0.2", "172.16.10.10", "10.244.0.3"
NODE, FAR = "10.0.1.10", "10.0.2.10"
SYN, ACK, PSH = 2, 16, 8
BASES = {1: 0, 2: 20}  # network header, transport header


def ipv4(src: str, dst: str, protocol: int, body: bytes) -> bytes:
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, protocol, 0)
    return header + inet_aton(src) + inet_aton(dst) + body


def tcp(src: str, sport: int, dst: str, dport: int, flags: int = SYN) -> bytes:
    return ipv4(src, dst, TCP, struct.pack("!HHIIBBHHH", sport, dport, 1, 0, 0x50, flags, 0, 0, 0))


def udp(src: str, sport: int, dst: str, dport: int, payload: bytes = b"") -> bytes:
    return ipv4(src, dst, UDP, struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload)


def echo(src: str, dst: str, identifier: int, kind: int = 8) -> bytes:
    return ipv4(src, dst, ICMP, struct.pack("!BBHHH", kind, 0, 0, identifier, 1))


def vxlan(inner: bytes, port: int = 4789) -> bytes:
    return udp(NODE, 50000, FAR, port, b"\x08\0\0\0\0\x10\0\0" + bytes(12) + b"\x08\0" + inner)


def ipip(inner: bytes) -> bytes:
    return ipv4(NODE, FAR, 4, inner)


def error(to: str, about: bytes) -> bytes:
    return ipv4(NODE, to, ICMP, bytes([3, 3, 0, 0, 0, 0, 0, 0]) + about[:28])


def followed(match: Match, packet: bytes) -> bool:
    """Whether one of the rules matches."""
    return any(_matches(rule, packet) for rule in match.rules((4789,), ipip=True))


def _matches(rule: bytes, packet: bytes) -> bool:
    register = b""
    for name, data in _expressions(rule):
        if name == "payload":
            start = BASES[_number(data, 2)] + _number(data, 3)
            register = packet[start : start + _number(data, 4)]
            if len(register) < _number(data, 4):
                return False
        elif name == "bitwise":
            mask = bytes(attributes(data[4])[1])
            register = bytes(one & other for one, other in zip(register, mask, strict=True))
        elif name == "cmp":
            equal = register == bytes(attributes(data[3])[1])
            if equal != (_number(data, 2) == 0):
                return False
    return True


def _expressions(rule: bytes) -> Iterator[tuple[str, dict[int, memoryview]]]:
    offset = 0
    while offset < len(rule):
        size, kind = struct.unpack_from("=HH", rule, offset)
        assert kind & NLA_TYPE_MASK == 1
        found = attributes(rule[offset + 4 : offset + size])
        yield bytes(found[1]).rstrip(b"\0").decode(), attributes(found[2])
        offset += (size + 3) & ~3


def _number(data: dict[int, memoryview], kind: int) -> int:
    return int.from_bytes(data[kind], "big")


WEB = Match("tcp", client=CLIENT, port=40000, ports=64)
REQUEST = tcp(CLIENT, 40001, SERVER, 80)
REPLY = tcp("10.244.0.129", 8080, CLIENT, 40001, SYN | ACK)


@pytest.mark.parametrize("packet", [REQUEST, REPLY, tcp(CLIENT, 40063, SERVER, 80, PSH | ACK), error(CLIENT, REQUEST)])
@pytest.mark.parametrize("around", [bytes, vxlan, ipip])
def test_the_clients_packets_and_their_answers_are_followed_also_in_tunnels(packet: bytes, around: type[bytes]) -> None:
    assert followed(WEB, around(packet))


@pytest.mark.parametrize(
    "packet",
    [
        tcp(CLIENT, 39999, SERVER, 80),
        tcp(CLIENT, 40064, SERVER, 80),
        tcp(OTHER, 40001, SERVER, 80),
        udp(CLIENT, 40001, SERVER, 80),
        tcp(CLIENT, 40001, SERVER, 80, ACK),
        error(CLIENT, tcp(OTHER, 40001, SERVER, 80)),
        vxlan(tcp(OTHER, 40001, SERVER, 80)),
        vxlan(REQUEST, port=4790),
    ],
    ids=[
        "port below",
        "port above",
        "other client",
        "udp",
        "bare acknowledgement",
        "other error",
        "inner",
        "no tunnel",
    ],
)
def test_nothing_else_is_followed(packet: bytes) -> None:
    assert not followed(WEB, packet)


def test_behind_a_nat_the_server_is_what_is_known() -> None:
    match = Match("tcp", server="203.0.113.80", server_port=80)
    assert followed(match, tcp(NODE, 29351, "203.0.113.80", 80))
    assert followed(match, tcp("203.0.113.80", 80, NODE, 29351, SYN | ACK))
    assert not followed(match, tcp(NODE, 29351, "203.0.113.80", 443))


def test_an_echo_is_known_by_its_identifier() -> None:
    match = Match("icmp", client=CLIENT, port=77, ports=1)
    assert followed(match, echo(CLIENT, SERVER, 77))
    assert followed(match, vxlan(echo(SERVER, CLIENT, 77, kind=0)))
    assert not followed(match, echo(CLIENT, SERVER, 78))
    assert followed(match, error(CLIENT, echo(CLIENT, SERVER, 77)))


def test_dns_questions_are_known_by_their_port() -> None:
    match = Match("udp", client=CLIENT, server_port=53)
    assert followed(match, udp(CLIENT, 5353, "172.16.0.10", 53))
    assert not followed(match, udp(CLIENT, 5353, SERVER, 54))


def test_the_table_is_one_transaction_and_belongs_to_its_socket() -> None:
    data = trace_table([WEB], (4789,))
    kinds, offset, flags = [], 0, b""
    while offset < len(data):
        size, kind = struct.unpack_from("=IH", data, offset)
        kinds.append(kind)
        if kind == NEWTABLE:
            told = attributes(data[offset + 20 : offset + size])
            assert bytes(told[1]).rstrip(b"\0").decode() == TABLE
            flags = bytes(told[2])
        offset += (size + 3) & ~3
    assert (kinds[0], kinds[1], kinds[-1]) == (BATCH_BEGIN, NEWTABLE, BATCH_END)
    assert (kinds.count(NEWCHAIN), kinds.count(NEWRULE)) == (2, 2 * 6)
    assert flags == b"\0\0\0\2", "NFT_TABLE_F_OWNER"
