"""One journey, many renderings: the story with its reasons, lines for assertions, a difference, figures, comments."""

from __future__ import annotations

import io
import json
import os
from dataclasses import replace

import pytest

from lab.errors import UsageError
from lab.trace.explain.deciding import deciding
from lab.trace.journey import Decision, Journey
from lab.trace.show import minimal, reasons, story, summary
from lab.trace.show.journey_json import read_journey
from lab.trace.show.tracediff import difference
from lab.trace.show.wireshark import comment, record
from tests.unit.trace import decided
from tests.unit.trace.recordings import GOLDEN, NAMES, journey

DECIDED = {"delivered-vxlan": decided.delivered, "lost-at-firewall": decided.lost}


def again(one: Journey, port: int = 40404, later: int = 5_000_000) -> Journey:
    """The same journey at another time, from another of the client's ports."""
    ours = one.part("data", "request")[0].packet.sport
    hops = []
    for hop in one.hops:
        packet = hop.packet
        if ours in (packet.sport, packet.dport):
            packet = replace(
                packet,
                sport=port if packet.sport == ours else packet.sport,
                dport=port if packet.dport == ours else packet.dport,
            )
        reasons_ = tuple(replace(d, text=d.text.replace(str(ours), str(port))) for d in hop.decisions)
        hops.append(replace(hop, packet=packet, t_ns=hop.t_ns + later, decisions=reasons_))
    return replace(one, hops=tuple(hops), duration_us=one.duration_us + 77)


def golden(name: str, told: str) -> None:
    file = GOLDEN / name
    if os.environ.get("HOPLAB_WRITE_GOLDEN"):
        file.write_text(told, encoding="utf-8")
    assert told == file.read_text(encoding="utf-8"), f"if this is how it should be, write {name} anew"


@pytest.mark.parametrize("name", DECIDED)
def test_the_story_with_its_reasons_reads_as_in_its_file(name: str) -> None:
    told = story.tell(DECIDED[name]())
    golden(f"{name}.decided.txt", "".join(f"{line.text}\n" for line in told))
    assert all(len(line.text) <= 100 for line in told)


def test_verbose_tells_every_decision_whole() -> None:
    told = "\n".join(line.text for line in story.tell(decided.delivered(), verbose=True))
    assert f"├ rule: {decided.SVC.text}" in told
    assert "└ nat: 10.244.0.2:47949 → 172.16.10.10:80 became" in told


def test_of_many_decisions_the_one_that_made_the_difference_is_told() -> None:
    hops = decided.delivered().part("data", "request")
    found = {hop.place: deciding(hops)[hop.seq] for hop in hops if hop.seq in deciding(hops)}
    assert found == {"node-0": decided.FDB, "router": decided.ROUTER, "node-2": decided.LET_IN}
    assert decided.SEP in deciding(hops).values(), "the rule that chose weighs more than what conntrack noted of it"


def test_an_answer_that_does_not_fit_what_was_captured_is_always_told() -> None:
    odd = Decision(
        "neighbour", "10.0.1.1 dev eth0", "queried", verdict="not what was seen: it was sent to 02:00:00:00:00:01"
    )
    one = decided.decided(journey("delivered-vxlan"), {("router", "eth1", "out"): (decided.ROUTER, odd)})
    assert any("not what was seen" in line.text for line in story.tell(one))


@pytest.mark.parametrize("room", [40, 60, 80, 88])
def test_a_long_rule_loses_its_middle_and_keeps_chain_and_target(room: int) -> None:
    short = reasons.shortened(decided.SVC.text, room)
    assert len(short) <= room
    assert short.startswith("-A KUBE")
    if room >= 60:
        assert short.endswith("-j KUBE-SVC-5GZNV2EJ4RZUKAAG")


@pytest.mark.parametrize(
    "name", ["delivered-vxlan", "lost-at-firewall", "delivered-outside", "unresolved", "lost-question"]
)
def test_the_lines_for_assertions_are_as_in_their_file(name: str) -> None:
    golden(f"{name}.minimal.txt", "".join(f"{line}\n" for line in minimal.tell(journey(name))))


@pytest.mark.parametrize("name", [name for name in NAMES if journey(name).part("data", "request")])
def test_neither_lines_nor_difference_know_of_times_and_clients_ports(name: str) -> None:
    one = journey(name)
    assert minimal.tell(again(one)) == minimal.tell(one)
    assert difference(one, again(one)) == ()


@pytest.mark.parametrize("name", NAMES)
def test_a_journey_is_read_back_as_it_was_written(name: str) -> None:
    one = DECIDED[name]() if name in DECIDED else journey(name)
    written = json.loads(json.dumps(one.to_json()))
    assert read_journey(json.dumps(written), "a.json").to_json() == written


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"schema": "hoplab.trace/vX"}', '{"schema": "hoplab.trace/v2"}', "\x00"]
)
def test_what_is_no_journey_is_refused_with_the_files_name(text: str) -> None:
    with pytest.raises(UsageError, match=r"a\.json"):
        read_journey(text, "a.json")


def test_the_first_difference_is_the_rule_that_drops() -> None:
    told = difference(decided.delivered(), again(decided.lost()))
    where, before, *others = told
    assert "step 5 firewall, at node-2" in where
    assert decided.LET_IN.text in before
    assert any(line.startswith("  now") and decided.DROPPED.text in line for line in others)


def test_without_decisions_the_first_difference_is_where_it_ended() -> None:
    told = "\n".join(difference(journey("delivered-vxlan"), journey("lost-at-firewall")))
    assert "before  node-2  → vxlan.calico" in told
    assert "now     nothing was seen any more" in told
    assert "lost at node-2 (firewall), on the way there" in told


def test_another_endpoint_is_a_difference_where_it_was_chosen() -> None:
    told = "\n".join(difference(journey("delivered-vxlan"), journey("delivered-same-subnet")))
    assert "at node-0" in told
    assert "10.244.0.129:8080" in told
    assert "10.244.0.66:8080" in told


def test_another_question_is_said_first() -> None:
    assert difference(journey("delivered-vxlan"), journey("delivered-udp"))[0] == (
        "the first difference: the requests differ"
    )


def test_figures_of_many_requests() -> None:
    delivered = journey("delivered-vxlan")
    took = [replace(delivered, duration_us=us) for us in (900, 1100, 4000)]
    other = replace(delivered, answered_by="namespace001/pod-2", duration_us=500)
    found = summary.summarize([*took, other, decided.lost(), decided.lost()])
    assert found.answered == {"namespace001/pod-3": 3, "namespace001/pod-2": 1}
    assert found.verdicts == {"delivered": 4, "refused": 0, "lost": 2, "unresolved": 0}
    assert found.latency == summary.Latency(500, 1000, 4000)
    assert [(one.place, one.cause, one.count) for one in found.endings] == [("node-2", "firewall-drop", 2)]
    assert json.loads(json.dumps(found.to_json()))["latency_us"] == {"min": 500, "median": 1000, "max": 4000}
    told = "\n".join(summary.tell(found))
    assert "75 %  namespace001/pod-3" in told
    assert "0.5 / 1.0 / 4.0 ms" in told


def test_figures_of_requests_that_all_were_lost_have_no_latency() -> None:
    found = summary.summarize([decided.lost()])
    assert found.latency is None
    assert found.to_json()["latency_us"] is None


def test_a_packets_comment_has_all_that_decided() -> None:
    one = decided.delivered()
    hop = next(hop for hop in one.hops if len(hop.decisions) == 4)
    first, *others = comment(hop).splitlines()
    assert first == f"hop {hop.seq}: data request, step 2, service"
    assert others == [reasons.whole(decision) for decision in hop.decisions]
    stream = io.BytesIO()
    record(one, stream)
    assert decided.SEP.text.encode() in stream.getvalue()
