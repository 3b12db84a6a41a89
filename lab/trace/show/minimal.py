"""A journey as lines to compare with: one for each hop, the same whenever the same happens, then the verdict."""

from __future__ import annotations

from collections.abc import Iterator

from lab.trace.journey import DELIVERED, DNS, UNRESOLVED, Journey
from lab.trace.show import stable


def tell(journey: Journey) -> tuple[str, ...]:
    """`request 4 encapsulate node-0 eth0 out VXLAN 4096 10.0.1.10 > 10.0.2.10`, …, `verdict delivered PLACE`."""
    return tuple(_lines(journey))


def _lines(journey: Journey) -> Iterator[str]:
    found = journey.resolution
    if found is not None:
        yield f"resolve {found.name} {found.status.replace(' ', '-')} {' '.join(found.addresses)}".rstrip()
    yield from (" ".join(stable.words(hop)) for hop in stable.told(journey))
    if journey.verdict == DELIVERED:
        yield f"verdict {DELIVERED} {journey.answered_by}"
    elif journey.lost is not None and journey.verdict == UNRESOLVED:
        yield f"verdict {UNRESOLVED} {journey.lost.cause}"  # whichever of the DNS pods said so
    elif journey.lost is not None:
        lost = journey.lost
        direction = f"dns-{lost.direction}" if lost.phase == DNS else lost.direction
        yield f"verdict {journey.verdict} {lost.place} {direction} {lost.stage} {lost.cause}"
    else:
        yield f"verdict {journey.verdict}"
