"""What the doctor's findings say of the faults that were put in. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.doctor.case import Case, Fault
from lab.trace.journey import Mending

NAMELESS = ("unknown", "lost", "refused", "unresolved")
"""Causes of findings that say no reason."""
_CHANGED = re.compile(r"^kubectl \S+ service (?P<name>\S+) -n (?P<namespace>\S+)")


@dataclass(frozen=True, slots=True)
class Said:
    """A finding, as `hoplab.doctor/v1` has it; `places` are its own, those where its commands are run, and the Service
    that it names or that kubectl is to change.
    """

    cause: str
    object: str
    places: frozenset[str]
    fix: tuple[Mending, ...] = ()

    def is_about(self, fault: Fault) -> bool:
        return fault.place in self.places and self.cause not in NAMELESS


def said(told: Mapping[str, Any]) -> tuple[Said, ...]:
    """The findings of the doctor's JSON, worst first."""
    return tuple(map(_said, told["findings"]))


def _said(finding: Mapping[str, Any]) -> Said:
    fix = tuple(Mending(one["place"], one["command"]) for one in finding["fix"])
    return Said(finding["cause"], finding["object"], frozenset(_places(finding, fix)), fix)


def _places(finding: Mapping[str, Any], fix: Sequence[Mending]) -> Iterator[str]:
    yield from finding["places"]
    yield finding["object"].partition(" ")[0]
    for mending in fix:
        yield mending.place
        if changed := _CHANGED.search(mending.command):
            yield f"{changed['namespace']}/{changed['name']}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case: the findings at once, and those of each look after a mending. `mended` is whether the
    commands alone made the lab healthy, None where none was offered; `clean` whether clearing left nothing; `trouble`
    what kept it from being tried.
    """

    case: Case
    looks: tuple[tuple[Said, ...], ...] = ()
    mended: bool | None = None
    clean: bool = True
    trouble: str = ""
    seconds: float = 0.0

    @property
    def first(self) -> Said | None:
        return self.looks[0][0] if self.looks and self.looks[0] else None

    @property
    def named(self) -> bool:
        """Of one fault: the first finding is about it. Of several: each is found at once, or after mending another."""
        if len(self.case.faults) == 1:
            return self.first is not None and self.first.is_about(self.case.faults[0])
        every: Sequence[Said] = [one for look in self.looks for one in look]
        return all(any(one.is_about(fault) for one in every) for fault in self.case.faults)

    @property
    def wrongs(self) -> tuple[str, ...]:
        """What is not as it should be, in words."""
        if self.trouble:
            return (self.trouble,)
        told = [] if self.named else ["not named"]
        if self.mended is False:
            told.append("the fixes do not mend")
        if not self.clean:
            told.append("clearing left something")
        return tuple(told)
