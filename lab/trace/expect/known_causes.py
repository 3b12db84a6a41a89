"""The words that `cause` may be: whatever a trace may say of a request that was not delivered."""

from __future__ import annotations

from collections.abc import Iterable

from lab.errors import FileError
from lab.suggestion import did_you_mean
from lab.topology.expect.expect_file import OUTCOME
from lab.topology.expect.expectation import Expectation
from lab.topology.yaml.document import shown
from lab.trace.ask.question import RCODES
from lab.trace.explain.loss.cause import Cause
from lab.trace.witness.packet import UNREACHABLE_NAMES

_REFUSED = ("tcp-reset", "icmp-time-exceeded", *(f"icmp-{name}" for name in UNREACHABLE_NAMES.values()))
_OF_NAMES = ("dns-nodata", *(f"dns-{status.lower()}" for status in RCODES.values() if status != "NOERROR"))
KNOWN = (*Cause, *_REFUSED, *_OF_NAMES)


def require_known(expectations: Iterable[Expectation], outcome: str = OUTCOME) -> None:
    """FileError with every cause that no trace ever says, and where it stands."""
    unknown = [one for one in expectations if one.cause is not None and one.cause not in KNOWN]
    if unknown:
        remedy = "docs/trace.md lists them"
        mistakes = (
            one.mistake("cause", f"there is no cause {shown(one.cause)}", did_you_mean(one.cause or "", KNOWN, remedy))
            for one in unknown
        )
        raise FileError(tuple(mistakes), outcome)
