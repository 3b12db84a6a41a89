"""What came of all expectations of a lab: `hoplab.verify/v1`, which docs/verify-v1.schema.json describes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lab.trace.expect.outcome import Outcome
from lab.trace.expect.report import lines, summary

SCHEMA = "hoplab.verify/v1"


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of each, in the file's order; str() is what `verify` prints. `began` is in seconds since 1970."""

    lab: str
    outcomes: tuple[Outcome, ...]
    began: float
    seconds: float

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """Those that were not met."""
        return tuple(one for one in self.outcomes if not one.is_met)

    def __str__(self) -> str:
        told = [line.text for one in self.outcomes for line in lines(one, self.lab)]
        return "\n".join((*told, summary(self.outcomes).text))

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists and scalars for json.dumps."""
        return {
            "schema": SCHEMA,
            "lab": self.lab,
            "met": len(self.outcomes) - len(self.failed),
            "failed": len(self.failed),
            "seconds": round(self.seconds, 3),
            "expectations": [one.to_json() for one in self.outcomes],
        }
