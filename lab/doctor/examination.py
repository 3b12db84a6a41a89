"""One look at a whole lab."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lab.agent.client.client import Client
from lab.doctor import asking
from lab.doctor.errand import Errand, errands
from lab.doctor.finding import Finding, findings
from lab.map.labmap import LabMap
from lab.topology.expect.expectation import Expectation
from lab.trace.expect.side_by_side import outcomes
from lab.trace.journey import DELIVERED, Journey

SCHEMA = "hoplab.doctor/v1"
MOST_TRACED = 16
AGAIN = 3  # times: what fails now and then is asked again


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found, worst first; `asked` of `possible` requests were sent, in `seconds` altogether."""

    lab: str
    findings: tuple[Finding, ...]
    asked: int
    possible: int
    seconds: float
    failed: tuple[tuple[Errand, Journey], ...] = ()
    """the requests that were traced, and what became of them; not part of the JSON"""

    @property
    def healthy(self) -> bool:
        return not self.findings

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "lab": self.lab,
            "healthy": self.healthy,
            "asked": self.asked,
            "possible": self.possible,
            "seconds": round(self.seconds, 3),
            "findings": [one.to_json() for one in self.findings],
        }


def examine(lab: Client) -> Examination:
    """Ask what should work, trace what does not, compare the kernel with the file. LabError when the lab ends."""
    began = time.monotonic()
    labmap = LabMap.from_json(lab.request("read", what="map"))
    asked, possible = errands(labmap)
    answered = asking.run(lab.sandbox, labmap, asked)
    failing = [one for one in asked if not answered[one]]
    failed, untraced = _traced(lab, labmap, failing)
    places = [place.name for place in labmap.places]
    drift = lab.request("differences", places=places)
    found = findings(failed, drift, labmap, untraced)
    return Examination(labmap.lab, found, len(asked), possible, time.monotonic() - began, tuple(failed))


def _traced(
    lab: Client, labmap: LabMap, failing: Sequence[Errand]
) -> tuple[list[tuple[Errand, Journey]], list[Errand]]:
    """The journeys of what fails, one of each kind first, and what was not looked into. What is delivered now is asked
    again, and told only if it fails once more.
    """
    kinds: dict[tuple[str, str], list[Errand]] = {}
    for one in failing:
        kinds.setdefault((one.about, one.source), []).append(one)
    ordered = [group[turn] for turn in range(len(failing)) for group in kinds.values() if turn < len(group)]
    failed: list[tuple[Errand, Journey]] = []
    left = ordered[:MOST_TRACED]
    for _ in range(AGAIN):
        journeys = _journeys(labmap, left)
        failed += [(one, journey) for one, journey in journeys if journey.verdict != DELIVERED]
        left = [one for one, journey in journeys if journey.verdict == DELIVERED]
        if not left:
            break
        answered = [asking.run(lab.sandbox, labmap, left) for _ in range(2)]
        left = [one for one in left if not all(each[one] for each in answered)]
    return failed, ordered[MOST_TRACED:] if failed else []


def _journeys(labmap: LabMap, asked: Sequence[Errand]) -> list[tuple[Errand, Journey]]:
    wanted = [_expectation(one) for one in asked]
    told = zip(asked, outcomes(labmap, wanted), strict=True)
    return [(one, outcome.journey) for one, outcome in told if outcome.journey is not None]


def _expectation(one: Errand) -> Expectation:
    said = {"from": one.source, "to": one.to, "protocol": one.protocol, "size": one.size}
    return Expectation.model_validate(said, by_alias=True, by_name=False)
