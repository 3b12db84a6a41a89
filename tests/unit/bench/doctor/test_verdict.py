"""What counts as found, and what is drawn."""

from __future__ import annotations

import pytest

from bench.doctor.case import BROKEN, Case, Fault, cases
from bench.doctor.table import as_table
from bench.doctor.verdict import Outcome, Said, said
from lab.trace.journey import Mending

ONE = Fault("vxlan-blocked", "router")
OTHER = Fault("server-dead", "namespace001/pod-2")
TAKEN_OUT = (Mending("router", "iptables -D FORWARD -j DROP"),)
BLOCKED = Said("firewall-drop", "-A FORWARD -j DROP", frozenset(("router",)), TAKEN_OUT)
DEAD = Said("nobody-listens", "8080", frozenset(("namespace001/pod-2",)))
NOTHING = Said("unknown", "", frozenset(("router",)))


@pytest.mark.parametrize(
    ("faults", "looks", "named"),
    [
        ((ONE,), ((BLOCKED, DEAD),), True),
        ((ONE,), ((DEAD, BLOCKED),), False),
        ((ONE,), ((NOTHING,),), False),
        ((ONE,), ((),), False),
        ((ONE, OTHER), ((BLOCKED, DEAD),), True),
        ((ONE, OTHER), ((BLOCKED,), (DEAD,)), True),
        ((ONE, OTHER), ((BLOCKED,), ()), False),
    ],
    ids=["first", "second", "without a reason", "healthy", "both at once", "after mending", "one of them"],
)
def test_it_is_named(faults: tuple[Fault, ...], looks: tuple[tuple[Said, ...], ...], named: bool) -> None:
    assert Outcome(Case("calico", faults), looks, mended=True).named is named


def test_the_places_of_a_finding_are_those_of_its_commands_too() -> None:
    fix = [{"place": "router", "command": "iptables -D FORWARD 1", "held_by": None}]
    (told,) = said({"findings": [{"cause": "firewall-drop", "object": "x", "places": ["node-2"], "fix": fix}]})
    assert told.is_about(ONE)
    assert told.fix == (Mending("router", "iptables -D FORWARD 1"),)


def test_the_table_tells_what_was_not_right() -> None:
    right = Outcome(Case("calico", (ONE,)), ((BLOCKED,),), mended=True)
    wrong = Outcome(Case("calico", (OTHER,)), ((BLOCKED,),), mended=False, clean=False)
    told = as_table(7, "6.1", (right, wrong))
    assert told.startswith("seed 7, Linux 6.1: of 2 faults 1 (50.0 %) named at first")
    assert "server-dead on namespace001/pod-2: not named, the fixes do not mend, clearing left something" in told
    assert "said  firewall-drop at router: -A FORWARD -j DROP" in told


def test_the_seed_draws_the_same_again_and_pairs_are_of_two_faults() -> None:
    drawn = cases(7, 20, 30)
    assert drawn == cases(7, 20, 30)
    assert drawn != cases(8, 20, 30)
    pairs = [one for one in drawn if len(one.faults) == 2]
    assert (len(drawn), len(pairs)) == (50, 30)
    assert all(one.faults[0].name != one.faults[1].name for one in pairs)


def test_without_a_number_it_is_every_fault_of_every_lab() -> None:
    every = cases(7, 0, 0)
    assert len(every) > 400
    assert {one.configuration for one in every} == {one.name for one in BROKEN}
