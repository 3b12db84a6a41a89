"""All expectations of a lab's own file, or of another one, asked of the lab that runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from lab.agent.client.client import Client
from lab.errors import UsageError
from lab.map.labmap import LabMap
from lab.topology.expect.expectation import Expectation
from lab.trace.expect.known_causes import require_known
from lab.trace.expect.outcome import Outcome
from lab.trace.expect.side_by_side import outcomes
from lab.trace.expect.verification import Verification

HOW = "write what is to become of requests into spec.expect: docs/verify.md"


def verify(
    lab: Client,
    expectations: Sequence[Expectation] | None = None,
    tell: Callable[[Outcome], None] = lambda _outcome: None,
) -> Verification:
    """Asks these, or those of the file that the lab was built from; `tell` has each in turn, as soon as it is known.

    UsageError where there is none, FileError for a cause that there is not, LabError when the lab ends meanwhile.
    """
    if expectations is None:
        expectations = tuple(map(Expectation.from_json, lab.request("read", what="expectations")))
    require_any(expectations, f"the file of lab {lab.lab!r}")
    require_known(expectations)
    labmap = LabMap.from_json(lab.request("read", what="map"))
    began, clock = time.time(), time.monotonic()
    found = []
    for one in outcomes(labmap, expectations):
        found.append(one)
        tell(one)
    return Verification(labmap.lab, tuple(found), began, time.monotonic() - clock)


def require_any(expectations: Sequence[Expectation], file: str) -> None:
    """UsageError for a file that expects nothing."""
    if not expectations:
        raise UsageError(f"{file} expects nothing", HOW)
