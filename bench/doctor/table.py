"""What came of all cases: how many were named, a line a fault, and one by one what was not right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.doctor.verdict import Outcome, Said
from lab import terminal

HEADING = ("FAULT", "CASES", "NAMED FIRST", "MENDED", "NO COMMAND", "CLEARED", "SECONDS")
SCHEMA = "hoplab.doctor-bench/v1"


def as_table(seed: int, kernel: str, outcomes: Sequence[Outcome]) -> str:
    """The counts, then each case that is not right, with what was said of it."""
    single = [one for one in outcomes if len(one.case.faults) == 1]
    pairs = [one for one in outcomes if len(one.case.faults) > 1]
    names = sorted({one.case.faults[0].name for one in single})
    rows = [_row(name, [one for one in single if one.case.faults[0].name == name]) for name in names]
    rows.append(_row("all of them", single))
    if pairs:
        rows.append(_row("two at once", pairs))
    lines = [
        f"seed {seed}, Linux {kernel}: of {len(single)} faults {_share(single)} named at first, "
        f"of {len(pairs)} pairs {_share(pairs)}",
        "",
        terminal.table(HEADING, rows),
    ]
    for one in outcomes:
        if one.wrongs:
            lines += ["", f"{one.case}: {', '.join(one.wrongs)}", *(f"  said  {_line(each)}" for each in _at_once(one))]
    return "\n".join(lines)


def _share(outcomes: Sequence[Outcome]) -> str:
    named = sum(one.named for one in outcomes)
    return f"{named} ({100 * named / len(outcomes):.1f} %)" if outcomes else "none"


def _row(name: str, outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    seconds = sorted(one.seconds for one in outcomes)
    counts = (
        len(outcomes),
        sum(one.named for one in outcomes),
        sum(one.mended is True for one in outcomes),
        sum(one.mended is None for one in outcomes),
        sum(one.clean and not one.trouble for one in outcomes),
    )
    return (name, *map(str, counts), f"{seconds[len(seconds) // 2]:.0f}" if seconds else "-")


def _at_once(outcome: Outcome) -> tuple[Said, ...]:
    return outcome.looks[0] if outcome.looks else ()


def _line(one: Said) -> str:
    return f"{one.cause} at {', '.join(sorted(one.places)) or '-'}: {one.object or '-'}"


def as_json(seed: int, kernel: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """`hoplab.doctor-bench/v1`: every case with what was said at once and what came of it."""
    return {"schema": SCHEMA, "seed": seed, "kernel": kernel, "cases": [_plain(one) for one in outcomes]}


def _plain(one: Outcome) -> dict[str, Any]:
    return {
        "configuration": one.case.configuration,
        "faults": [{"name": fault.name, "place": fault.place} for fault in one.case.faults],
        "said": [_line(each) for each in _at_once(one)],
        "looks": len(one.looks),
        "named": one.named,
        "mended": one.mended,
        "wrong": list(one.wrongs),
        "seconds": one.seconds,
    }
