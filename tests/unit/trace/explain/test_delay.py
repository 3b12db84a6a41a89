"""Where a request was held, and by which impairment: told at the hop that leaves there."""

from __future__ import annotations

from dataclasses import replace

from lab.map.labmap import LabMap
from lab.network.underlay.netem_device import Impaired
from lab.trace.explain.delay import decisions, named
from lab.trace.journey import DATA, KERNEL, Decision, Journey
from lab.trace.show import story
from tests.unit.trace.recordings import journey

NETEM = Impaired("node-0", "eth0", "delay 20ms 5ms loss 1%", "netem", "bad-line.yaml:6", delay=20_000, loss=1.0)
TBF = Impaired("node-0", "eth0", "rate 10mbit", "tbf", rate=10_000_000)


def slow(milliseconds: int, one: Impaired) -> Journey:
    """A recorded journey whose packets leave node-0 so much later, as it is told."""
    told = journey("delivered-vxlan")
    late, hops = 0, []
    for hop in told.hops:
        if (hop.place, hop.interface, hop.way) == ("node-0", "eth0", "out"):
            late += milliseconds * 1_000_000
        hops.append(replace(hop, t_ns=hop.t_ns + late))
    held = decisions(LabMap("lab", impaired=(one,)), hops)
    return replace(told, hops=tuple(replace(hop, decisions=held.get(n, ())) for n, hop in enumerate(hops)))


def test_a_delay_is_told_where_the_packet_left() -> None:
    told = slow(20, NETEM)
    (hop,) = [one for one in told.hops if one.decisions and one.phase == DATA]
    assert (hop.place, hop.interface, hop.way, hop.direction) == ("node-0", "eth0", "out", "request")
    (decision,) = hop.decisions
    assert decision.kind == "impairment"
    assert decision.text == "netem dev eth0: delay 20ms 5ms loss 1%"
    assert decision.verdict.startswith("held 20.")
    assert decision.intent == "impairment of node-0/eth0 (bad-line.yaml:6)"
    said = [line.text for line in story.tell(told)]
    assert any("└ impairment  netem dev eth0: delay 20ms 5ms loss 1%" in line for line in said), said
    assert any("held 20." in line and "bad-line.yaml:6" in line for line in said), said


def test_a_rate_is_told_where_it_held_something() -> None:
    assert any(hop.decisions for hop in slow(3, TBF).hops)
    assert not any(hop.decisions for hop in slow(0, TBF).hops)


def test_the_rule_that_loses_is_called_an_impairment() -> None:
    rule = Decision("rule", "-A POSTROUTING -o eth0 -j DROP", KERNEL, intent="impairment of node-0/eth0")
    other = replace(rule, intent="firewall of node-0 (bad-line.yaml:6)")
    assert [one.kind for one in named((rule, other))] == ["impairment", "rule"]
