"""Which visits are a request's own, where others had their packets reported in the same place.

pod-0:40000 ── node-0 ── pod-2: ours        pod-0:50000: another trace's, or the pod's own
"""

from __future__ import annotations

import pytest

from lab.map.labmap import LabMap
from lab.trace.ask.exchange import ANSWERED, Exchange
from lab.trace.explain.passage import Passage
from lab.trace.explain.rules.own import own
from lab.trace.explain.rules.visit import Stretch, Visit
from lab.trace.journey import DATA
from lab.trace.witness.netfilter.trace_message import RULE, TraceEvent
from tests.unit.trace.frames import echo, error, udp, vxlan

CLIENT, SERVER = "10.244.0.2", "10.244.0.66"


def exchange(protocol: str) -> Exchange:
    return Exchange(DATA, protocol, "pod-0", CLIENT, 40000, SERVER, 8080, b"", ANSWERED)


def visit(headers: bytes, place: str = "node-0") -> Visit:
    event = TraceEvent(place, 1, RULE, "ip", "filter", "FORWARD", 1, "drop", iif=2, headers=headers)
    return Visit(place, (Stretch("FORWARD", (event,)),))


@pytest.mark.parametrize(
    ("headers", "is_own"),
    [
        (udp(CLIENT, 40000, SERVER, 8080), True),
        (udp(SERVER, 8080, CLIENT, 40000), True),
        (udp(CLIENT, 50000, SERVER, 8080), False),
        (udp(SERVER, 8080, CLIENT, 50000), False),
        (error(CLIENT, udp(CLIENT, 40000, SERVER, 8080)), True),
        (echo(CLIENT, SERVER, 40000), False),
        (vxlan(udp(CLIENT, 40000, SERVER, 8080)), False),
    ],
    ids=["request", "answer", "another's request", "another's answer", "an error", "another protocol", "a tunnel's"],
)
def test_of_what_a_place_reports_some_is_anothers(headers: bytes, is_own: bool) -> None:
    mine = own(LabMap("lab"), [Passage(LabMap("lab"), exchange("udp"), ())], ())
    assert mine.has(visit(headers)) == is_own


@pytest.mark.parametrize(
    ("headers", "is_certain"),
    [
        (udp(CLIENT, 40000, SERVER, 8080), True),
        (udp(CLIENT, 50000, SERVER, 8080), False),
        (error(CLIENT, udp(CLIENT, 40000, SERVER, 8080)), False),
        (echo(CLIENT, SERVER, 40000), False),
        (vxlan(udp(CLIENT, 40000, SERVER, 8080)), False),
    ],
    ids=["request", "another's request", "an error", "another protocol", "a tunnel's that was not captured"],
)
def test_only_what_nobody_else_may_have_sent_ends_the_wait(headers: bytes, is_certain: bool) -> None:
    mine = own(LabMap("lab"), [Passage(LabMap("lab"), exchange("udp"), ())], ())
    assert mine.surely_has(visit(headers)) == is_certain
