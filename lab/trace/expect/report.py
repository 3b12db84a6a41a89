"""Outcomes in words: a line for what was met; else what was expected, what came of it, why, and the fix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab import printable
from lab.trace.expect.outcome import Mismatch, Outcome
from lab.trace.journey import DELIVERED, Journey
from lab.trace.show import layout, reasons, wording

PLAIN, GOOD, BAD = "", "bold green", "bold red"  # in Rich's words
_MARK = 8  # letters of `ok` and `failed`, and the space behind them
_WORDS = {
    "verdict": ("expected {0}", ""),
    "cause": ("expected cause {0}", "it is {1}"),
    "place": ("expected to end in {0}", "it did in {1}"),
    "answeredBy": ("expected an answer from {0}", "it came from {1}"),
    "through": ("expected to pass {0}", "it passed {1}"),
    "avoids": ("expected to avoid {0}", "it passed {1}"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line and its style."""

    text: str
    style: str = PLAIN


def lines(outcome: Outcome, lab: str) -> Iterator[Line]:
    """One for what was met; else several, of which the first says which it is, where it stands, and how it ended."""
    it = outcome.expectation
    if outcome.is_met:
        yield Line(f"{'ok':<{_MARK}}{printable.line(it.title)}: {ended(outcome)}", GOOD)
        return
    yield Line(f"{'failed':<{_MARK}}{printable.line(it.title)} ({it.origin}): {ended(outcome)}", BAD)
    for one in outcome.mismatches:
        yield from _indented(wrong(one))
    if outcome.hint:
        yield from _indented(outcome.hint)
    if outcome.journey is not None:
        yield from _why(outcome.journey, lab)


def summary(outcomes: Sequence[Outcome]) -> Line:
    """`3 expectations: 2 met, 1 not`."""
    number, failed = len(outcomes), sum(not one.is_met for one in outcomes)
    told = f"{number} expectation{'' if number == 1 else 's'}"
    if failed:
        return Line(f"{told}: {number - failed} met, {failed} not", BAD)
    return Line(f"{told}: all met", GOOD)


def ended(outcome: Outcome) -> str:
    """How the request ended, in half a sentence; of one that was not asked, why."""
    journey = outcome.journey
    if journey is None:
        return f"it cannot be asked: {printable.line(outcome.error)}"
    if journey.verdict == DELIVERED:
        return f"{DELIVERED} to {journey.answered_by}" if journey.answered_by else DELIVERED
    if journey.lost is None:
        return journey.verdict
    return f"{wording.ending(journey.verdict, journey.lost)}: {journey.lost.cause}"


def wrong(mismatch: Mismatch) -> str:
    """`expected cause no-route; it is firewall-drop`."""
    told = (text.format(mismatch.expected, mismatch.found) for text in _WORDS[mismatch.field])
    return printable.line("; ".join(filter(None, told)))


def _why(journey: Journey, lab: str) -> Iterator[Line]:
    """The reason of a loss and what mends it, as the story has it."""
    lost = journey.lost
    if lost is None:
        if told := wording.stranger(journey):
            yield from _indented(told)
        return
    yield from _indented(lost.why)
    if lost.object:
        yield Line(f"{'':{_MARK + 2}}{reasons.shortened(printable.line(lost.object), layout.USUAL)}")
    for one in lost.fix:
        command = reasons.begun(printable.text(reasons.typed(one, lab)))
        yield from (Line(f"{'':{_MARK + 2}}{line}") for line in command.splitlines())
    for file in dict.fromkeys(one.held_by for one in lost.fix if one.held_by):
        yield from _indented(wording.brought_back(file))


def _indented(text: str) -> Iterator[Line]:
    yield from (Line(line) for line in layout.wrapped(printable.line(text), layout.USUAL, _MARK))
