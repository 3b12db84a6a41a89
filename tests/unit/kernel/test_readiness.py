"""Which answer of a DNS server says that it is ready. That labs wait for it is shown by the integration tests."""

from __future__ import annotations

import socket

import dns.flags
import dns.message
import dns.rcode
import pytest

from lab.kernel.readiness import _has_answer, _question


def test_the_question_is_one_for_an_address_of_that_name() -> None:
    asked = dns.message.from_wire(_question("ready-7.cluster.local"))
    assert [record.to_text() for record in asked.question] == ["ready-7.cluster.local. IN A"]
    assert asked.flags == dns.flags.RD


@pytest.mark.parametrize(
    ("status", "ready"),
    [
        (dns.rcode.NXDOMAIN, True),  # the zone is known, and such a name is not in it
        (dns.rcode.NOERROR, True),
        (dns.rcode.REFUSED, True),  # no zone of its own: somebody wrote such a Corefile
        (dns.rcode.SERVFAIL, False),  # a CoreDNS that has not heard all of the API server
    ],
    ids=str,
)
def test_only_a_server_that_does_not_know_yet_is_not_ready(status: dns.rcode.Rcode, ready: bool) -> None:
    answer = dns.message.make_response(dns.message.from_wire(_question("ready-0.cluster.local")))
    answer.set_rcode(status)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        ours.setblocking(False)
        assert not _has_answer(ours), "nothing was said yet"
        theirs.send(answer.to_wire())
        assert _has_answer(ours) == ready
