"""Figures: what was measured, how often, and what it may be; as JSON and as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from lab.terminal import table

SCHEMA = "hoplab.bench/v1"
HEADINGS = ("", "MEDIAN", "BEST", "WORST", "UNIT", "RUNS", "BUDGET")


@dataclass(frozen=True, slots=True)
class Figure:
    """One row: all of its runs in `unit`, the most that their median may be, and what there is to say about it.

    Without `runs` it could not be measured; `note` says why.
    """

    group: str
    name: str
    unit: str
    runs: tuple[float, ...] = ()
    budget: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the budget holds; None where there is none, or nothing was measured."""
        return None if self.budget is None or not self.runs else median(self.runs) <= self.budget

    def verdict(self) -> str:
        """For people: the budget, and by how much it is met or missed."""
        if self.met is None or self.budget is None:
            return ""
        if not self.budget:  # none at all: there is no part of nothing
            return "none: met" if self.met else f"none: MISSED by {median(self.runs):g}"
        distance = abs(median(self.runs) / self.budget - 1) * 100
        return f"≤ {self.budget:g}: {'met' if self.met else 'MISSED'} by {distance:.0f} %"

    def over(self, other: Figure, budget: float | None = None) -> Figure:
        """How many times `other` this is, run by run: the two of a run met the same load of the machine."""
        name = f"{self.name} ÷ {other.name}"
        if not self.runs or not other.runs:
            return Figure(self.group, name, "times", note=self.note or other.note)
        pairs = zip(self.runs, other.runs, strict=True)
        return Figure(self.group, name, "times", tuple(one / its for one, its in pairs), budget)

    def to_json(self) -> dict[str, Any]:
        """All of it, and what follows from the runs; null where there are none."""
        measured = (median(self.runs), min(self.runs), max(self.runs)) if self.runs else (None, None, None)
        rounded = (None if value is None else round(value, 4) for value in measured)
        return {
            "group": self.group,
            "name": self.name,
            "unit": self.unit,
            **dict(zip(("median", "best", "worst"), rounded, strict=True)),
            "runs": [round(run, 4) for run in self.runs],
            "budget": self.budget,
            "met": self.met,
            "note": self.note,
        }


def as_json(machine: dict[str, Any], figures: Iterable[Figure]) -> dict[str, Any]:
    """The whole report for other programs."""
    return {"schema": SCHEMA, "machine": machine, "figures": [figure.to_json() for figure in figures]}


def as_table(machine: dict[str, Any], figures: Sequence[Figure]) -> str:
    """The whole report for people."""
    about = f"{machine['cores']} cores, Linux {machine['kernel']}, Python {machine['python']}, {machine['user']}"
    load = f"load {machine['load_before']:.1f} before, {machine['load_after']:.1f} after"
    rows: list[tuple[str, ...]] = []
    for number, figure in enumerate(figures):
        if number and figures[number - 1].group != figure.group:
            rows.append(("",) * len(HEADINGS))
        if not number or figures[number - 1].group != figure.group:
            rows.append((figure.group, *("",) * (len(HEADINGS) - 1)))
        rows.append(_row(figure))
    return f"{about}; {load}\n\n{table(HEADINGS, rows)}"


def _row(figure: Figure) -> tuple[str, ...]:
    name = f"  {figure.name}"
    if not figure.runs:
        return (name, "-", "-", "-", figure.unit, "0", figure.note)
    shown = [_number(value) for value in (median(figure.runs), min(figure.runs), max(figure.runs))]
    said = "; ".join(part for part in (figure.verdict(), figure.note) if part)
    return (name, *shown, figure.unit, str(len(figure.runs)), said)


def _number(value: float) -> str:
    """Three digits that count."""
    return (
        f"{value:.0f}"
        if value >= 100
        else f"{value:.1f}"
        if value >= 10
        else f"{value:.2f}"
        if value >= 1
        else f"{value:.3f}"
    )
