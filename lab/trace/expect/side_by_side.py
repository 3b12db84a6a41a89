"""Asks expectations of a running lab, each by a trace; several go on at once, and are told in the file's order."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from lab.errors import UsageError
from lab.map.labmap import LabMap
from lab.topology.expect.expectation import Expectation
from lab.trace.apart import Begun
from lab.trace.expect.comparing import Meant
from lab.trace.expect.outcome import Outcome
from lab.trace.journey import Journey
from lab.trace.trace import prepare

AT_ONCE = (
    8  # they send one after the other (lab.trace.turn); what most of them wait for is an answer that does not come
)


@dataclass(frozen=True, slots=True)
class _Going:
    """A trace at work."""

    number: int
    meant: Meant
    trace: Begun[Journey]
    began: float

    def outcome(self) -> Outcome:
        it = self.meant.expectation
        try:
            journey = self.trace.result()
        except UsageError as error:
            return Outcome(it, error=error.message, hint=error.hint, seconds=time.monotonic() - self.began)
        seconds = time.monotonic() - self.began
        return Outcome(it, journey, self.meant.compare(journey), seconds=seconds)


def outcomes(labmap: LabMap, expectations: Sequence[Expectation]) -> Iterator[Outcome]:
    """What came of each, in their order, as soon as it is known of all before it. What cannot be asked is an outcome
    too; HoplabError where none can: the lab has ended, the machine lacks something.
    """
    done: dict[int, Outcome] = {}
    going: dict[int, _Going] = {}
    left = iter(enumerate(expectations))
    with ExitStack() as stack:
        for told in range(len(expectations)):
            while told not in done:
                while len(going) < AT_ONCE and (following := next(left, None)) is not None:
                    begun = _begun(labmap, *following)
                    if isinstance(begun, Outcome):
                        done[following[0]] = begun
                        continue
                    stack.callback(begun.trace.close)
                    going[begun.trace.fileno()] = begun
                for one in _ready(going) if told not in done else ():
                    done[one.number] = one.outcome()
            yield done.pop(told)


def _begun(labmap: LabMap, number: int, it: Expectation) -> _Going | Outcome:
    try:
        meant = Meant.of(labmap, it)
        asked = prepare(labmap, it.source, it.to, port=it.port, protocol=it.protocol or "", via=it.via, size=it.size)
    except UsageError as error:
        return Outcome(it, error=error.message, hint=error.hint)
    return _Going(number, meant, asked.begin(), time.monotonic())


def _ready(going: dict[int, _Going]) -> list[_Going]:
    """Those that have told, or ended, since: at least one of them is waited for."""
    poll = select.poll()
    for descriptor in going:
        poll.register(descriptor, select.POLLIN)
    found: list[_Going] = []
    with suppress(InterruptedError):
        found = [going.pop(descriptor) for descriptor, _ in poll.poll()]
    return found
