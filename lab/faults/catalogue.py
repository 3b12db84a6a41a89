"""All faults that there are."""

from __future__ import annotations

from collections.abc import Callable

from lab.errors import UsageError
from lab.faults.fault import Fault
from lab.faults.ground import Ground
from lab.faults.kinds import (
    components,
    devices,
    leftovers,
    names,
    objects,
    packet_filters,
    settings,
    unseen,
    wrong_ways,
)
from lab.suggestion import did_you_mean

FAULTS: dict[str, Fault] = {
    one.name: one
    for table in (packet_filters, devices, wrong_ways, settings, components, names, unseen, objects, leftovers)
    for one in table.FAULTS
}


def named(name: str) -> Fault:
    """UsageError where there is none."""
    if name not in FAULTS:
        raise UsageError(f"there is no fault {name!r}", did_you_mean(name, FAULTS, "`./inv fault.list` has them all"))
    return FAULTS[name]


def number(ground: Ground) -> int:
    """How many faults and places there are to be drawn from."""
    return sum(len(one.places(ground)) for one in FAULTS.values())


def drawn(
    ground: Ground, below: Callable[[int], int], is_free: Callable[[Fault, str], bool] = lambda _, __: True
) -> tuple[Fault, str]:
    """One of those that show in this lab, and one of the places where it does: `below` gives a number below another.
    UsageError where none does that is free.
    """
    found = [(one, [place for place in one.places(ground) if is_free(one, place)]) for one in FAULTS.values()]
    fitting = [(one, places) for one, places in found if places]
    if not fitting:
        raise UsageError("no fault more shows in this lab", "it takes two nodes with pods, such as two-subnet")
    fault, places = fitting[below(len(fitting))]
    return fault, places[below(len(places))]
