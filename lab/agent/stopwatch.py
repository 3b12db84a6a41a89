"""How long the phases of an `up` take, and what it has done."""

from __future__ import annotations

from dataclasses import dataclass

from lab import spans
from lab.plan import Plan


class Stopwatch:
    """Milliseconds of each phase of an `up`."""

    def __init__(self) -> None:
        self._last = self._shown = spans.now()
        self.told: dict[str, float] = {}

    def lap(self, phase: str) -> None:
        self.told[phase] = self.told.get(phase, 0.0) + round((spans.now() - self._last) / 1e6, 1)
        spans.note(phase, self._last)
        self._last = self._shown = spans.now()

    def show(self, part: str) -> None:
        """A part of the phase that is going on has ended, and the next one begins."""
        spans.note(part, self._shown)
        self._shown = spans.now()


@dataclass(frozen=True, slots=True)
class Brought:
    """What was done: the steps, the places that are there now, and the milliseconds of each phase."""

    steps: Plan
    places: tuple[str, ...]
    milliseconds: dict[str, float]

    def then(self, further: Brought) -> Brought:
        """Both, one after the other."""
        phases = dict(self.milliseconds)
        for phase, spent in further.milliseconds.items():
            phases[phase] = round(phases.get(phase, 0.0) + spent, 1)
        return Brought(Plan((*self.steps.steps, *further.steps.steps)), further.places, phases)
