"""What came of all breaks, as JSON and as a table: by family and kind, and one by one what failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bench.losses.kinds import FAMILIES
from bench.losses.oracle import Lived
from bench.losses.trial import Outcome
from lab import terminal

WANTED = 98.0  # percent named
HEADING = ("BROKEN", "LOST", "NAMED", "UNKNOWN", "FIXES", "MENDED", "TOOK AWAY", "UNTOUCHED", "DELIVERED", "NOT TRIED")


@dataclass(frozen=True)
class Row:
    """Counts of some outcomes, in the order of the heading."""

    name: str
    outcomes: tuple[Outcome, ...]

    def count(self, wanted: Callable[[Outcome], bool]) -> int:
        return sum(1 for one in self.outcomes if wanted(one))

    def cells(self) -> tuple[str, ...]:
        figures = (
            self.count(lambda one: one.is_loss),
            self.count(lambda one: one.is_loss and one.named),
            self.count(lambda one: one.is_loss and one.told.is_unknown),
            self.count(lambda one: one.mended is not None),
            self.count(lambda one: bool(one.mended)),
            self.count(lambda one: bool(one.taken or one.further)),
            self.count(lambda one: one.is_untouched),
            self.count(lambda one: one.is_untouched and one.told.verdict == "delivered"),
            self.count(lambda one: one.lived in (None, Lived.SOMETIMES, Lived.ELSEWHERE)),
        )
        return (self.name, *map(str, figures))


def rows(outcomes: Sequence[Outcome]) -> list[Row]:
    """A row for each kind under one for each family, and one for all."""
    found: list[Row] = []
    for family in FAMILIES:
        of_family = tuple(one for one in outcomes if one.drawn.family == family)
        if not of_family:
            continue
        found.append(Row(family, of_family))
        kinds = dict.fromkeys(one.drawn.kind for one in of_family)
        found += [Row(f"  {kind}", tuple(one for one in of_family if one.drawn.kind == kind)) for kind in sorted(kinds)]
    return [*found, Row("all", tuple(outcomes))]


def failures(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Those of which the trace said what is not right."""
    return [one for one in outcomes if _wrongs(one)]


def _wrongs(one: Outcome) -> list[str]:
    if one.is_untouched:
        return [] if one.told.verdict == "delivered" else ["not delivered, though the request is not lost"]
    if not one.is_loss:
        return []
    told = [] if one.named else ["not named"]
    if one.told.is_unknown:
        told.append("unknown")
    if one.mended is False:
        told.append("the fix does not mend")
    if one.taken or one.further:
        told.append(f"the fix takes away {'; '.join((*one.taken, *one.further)[:3])}")
    return told


def as_table(seed: int, kernel: str, outcomes: Sequence[Outcome]) -> str:
    """The counts, then every failure with what was done, asked, said and right."""
    lost = [one for one in outcomes if one.is_loss]
    named = [one for one in lost if one.named]
    share = 100 * len(named) / len(lost) if lost else 100.0
    lines = [
        f"seed {seed}, Linux {kernel}: {len(outcomes)} breaks, {len(lost)} of which lost the request; "
        f"{share:.1f} % of these named ({WANTED:.0f} % wanted)",
        "",
        terminal.table(HEADING, [row.cells() for row in rows(outcomes)]),
    ]
    for one in failures(outcomes):
        lines += ["", *described(one)]
    troubles = [one for one in outcomes if one.trouble]
    if troubles:
        lines += ["", "not tried:"]
        lines += [
            f"  {one.drawn.configuration} {one.drawn.number}: {one.drawn.kind}: {one.trouble}" for one in troubles
        ]
    return "\n".join(lines)


def described(one: Outcome) -> list[str]:
    """A failure, in lines."""
    drawn, told = one.drawn, one.told
    right = " or ".join(f"{named.place}: {' … '.join(named.words)}" for named in drawn.broken.names[:3])
    return [
        f"{drawn.configuration} {drawn.number}: {drawn.kind}: {', '.join(_wrongs(one))}",
        *(f"  broken  {place}: {command}" for place, command in drawn.broken.do),
        f"  asked   {drawn.request}",
        f"  said    {told.verdict}, {told.cause or '-'}, {told.place or '-'}: {told.object or '-'}",
        *((f"          {told.why}",) if told.why else ()),
        *(f"  fix     {place}: {command}" for place, command in told.fix),
        f"  right   {right}",
    ]


def as_json(seed: int, kernel: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """`hoplab.losses/v1`: every break with what came of it."""
    return {"schema": "hoplab.losses/v1", "seed": seed, "kernel": kernel, "breaks": [_plain(one) for one in outcomes]}


def _plain(one: Outcome) -> dict[str, Any]:
    drawn, told = one.drawn, one.told
    return {
        "configuration": drawn.configuration,
        "number": drawn.number,
        "family": drawn.family,
        "kind": drawn.kind,
        "request": str(drawn.request),
        "broken": [{"place": place, "command": command} for place, command in drawn.broken.do],
        "right": [{"place": named.place, "words": list(named.words)} for named in drawn.broken.names],
        "client": one.lived and str(one.lived),
        "verdict": told.verdict,
        "object_place": told.place,
        "object": told.object,
        "cause": told.cause,
        "why": told.why,
        "fix": [{"place": place, "command": command} for place, command in told.fix],
        "named": one.named,
        "mended": one.mended,
        "taken": [*one.taken, *one.further],
        "wrong": _wrongs(one),
        "afresh": one.afresh,
        "trouble": one.trouble,
        "seconds": one.seconds,
    }
