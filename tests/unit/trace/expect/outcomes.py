"""What came of expectations, made of recorded traces."""

from __future__ import annotations

from lab.topology.expect.expect_file import load_expectations
from lab.topology.expect.expectation import Expectation
from lab.trace.expect.comparing import Meant
from lab.trace.expect.outcome import Outcome
from tests.unit.trace.recordings import journey, labmap

REQUEST = "from: namespace001/pod-0, to: myapp.namespace001"


def expectation(said: str) -> Expectation:
    """Of the request that most recordings are of, with these fields besides."""
    (one,) = load_expectations(f"- {{{', '.join(filter(None, (REQUEST, said)))}}}\n", "dir/expect.yaml")
    return one


def outcome(name: str, said: str = "") -> Outcome:
    """What came of it in the recording of that name."""
    meant = Meant.of(labmap("two-subnet"), expectation(said))
    return Outcome(meant.expectation, journey(name), meant.compare(journey(name)), seconds=0.25)


def unasked(said: str, error: str, hint: str = "") -> Outcome:
    """One that could not be asked."""
    return Outcome(expectation(said), error=error, hint=hint)
