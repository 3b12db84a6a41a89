"""The figures by which watching keeps its pace, also where more comes than is read."""

from __future__ import annotations

import time

import pytest

from lab.trace.follow.hearing import MOST, Round
from lab.trace.follow.meter import Meter
from lab.trace.witness.observation import Capture, Observation
from lab.trace.witness.packet import Packet

POD, PLACE, ROUTER = "10.244.0.2", "namespace001/pod-0", "router"
OWN = Packet("tcp", POD, 40000, "10.244.0.129", 8080)
HIDDEN = Packet("tcp", "10.0.1.10", 40000, "203.0.113.80", 80)
MS = 1_000_000
NOW = 1_800_000_000 * 1000 * MS


def seen(place: str, packet: Packet, count: int, since_ns: int, every_ns: int) -> list[Observation]:
    return [Observation(Capture(place, "eth0", "out", since_ns + one * every_ns), packet) for one in range(count)]


@pytest.fixture
def meter(monkeypatch: pytest.MonkeyPatch) -> Meter:
    """One whose wall clock has gone on by a second at every look."""
    ticks = iter(range(1000))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))
    monkeypatch.setattr(time, "time_ns", lambda: NOW)
    return Meter(PLACE, (POD,))


def test_a_rate_is_what_came_in_the_time_in_which_it_came(meter: Meter) -> None:
    meter.count(20, seen(PLACE, OWN, 20, NOW, MS) + seen(ROUTER, HIDDEN, 60, NOW, MS), Round(ended_ns=NOW + 500 * MS))
    load = meter.load(NOW + 500 * MS)
    assert load is not None
    assert load.connections == pytest.approx(40, rel=0.01)
    assert load.hidden == pytest.approx(120, rel=0.01), "the pod's own are not meant"


def test_of_a_flood_the_stamps_say_how_long_a_round_was(meter: Meter) -> None:
    flood = seen(PLACE, OWN, MOST, NOW, 40_000)
    seen_all = flood + seen(ROUTER, HIDDEN, 10, NOW, MS)
    one = Round(tuple(observation.capture for observation in seen_all), ended_ns=NOW + 500 * MS)
    meter.count(MOST // 10, seen_all, one)
    load = meter.load(NOW + 500 * MS)
    assert load is not None
    assert load.connections == pytest.approx(2500, rel=0.01)
    assert load.hidden == pytest.approx(20, rel=0.01), "which had room in the round"


def test_too_few_say_nothing_yet(meter: Meter) -> None:
    meter.count(1, seen(PLACE, OWN, 1, NOW, MS), Round(ended_ns=NOW + 500 * MS))
    assert meter.load(NOW + 500 * MS) is None
