"""An examination in words."""

from __future__ import annotations

from collections.abc import Iterator

from lab import printable
from lab.doctor.examination import Examination
from lab.doctor.finding import Finding
from lab.trace.show import layout, reasons

MOST_SHOWN = 5


def told(found: Examination) -> Iterator[str]:
    """Lines: what is wrong, worst first; or that nothing is."""
    asked = (
        f"{found.asked} requests" if found.asked == found.possible else f"{found.asked} of {found.possible} requests"
    )
    if found.healthy:
        yield f"lab {found.lab} is healthy: {asked} answered, every place as in the file ({found.seconds:.1f} s)"
        return
    number = len(found.findings)
    yield f"lab {found.lab}: {number} finding{'' if number == 1 else 's'} ({asked}, {found.seconds:.1f} s)"
    for place, one in enumerate(found.findings, 1):
        yield ""
        yield from _finding(place, one, found.lab)


def brief(one: Finding) -> str:
    """`firewall-drop at node-2: -A INPUT …`."""
    where = f" at {', '.join(one.places)}" if one.places else ""
    return printable.line(f"{one.cause}{where}{f': {one.object}' if one.object else ''}")


def _finding(number: int, one: Finding, lab: str) -> Iterator[str]:
    yield f"{number}  {brief(one)}"
    yield from layout.wrapped(printable.line(one.why), layout.USUAL, 3)
    for words in one.affects[:MOST_SHOWN]:
        yield f"   fails: {printable.line(words)}"
    if len(one.affects) > MOST_SHOWN:
        yield f"   fails: {len(one.affects) - MOST_SHOWN} requests more"
    for mending in one.fix:
        for line in reasons.begun(printable.text(reasons.typed(mending, lab))).splitlines():
            yield f"   {line}"
    for file in dict.fromkeys(mending.held_by for mending in one.fix if mending.held_by):
        yield f"   the next `up` brings it back, as long as it is in {file}"
