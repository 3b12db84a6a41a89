"""How many of a pod's connections are told: what is watched, at any rate, loses little by it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.trace.follow.throttle import TURNS, WHOLE, Load, Pace

COST, HIDDEN_COST = 0.012, 0.00006  # seconds of a processor
PROCESSORS = 2


def told(rate: float, pace: Pace) -> float:
    """Connections a second."""
    return rate / pace.near / (TURNS if pace.near > 1 else 1)


def settled(rate: float, *, busy: bool, hidden: float = 0.0, pace: Pace | None = None, looks: int = 60) -> Pace:
    """The pace after so many looks of a second at a pod that begins so many connections, with clients that take all
    of the machine or none of it.
    """
    pace = pace or Pace()
    for _ in range(looks):
        connections, packets = rate / pace.near, hidden / max(pace.near, pace.hidden)
        spent = connections * COST + packets * HIDDEN_COST
        own = min(told(rate, pace) * COST + packets * HIDDEN_COST, 1.0)
        spare = own if busy else PROCESSORS
        pace.follow(Load(round(connections), connections, packets, spent, 1.0, spare, PROCESSORS), missed=False)
    return pace


@pytest.mark.parametrize("busy", [True, False])
def test_few_connections_are_told_whole(busy: bool) -> None:
    assert settled(WHOLE - 1, busy=busy).near == 1


@pytest.mark.parametrize("rate", [160, 4_700, 30_000])
def test_a_busy_machine_loses_a_few_hundredths_and_something_is_told_all_the_time(rate: float) -> None:
    pace = settled(rate, busy=True)
    assert told(rate, pace) * COST <= 0.05 * PROCESSORS
    assert told(rate, pace) >= 1.5


def test_an_idle_machine_gives_what_it_has_left() -> None:
    assert 5 < told(160, settled(160, busy=False)) < 25
    assert settled(4_700, busy=False).near < settled(4_700, busy=True).near


def test_when_it_gets_quieter_all_are_told_again_and_not_before() -> None:
    pace = settled(4_700, busy=True)
    assert pace.near > 16
    before = pace.near
    assert settled(4_700, busy=True, pace=pace).near == before, "it stays where it is"
    assert settled(20, busy=False, pace=pace).near == 1


def test_what_others_send_beside_a_nat_leaves_the_pods_own_alone() -> None:
    pace = settled(20, busy=True, hidden=40_000)
    assert pace.near == 1
    assert 40_000 / pace.hidden * HIDDEN_COST <= 0.05 * PROCESSORS
    assert settled(20, busy=False, hidden=10, pace=pace).hidden == 1


def test_what_comes_faster_than_it_is_read_is_thinned_at_once() -> None:
    few = Load(30, 30.0, 0.0, 0.4, 1.0, 1.5, PROCESSORS)
    pace = Pace()
    assert not pace.follow(few, missed=False)
    assert pace.follow(few, missed=True)
    assert pace.near == 2
    assert pace.follow(replace(few, behind=10.0), missed=False), "nor does anybody watch what was long ago"
