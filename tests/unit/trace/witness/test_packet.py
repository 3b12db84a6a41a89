"""The decoder reads what scapy writes, and never raises whatever it is given."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

from lab.trace.witness.packet import ACK, RST, SYN, Outer, Packet, decode

POD_0, POD_3, SERVICE = "10.244.0.2", "10.244.0.130", "172.16.10.10"
NODE_0, NODE_2 = "10.0.1.10", "10.0.2.10"

addresses = st.integers(1, 0xFFFFFFFE).map(lambda number: ".".join(str(byte) for byte in number.to_bytes(4, "big")))
ports = st.integers(1, 65535)
sequence = st.integers(0, 0xFFFFFFFF)


def on_the_wire(layers: Any) -> bytes:
    return bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / layers)


def test_a_syn_to_a_service_is_read_with_its_sequence_number() -> None:
    frame = on_the_wire(IP(src=POD_0, dst=SERVICE, ttl=63, id=7) / TCP(sport=40000, dport=80, flags="S", seq=4711))
    packet = decode(frame)
    assert (packet.protocol, packet.src, packet.sport) == ("tcp", POD_0, 40000)
    assert (packet.dst, packet.dport, packet.flags, packet.seq) == (SERVICE, 80, SYN, 4711)
    assert (packet.ttl, packet.ident, packet.length, packet.outer) == (63, 7, 40, None)
    assert packet.flag_names == ("SYN",)


def test_inside_a_vxlan_the_inner_packet_is_read_and_the_outer_kept() -> None:
    inner = Ether() / IP(src=POD_0, dst=POD_3) / TCP(sport=40000, dport=8080, flags="SA", seq=1, ack=2)
    frame = on_the_wire(
        IP(src=NODE_0, dst=NODE_2, ttl=62) / UDP(sport=50000, dport=4789) / VXLAN(vni=4096, flags="Instance") / inner
    )
    packet = decode(frame)
    assert packet.outer == Outer("vxlan", NODE_0, NODE_2, 4096, 50000, 4789, 62)
    assert (packet.src, packet.dst, packet.dport, packet.flags, packet.ack) == (POD_0, POD_3, 8080, SYN | ACK, 2)


def test_a_vxlan_on_a_port_that_the_map_names_is_recognised_and_only_there() -> None:
    inner = Ether() / IP(src=POD_0, dst=POD_3) / UDP(sport=1, dport=2)
    frame = on_the_wire(IP(src=NODE_0, dst=NODE_2) / UDP(dport=9999) / VXLAN(vni=1, flags="Instance") / inner)
    assert decode(frame, (9999,)).src == POD_0
    assert decode(frame).src == NODE_0, "on an unknown port it is any other UDP packet"


def test_inside_an_ipip_tunnel_the_inner_packet_is_read() -> None:
    layers = IP(src=NODE_0, dst=NODE_2, ttl=60) / IP(src=POD_0, dst=POD_3) / UDP(sport=5, dport=6) / Raw(b"hello")
    packet = decode(on_the_wire(layers))
    assert packet.outer == Outer("ipip", NODE_0, NODE_2, ttl=60)
    assert (packet.src, packet.sport, packet.payload) == (POD_0, 5, b"hello")


def test_a_device_without_ethernet_begins_with_the_ip_header() -> None:
    packet = decode(bytes(IP(src=POD_0, dst=POD_3) / UDP(sport=5, dport=6)), ethernet=False)
    assert (packet.src, packet.sport, packet.dst, packet.dport) == (POD_0, 5, POD_3, 6)


@pytest.mark.parametrize("original", [TCP(sport=40000, dport=80, seq=9), UDP(sport=40000, dport=80) / Raw(b"question")])
def test_an_icmp_error_quotes_the_packet_that_it_is_about(original: Any) -> None:
    quoted = bytes(IP(src=POD_0, dst=SERVICE) / original)[:28]
    packet = decode(on_the_wire(IP(src=NODE_0, dst=POD_0) / ICMP(type=3, code=3) / Raw(quoted)))
    assert (packet.protocol, packet.icmp_type, packet.icmp_code) == ("icmp", 3, 3)
    assert packet.cause is not None
    assert (packet.cause.src, packet.cause.sport, packet.cause.dst, packet.cause.dport) == (POD_0, 40000, SERVICE, 80)


def test_an_icmp_error_inside_a_tunnel_quotes_it_as_well() -> None:
    quoted = bytes(IP(src=POD_0, dst=POD_3) / TCP(sport=40000, dport=8080))
    inner = Ether() / IP(src=POD_3, dst=POD_0) / ICMP(type=3, code=1) / Raw(quoted)
    outer = IP(src=NODE_2, dst=NODE_0) / UDP(dport=4789) / VXLAN(vni=4096, flags="Instance")
    packet = decode(on_the_wire(outer / inner))
    assert packet.outer is not None
    assert packet.cause is not None
    assert (packet.cause.src, packet.cause.sport) == (POD_0, 40000)


def test_an_echo_has_its_identifier_as_its_ports() -> None:
    packet = decode(on_the_wire(IP(src=POD_0, dst=POD_3) / ICMP(type=8, id=77, seq=3) / Raw(b"token")))
    assert (packet.icmp_type, packet.sport, packet.dport, packet.seq, packet.payload) == (8, 77, 77, 3, b"token")


def test_an_arp_answer_says_where_an_address_is() -> None:
    layers = ARP(op=2, psrc="169.254.1.1", pdst=POD_0, hwsrc="ee:ee:ee:ee:ee:ee")
    packet = decode(on_the_wire(layers))
    assert (packet.protocol, packet.src, packet.dst, packet.flags) == ("arp", "169.254.1.1", POD_0, 2)
    assert packet.mac == "ee:ee:ee:ee:ee:ee"


def test_padding_behind_the_packet_is_not_its_payload() -> None:
    frame = on_the_wire(IP(src=POD_0, dst=POD_3) / UDP(sport=1, dport=2) / Raw(b"x")) + bytes(20)
    assert decode(frame).payload == b"x"


def test_a_later_fragment_has_no_ports() -> None:
    packet = decode(on_the_wire(IP(src=POD_0, dst=POD_3, frag=10, proto=17) / Raw(b"12345678")))
    assert packet.fragment
    assert (packet.protocol, packet.sport, packet.payload) == ("udp", 0, b"12345678")


@given(
    src=addresses,
    dst=addresses,
    sport=ports,
    dport=ports,
    seq=sequence,
    ack=sequence,
    flags=st.integers(0, 63),
    payload=st.binary(max_size=64),
)
def test_every_tcp_header_that_scapy_writes_is_read_back(
    *, src: str, dst: str, sport: int, dport: int, seq: int, ack: int, flags: int, payload: bytes
) -> None:
    layers = IP(src=src, dst=dst) / TCP(sport=sport, dport=dport, seq=seq, ack=ack, flags=flags) / Raw(payload)
    packet = decode(on_the_wire(layers))
    assert packet == Packet(
        "tcp", src, sport, dst, dport, 40 + len(payload), 64, 1, flags, seq, ack, payload=payload
    )  # fmt: skip


@given(
    src=addresses,
    dst=addresses,
    sport=ports,
    dport=ports,
    vni=st.integers(0, 0xFFFFFF),
    payload=st.binary(max_size=64),
)
def test_every_vxlan_packet_that_scapy_writes_is_read_back(
    *, src: str, dst: str, sport: int, dport: int, vni: int, payload: bytes
) -> None:
    inner = Ether(src="02:00:00:00:00:03", dst="02:00:00:00:00:04") / IP(src=src, dst=dst)
    inner = inner / UDP(sport=sport, dport=4789) / Raw(payload)
    outer = IP(src=NODE_0, dst=NODE_2) / UDP(sport=dport, dport=8472) / VXLAN(vni=vni, flags="Instance")
    packet = decode(on_the_wire(outer / inner))
    assert packet.outer == Outer("vxlan", NODE_0, NODE_2, vni, dport, 8472, 64)
    assert (packet.src, packet.sport, packet.dst, packet.payload) == (src, sport, dst, payload)


frames = st.one_of(
    st.binary(max_size=200),
    st.binary(max_size=120).map(lambda body: bytes(12) + b"\x08\x00" + b"\x45" + body),
    st.binary(max_size=120).map(lambda body: on_the_wire(IP(proto=4) / Raw(body))),
    st.binary(max_size=120).map(lambda body: on_the_wire(IP() / ICMP(type=3) / Raw(body))),
    st.binary(max_size=120).map(lambda body: on_the_wire(IP() / UDP(dport=4789) / Raw(b"\x08" + body))),
)


@given(frames, st.booleans())
def test_garbage_is_read_as_far_as_it_goes_and_never_raises(frame: bytes, ethernet: bool) -> None:
    assert isinstance(decode(frame, ethernet=ethernet), Packet)


def test_tunnels_in_tunnels_in_tunnels_end() -> None:
    header = bytes(IP(src=POD_0, dst=POD_3, proto=4))
    endless = b"".join(header for _ in range(3000))
    unlimited = endless.replace(header[2:4], b"\0\0")  # a total length of 0: up to the end, as in super-frames
    assert decode(unlimited, ethernet=False).outer is not None


def test_an_unfinished_reset_is_named_by_its_flags() -> None:
    assert decode(on_the_wire(IP() / TCP(flags="RA"))).flag_names == ("RST", "ACK")
    assert decode(on_the_wire(IP() / TCP(flags="R"))).flags == RST
