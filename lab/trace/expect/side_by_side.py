"""Asks expectations of a running lab, each by a trace; several go on at once, and are told in the file's order."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab.errors import UsageError
from lab.map.labmap import LabMap
from lab.topology.expect.expectation import Expectation
from lab.trace.apart import Begun
from lab.trace.expect.comparing import Meant
from lab.trace.expect.outcome import Outcome
from lab.trace.journey import Journey
from lab.trace.several import Several
from lab.trace.trace import Prepared, prepare


@dataclass(frozen=True, slots=True)
class _Going:
    """A trace at work."""

    number: int
    meant: Meant
    began: float

    def outcome(self, trace: Begun[Journey]) -> Outcome:
        it = self.meant.expectation
        try:
            journey = trace.result()
        except UsageError as error:
            return Outcome(it, error=error.message, hint=error.hint, seconds=time.monotonic() - self.began)
        seconds = time.monotonic() - self.began
        return Outcome(it, journey, self.meant.compare(journey), seconds=seconds)


def outcomes(labmap: LabMap, expectations: Sequence[Expectation]) -> Iterator[Outcome]:
    """What came of each, in their order, as soon as it is known of all before it. What cannot be asked is an outcome
    too; HoplabError where none can: the lab has ended, the machine lacks something.
    """
    done: dict[int, Outcome] = {}
    left = iter(enumerate(expectations))
    with Several[_Going, Journey]() as going:
        for told in range(len(expectations)):
            while told not in done:
                while going.has_room and (following := next(left, None)) is not None:
                    number, it = following
                    try:
                        meant, asked = Meant.of(labmap, it), _prepared(labmap, it)
                    except UsageError as error:
                        done[number] = Outcome(it, error=error.message, hint=error.hint)
                        continue
                    going.add(_Going(number, meant, time.monotonic()), asked.begin())
                for one, trace in going.ended() if told not in done else ():
                    done[one.number] = one.outcome(trace)
            yield done.pop(told)


def _prepared(labmap: LabMap, it: Expectation) -> Prepared:
    return prepare(labmap, it.source, it.to, port=it.port, protocol=it.protocol or "", via=it.via, size=it.size)
