"""A packet in scapy's words is read, never evaluated; a mistake is told with its place, hostile text within bounds."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.errors import UsageError
from lab.trace.ask.crafted.expression import MOST_LETTERS, Argument, Call, Expression, Listing, Literal, parse


def test_layers_fields_and_what_is_carried() -> None:
    assert parse('IP(dst="10.244.0.129")/TCP(dport=0x50, flags = "S", ) / b"a\\x00\\n"') == Expression(
        'IP(dst="10.244.0.129")/TCP(dport=0x50, flags = "S", ) / b"a\\x00\\n"',
        (
            Call(0, "IP", (Argument(3, "dst", Literal(7, "10.244.0.129")),)),
            Call(23, "TCP", (Argument(27, "dport", Literal(33, 80)), Argument(39, "flags", Literal(47, "S")))),
            Literal(56, b"a\x00\n"),
        ),
    )
    (dns,) = parse("DNS(qd=[DNSQR(qname='a'), DNSQR()])").layers
    assert isinstance(dns, Call)
    assert dns.arguments[0].term == Listing(
        7, (Call(8, "DNSQR", (Argument(14, "qname", Literal(20, "a")),)), Call(26, "DNSQR", ()))
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "--packet:1:1: the packet ends here"),
        ("IP(", "--packet:1:4: the packet ends here"),
        ("IP()/", "--packet:1:6: the packet ends here"),
        ("IP() TCP()", "--packet:1:6: unexpected 'TCP'"),
        ("IP()//TCP()", "--packet:1:6: unexpected '/'"),
        ("IP", "--packet:1:1: 'IP' is a bare name"),
        ("IP(dst=host)", "--packet:1:8: 'host' is a bare name"),
        ("IP(dst='10.0.0.1)", "--packet:1:8: unexpected a text that does not end"),
        ("IP(ttl=1.5)", "--packet:1:8: '1.' is no number"),
        ("IP(ttl=-1)", "--packet:1:8: unexpected '-'"),
        ("IP(ttl=64 tos=0)", "--packet:1:11: 'tos' where , or ) should be"),
        ("IP(ttl=64)\n/TCP(dport=[80 81])", "--packet:2:16: '81' where , or ] should be"),
        ("IP()/b'ł'", "--packet:1:8: bytes are letters of ASCII"),
        ("IP()/'\\q'", "--packet:1:7: '\\\\q' means nothing"),
        ("80/IP()", "--packet:1:1: a layer is missing here"),
        ("__import__('os').system('id')", "--packet:1:17: unexpected '.'"),
        ("IP(dst=(lambda: 0)())", "--packet:1:9: 'lambda' is a bare name"),
        ("IP(dst=[x for x in y])", "--packet:1:9: 'x' is a bare name"),
        ("IP(**{})", "--packet:1:4: unexpected '*'"),
        ("IP(dst=f'{id}')", "--packet:1:8: 'f' is a bare name"),
        ("(" * 5000, "nested more than 8 deep"),
        ("IP(dst=" * 5000, "nested more than 8 deep"),
        ("IP()" + "/IP()" * 33, "more than 32 layers"),
        ("IP(ttl=" + "9" * 90_000 + ")", "--packet:1:8: a number of 90000 digits"),
        ("IP(" + "ttl=1," * 70 + ")", "more than 64 fields"),
        ("a" * (MOST_LETTERS + 1), "letters are too many"),
        ("A" * 1_000_000, "letters are too many"),
    ],
)
def test_a_mistake_has_its_place(text: str, told: str) -> None:
    began = time.process_time()
    with pytest.raises(UsageError) as refused:
        parse(text)
    assert told in refused.value.message
    assert refused.value.hint
    assert len(refused.value.message) < 200
    assert time.process_time() - began < 1


@given(st.text(alphabet=st.sampled_from(list("IPTCUD()[]/,=\"'\\b x0189é\n.-_*")), max_size=60) | st.text(max_size=60))
def test_whatever_is_typed_is_a_packet_or_a_mistake(text: str) -> None:
    try:
        parse(text)
    except UsageError as refused:
        assert refused.message.startswith("--packet")
