"""What came of an expectation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lab.topology.expect.expectation import Expectation
from lab.trace.journey import Journey


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A field of an expectation that did not come true: what it says, and what was found, in words."""

    field: str
    expected: str
    found: str

    def to_json(self) -> dict[str, Any]:
        return {"field": self.field, "expected": self.expected, "found": self.found}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one expectation in so many `seconds`. Without a `journey` it could not be asked: `error` and `hint`
    say why.
    """

    expectation: Expectation
    journey: Journey | None = None
    mismatches: tuple[Mismatch, ...] = ()
    error: str = ""
    hint: str = ""
    seconds: float = 0.0

    @property
    def is_met(self) -> bool:
        return self.journey is not None and not self.mismatches

    def to_json(self) -> dict[str, Any]:
        file, line, column = self.expectation.standing
        return {
            "name": self.expectation.title,
            "at": {"file": file, "line": line, "column": column},
            "expected": self.expectation.written(),
            "met": self.is_met,
            "mismatches": [one.to_json() for one in self.mismatches],
            "error": {"message": self.error, "hint": self.hint} if self.error else None,
            "seconds": round(self.seconds, 3),
            "journey": self.journey.to_json() if self.journey else None,
        }
