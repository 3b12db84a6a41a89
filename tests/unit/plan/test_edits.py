"""How rules become others: with the fewest lines, and none that stays is touched."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from lab.plan.edits import edits, kept

RULES = [f"-j R{number}" for number in range(2_000)]


def lines(have: list[str], want: list[str]) -> list[str]:
    return [line.rstrip("\n") for line in edits("C", have, want)]


def done(have: list[str], told: list[str]) -> list[str]:
    rules = list(have)
    for line in told:
        verb, _, rest = line.partition(" C ")
        number, _, text = rest.partition(" ")
        if verb == "-A":
            rules.append(rest)
        elif verb == "-I":
            rules.insert(int(number) - 1, text)
        else:
            assert verb == "-D"
            del rules[int(number) - 1]
    return rules


def test_rules_that_come_in_many_places_are_a_line_each() -> None:
    want = list(RULES)
    for number in range(0, 2_000, 100):
        want.insert(number, f"-j NEW{number}")
    told = lines(RULES, want)
    assert len(told) == 20
    assert {line.split()[0] for line in told} == {"-I"}
    assert done(RULES, told) == want


def test_rules_that_go_from_many_places_are_a_line_each() -> None:
    want = [rule for number, rule in enumerate(RULES) if number % 500]
    told = lines(RULES, want)
    assert [line.split()[0] for line in told] == ["-D"] * 4
    assert done(RULES, told) == want


def test_a_rule_that_moves_is_there_twice_before_it_is_there_once() -> None:
    told = lines(["-j A", "-j B", "-j C"], ["-j B", "-j C", "-j A"])
    assert told == ["-A C -j A", "-D C 1"]


def test_two_equal_rules_are_told_apart_by_their_place() -> None:
    have, want = ["-j A", "-j B", "-j A"], ["-j A", "-j A", "-j B", "-j A"]
    assert done(have, lines(have, want)) == want


@given(st.integers(0, 2**32))
def test_fifty_rules_become_any_others(seed: int) -> None:
    dice = random.Random(seed)
    have = dice.sample(RULES, 50)
    want = [rule for rule in have if dice.random() < 0.8]
    for rule in dice.sample(RULES, 10):
        want.insert(dice.randrange(len(want) + 1), rule)
    told = lines(have, want)
    assert done(have, told) == want
    verbs = [line[:2] for line in told]
    assert verbs == sorted(verbs, key=lambda verb: verb == "-D"), "what is new is there before anything goes"
    assert len(told) == len(have) + len(want) - 2 * len(kept(have, want))


def test_what_stays_is_in_the_same_order_in_both() -> None:
    have, want = ["a", "b", "c", "d", "e"], ["d", "x", "b", "c", "e"]
    stays = kept(have, want)
    assert [have[here] for here, _ in stays] == [want[there] for _, there in stays] == ["b", "c", "e"]
