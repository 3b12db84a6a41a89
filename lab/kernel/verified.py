"""Which places need no reading: those found as designed, of which the kernel has said nothing since.

A lab of a thousand pods is read back in a second; adding one pod must not cost that. Nothing is taken from memory here but the
fact that a place was read and found right; that it still is so comes from the kernel (`changes`).
"""

from __future__ import annotations

from dataclasses import dataclass

from lab.kernel.changes import Fingerprint, by_place, fingerprint
from lab.kernel.holdings import RULE_KINDS, Holdings
from lab.network.objects import UNDERLAY, Network

# Beyond so many objects to build, the kernel's telling of each costs more than reading all of it once.
MANY = 2_000


@dataclass(frozen=True, slots=True)
class _Record:
    objects: list[object]
    fingerprint: Fingerprint


class Verified:
    """The records of one lab."""

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings
        self._records: dict[str, _Record] = {}

    def doubtful(self, wanted: Network) -> frozenset[str]:
        """The places that must be read before anything can be said of them: never read, changed since, or wanted otherwise."""
        existing = (UNDERLAY, *self._holdings.namespaces.places)
        heard = self._holdings.changes.heard(UNDERLAY)
        designed = by_place(wanted)
        if heard is None:
            self._records.clear()
        else:
            for place in heard:
                self._records.pop(place, None)
        sure = {place for place in existing if self._is_sure(place, designed.get(place, []))}
        return frozenset({*existing, *designed} - sure)

    def _is_sure(self, place: str, objects: list[object]) -> bool:
        record = self._records.get(place)
        return record is not None and record.objects == objects and record.fingerprint == self._fingerprint(place, objects)

    def _fingerprint(self, place: str, objects: list[object]) -> Fingerprint:
        kind = self._holdings.kinds.get(place)
        if kind is None or kind.kind not in RULE_KINDS:
            return fingerprint(objects, place, with_rules=False)
        with self._holdings.namespaces.entered(place):
            return fingerprint(objects, place, with_rules=True)

    def building(self, steps: int) -> None:
        """So many steps are about to be carried out."""
        if steps > MANY:
            self._holdings.changes.ignore()

    def begin(self) -> None:
        """A reading is about to begin: whatever is said from now on is news."""
        if self._holdings.changes.deaf:
            self._records.clear()
            self._holdings.changes.listen()

    def record(self, wanted: Network, places: frozenset[str]) -> None:
        """These places were just read and found as designed."""
        designed = by_place(wanted)
        for place in places:
            if place in self._holdings.namespaces:
                objects = designed.get(place, [])
                self._records[place] = _Record(objects, self._fingerprint(place, objects))
            else:
                self._records.pop(place, None)
