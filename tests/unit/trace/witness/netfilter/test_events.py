"""What the kernel really sent, read back as events, and as one visit of a packet per place."""

from __future__ import annotations

from base64 import b64decode

import pytest

from lab.kernel.netlink.netfilter import IPV4, SUBSYSTEM_LOG, Answer, answers
from lab.trace.explain.rules.visit import visits
from lab.trace.witness.netfilter import trace_message
from lab.trace.witness.netfilter.trace_message import LEGACY, NFTABLES, POLICY, RETURN, RULE, TraceEvent
from tests.unit.trace.witness.netfilter.recorded import MESSAGES


def recorded(place: str = "") -> list[TraceEvent]:
    """The events of the recorded messages, of one place or of all."""
    read = (trace_message.read(where, one) for where, text in MESSAGES for one in answers(b64decode(text)))
    return [one for one in read if one is not None and one.place in (place or one.place)]


def test_the_first_event_in_a_chain_has_the_packet_its_interface_and_its_connection() -> None:
    found = next(one for one in recorded("node-0") if one.table == "nat")
    assert (found.kind, found.family, found.table, found.chain, found.handle) == (RULE, "ip", "nat", "PREROUTING", 50)
    assert (found.verdict, found.jump_target, found.iif, found.oif) == ("jump", "cali-PREROUTING", 5, 0)
    assert (found.direction, found.state, bool(found.connection)) == ("original", "new", True)
    packet = found.packet
    assert packet is not None
    assert (packet.src, packet.dst, packet.dport, packet.flag_names) == ("10.244.0.2", "172.16.10.10", 80, ("SYN",))
    assert found.ethernet.startswith(b"\xee\xee\xee\xee\xee\xee"), "Calico's gateway has the same MAC everywhere"


def test_the_rule_that_chose_the_endpoint_accepts_and_has_no_headers_of_its_own() -> None:
    found = next(one for one in recorded() if one.chain.startswith("KUBE-SEP-"))
    assert (found.handle, found.verdict, found.packet) == (27, "accept", None)


def test_the_end_of_a_chain_is_kept_only_where_it_is_the_first_to_tell_of_the_packet() -> None:
    (found,) = (one for one in recorded() if one.kind == RETURN)
    assert (found.place, found.chain, found.handle, bool(found.headers)) == ("router", "FORWARD", 0, True)


def test_a_policy_tells_what_it_is() -> None:
    found = next(one for one in recorded("router") if one.kind == POLICY)
    assert (found.table, found.chain, found.verdict) == ("filter", "FORWARD", "accept")


def test_a_drop_is_a_rule_with_that_verdict() -> None:
    *_, found = recorded("node-2")
    assert (found.chain, found.handle, found.verdict) == ("INPUT", 117, "drop")


def test_a_line_of_iptables_legacy_names_the_rule_by_its_number() -> None:
    found = next(one for one in recorded() if one.origin == LEGACY)
    assert (found.table, found.chain, found.kind, found.handle) == ("filter", "FORWARD", RULE, 1)
    assert (found.hook, found.iif, found.oif, found.id) == ("FORWARD", 2, 3, 0)
    assert found.packet is not None and (found.packet.dst, found.packet.dport) == ("10.0.2.10", 4789)


@pytest.mark.parametrize("length", [0, 3, 15, 16, 19, 20, 40, 90])
def test_a_message_that_is_cut_short_is_no_reason_to_fail(length: int) -> None:
    for _, text in MESSAGES:
        for one in answers(b64decode(text)[:length]):
            trace_message.read("node-0", one)


def test_what_is_no_trace_is_not_read() -> None:
    assert trace_message.read("node-0", Answer(SUBSYSTEM_LOG << 8, IPV4, memoryview(b""))) is None
    assert trace_message.read("node-0", Answer(0x0A0F, IPV4, memoryview(b""))) is None


def test_a_packet_and_what_the_tunnel_makes_of_it_are_two_visits() -> None:
    plain, wrapped = visits(recorded("node-0"), {})
    assert [stretch.hook for stretch in plain.stretches] == ["PREROUTING", "PREROUTING", "FORWARD", "POSTROUTING"]
    assert [stretch.packet.dst for stretch in plain.stretches] == 2 * ["172.16.10.10"] + 2 * ["10.244.0.129"]
    assert [stretch.hook for stretch in wrapped.stretches] == ["OUTPUT", "OUTPUT"]
    assert (plain.arrived, wrapped.arrived) == (True, False)


def test_what_iptables_legacy_tells_joins_the_visit_of_its_packet() -> None:
    (visit,) = visits(recorded("router"), {})
    assert [(stretch.hook, stretch.events[0].origin) for stretch in visit.stretches] == [
        ("PREROUTING", NFTABLES),
        ("FORWARD", NFTABLES),
        ("FORWARD", LEGACY),
    ]


def test_an_id_that_is_used_again_is_another_packet() -> None:
    once = recorded("node-2")
    assert len(visits([*once, *once], {})) == 2
