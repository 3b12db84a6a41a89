"""What belongs to one packet in one place, also where a bridge's rules saw a copy of it; and what waits in a queue."""

from __future__ import annotations

from dataclasses import replace

from lab.trace.explain.rules.visit import visits
from lab.trace.witness.netfilter.trace_message import POLICY, QUEUE, RETURN, TraceEvent
from lab.trace.witness.netfilter.trace_table import TABLE
from tests.unit.trace.explain.rules.test_attach import Sightings, headers
from tests.unit.trace.witness.netfilter.test_events import recorded


def of_node_0() -> list[TraceEvent]:
    """The first packet there: our own table's event, and its way to the DNAT."""
    told = list(recorded("node-0"))
    return [one for one in told if one.id == told[0].id]


def test_a_copy_with_another_id_goes_on_where_the_packet_was() -> None:
    told = of_node_0()
    forward = next(number for number, one in enumerate(told) if one.chain == "FORWARD")
    copied = [*told[:forward], *(replace(one, id=one.id + 1) for one in told[forward:])]
    whole, joined = visits(told, {}), visits(copied, {})
    assert len(whole) == len(joined) == 1
    assert [one.hook for one in joined[0].stretches] == [one.hook for one in whole[0].stretches]


def test_another_packet_on_the_same_way_is_a_visit_of_its_own() -> None:
    told = of_node_0()
    again = [replace(one, id=one.id + 1) for one in told]
    assert again[0].table == TABLE
    assert len(visits([*told, *again], {})) == 2


def test_a_packet_that_no_program_gave_back_ended_in_its_queue() -> None:
    told = of_node_0()
    last = next(number for number, one in enumerate(told) if one.chain == "FORWARD")
    queued = [*told[:last], replace(told[last], verdict=QUEUE, jump_target="")]
    seen = Sightings()
    hop = seen.add("node-0", "cali1", "in", headers("node-0", "prerouting", TABLE))
    found = seen.joined(queued)
    assert found.decisions[hop][-1].verdict == QUEUE
    assert not found.ended, "a sighting shows it"


def test_what_its_own_place_put_in_a_queue_is_told_without_a_sighting() -> None:
    sent = next(one for one in recorded("node-0") if one.chain == "output")
    waiting = replace(sent, table="filter", chain="OUTPUT", verdict=QUEUE)
    (ended,) = Sightings().joined([sent, waiting]).ended
    assert (ended.place, ended.decisions[-1].verdict) == ("node-0", QUEUE)


def test_of_two_traces_that_mean_a_packet_the_first_begins_its_visit() -> None:
    told = of_node_0()
    assert told[0].table == TABLE
    twice = visits([told[0], *told], {})
    assert [one.stretches for one in twice] == [one.stretches for one in visits(told, {})]


def test_what_the_table_of_a_trace_says_that_does_not_mean_a_packet_begins_nothing() -> None:
    told = of_node_0()
    passed = (replace(told[0], kind=RETURN), replace(told[0], kind=POLICY, headers=b"", iif=0))
    beside = visits([told[0], *passed, *told[1:]], {})
    assert [one.stretches for one in beside] == [one.stretches for one in visits(told, {})]


def test_an_id_that_another_traces_packet_has_now_begins_a_visit() -> None:
    told = of_node_0()
    other = next(one for one in recorded("node-0") if one.table == TABLE and one.id != told[0].id)
    assert len(visits([*told, replace(other, id=told[0].id)], {})) == 2
