"""Two minutes of whatever may be done to a lab, with a seed that nobody has seen before: `bench --attack` in small.

Broken lines, texts, requests and frames, strangers' connections, narrow limits, SIGKILL, commands crosswise: every end
is clear, others are answered in time, and afterwards `up`, `trace` and `down` work and nothing is left. The seed of a
failure is in what it says: `./inv bench --attack 100 --seed N` draws the same.
"""

from __future__ import annotations

import random
import sys

import pytest

from bench.attack.answers import Answer
from bench.attack.kinds.attempt import Kind
from bench.attack.run import attacked, told
from bench.attack.tally import DONE, REFUSED, Tally

SECONDS, EACH = 90.0, 100


def test_two_minutes_of_everything(capsys: pytest.CaptureFixture[str]) -> None:
    seed = random.SystemRandom().randrange(1, 10**6)
    with capsys.disabled():
        sys.stdout.write(f"attacking with seed {seed}\n")
    tally, figures = attacked(EACH, seed, SECONDS)
    assert not tally.failures, told(seed, tally, figures)
    assert len(tally.counts) >= 5, told(seed, tally, figures)


def test_an_end_that_helps_nobody_is_found() -> None:
    assert Answer(0, "", "").outcome == DONE
    assert Answer(2, "", "hoplab: error: no\n").outcome == REFUSED
    for bad in (
        Answer(None, "", ""),
        Answer(70, "", "hoplab: internal error: KeyError\n"),
        Answer(1, "", "Traceback (most recent call last):\n"),
        Answer(1, "", "hoplab: error: defect in the agent: KeyError\n"),
        Answer(139, "", ""),
        Answer(1, "", ""),
    ):
        assert bad.outcome not in (DONE, REFUSED), bad


def test_what_is_drawn_is_drawn_again_by_its_seed() -> None:
    drawn: list[list[float]] = []
    for _ in range(2):
        found: list[float] = []

        def note(_scene: object, chance: random.Random, found: list[float] = found) -> tuple[str, str]:
            found.append(chance.random())
            return DONE, ""

        attacked(10, 5, kinds=(Kind("noted", note, quiet=False),))
        drawn.append(found)
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 10


def test_failures_are_told_with_what_was_tried() -> None:
    tally = Tally()
    tally.add("lines", DONE)
    tally.add("lines", REFUSED, "list --nonsense")
    tally.add("lines", "hangs: ", "trace --count 0")
    assert tally.failures == ["lines: trace --count 0: hangs: "]
    assert "lines   3       1                 1" in tally.table()
