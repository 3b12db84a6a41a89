"""Our DNS coder agrees with dnspython, and shrugs at garbage."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.trace.ask import question

MYAPP = "myapp.namespace001.svc.cluster.local"
labels = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=20)
names = st.lists(labels, min_size=1, max_size=5).map(".".join)


@given(ident=st.integers(0, 65535), name=names, kind=st.sampled_from([question.A, question.AAAA]))
def test_dnspython_reads_our_question(ident: int, name: str, kind: int) -> None:
    message = dns.message.from_wire(question.ask(ident, name, kind))
    assert (message.id, message.flags) == (ident, dns.flags.RD)
    assert str(message.question[0].name) == name + "."
    assert message.question[0].rdtype == kind


def answered(name: str, *records: tuple[str, str, str], rcode: str = "NOERROR") -> bytes:
    reply = dns.message.make_response(dns.message.make_query(name, "A", id=7), recursion_available=True)
    reply.set_rcode(dns.rcode.from_text(rcode))
    reply.answer = [dns.rrset.from_text(owner, 30, "IN", kind, value) for owner, kind, value in records]
    wire: bytes = reply.to_wire()
    return wire


def test_the_address_of_a_service() -> None:
    answer = question.read(answered(MYAPP, (MYAPP + ".", "A", "172.16.10.10")))
    assert answer == question.Answer(7, MYAPP, question.NOERROR, ("172.16.10.10",))


def test_an_alias_is_followed_to_its_address() -> None:
    answer = question.read(
        answered("db.ns.svc.cluster.local", ("db.ns.svc.cluster.local.", "CNAME", "www.example.com."),
                 ("www.example.com.", "A", "203.0.113.80"), ("other.example.com.", "A", "203.0.113.81"))
    )  # fmt: skip
    assert answer is not None
    assert answer.addresses == ("203.0.113.80",)
    assert answer.alias == "www.example.com"


def test_an_answer_that_did_not_fit_says_so() -> None:
    reply = dns.message.from_wire(answered(MYAPP))
    reply.flags |= dns.flags.TC
    answer = question.read(reply.to_wire())
    assert answer is not None
    assert answer.truncated


def test_an_answer_in_words() -> None:
    assert question.words(answered(MYAPP, (MYAPP + ".", "A", "172.16.10.10"))) == "NOERROR, 172.16.10.10"
    assert question.words(answered(MYAPP, rcode="SERVFAIL")) == "SERVFAIL"
    assert question.words(b"hello") == "an answer that is not DNS"


def test_no_such_name() -> None:
    answer = question.read(answered("nobody.cluster.local", rcode="NXDOMAIN"))
    assert answer is not None
    assert (answer.status, answer.addresses) == ("NXDOMAIN", ())


def test_a_question_is_not_an_answer() -> None:
    assert question.read(question.ask(1, MYAPP)) is None


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64, "é.example", ".".join(["abcdefghi"] * 30)])
def test_what_cannot_be_a_name_is_not_asked_for(name: str) -> None:
    with pytest.raises(ValueError, match="is not a DNS name"):
        question.ask(1, name)


@given(st.binary(max_size=100), st.integers(0, 120))
def test_garbage_and_answers_cut_short_are_no_answers(tail: bytes, cut: int) -> None:
    whole = answered(MYAPP, (MYAPP + ".", "A", "172.16.10.10"))
    question.read(whole[:cut])
    question.read(whole[:12] + tail)
    question.read(tail)


@pytest.mark.parametrize("name", [b"\xc0\x0c", b"\x01a\xc0\x0c"], ids=["at itself", "at its own start"])
def test_a_name_that_points_at_itself_ends(name: bytes) -> None:
    header = b"\0\7\x81\x80\0\1\0\0\0\0\0\0"
    assert question.read(header + name + b"\0\1\0\1") is None
