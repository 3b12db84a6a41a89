"""Which places need no reading: those found as designed, of which the kernel has said nothing since.

A lab of a thousand pods is read back in a second; adding one pod must not cost that. Nothing is taken from memory
here but the
fact that a place was read and found right; that it still is so comes from the kernel (`changes`).
"""

from __future__ import annotations

from dataclasses import dataclass

from lab.kernel.changes import Fingerprint, Signs, by_place
from lab.kernel.holdings import RULE_KINDS, Holdings
from lab.network.objects import Network
from lab.network.place_names import UNDERLAY

# Beyond so many objects to build, the kernel's telling of each costs more than reading all of it once.
MANY = 2_000


@dataclass(frozen=True, slots=True)
class _Record:
    objects: list[object]
    signs: Signs
    fingerprint: Fingerprint


class Verified:
    """The records of one lab."""

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings
        self._records: dict[str, _Record] = {}

    def doubtful(self, wanted: Network) -> frozenset[str]:
        """The places that must be read before anything can be said of them: never read, changed since, or wanted
        otherwise.
        """
        self._drop_heard()
        designed = by_place(wanted)
        existing = (UNDERLAY, *self._holdings.namespaces.places)
        ended = self._holdings.processes.ended_places() | self._holdings.listeners.ended_places()
        sure = {place for place in existing if place not in ended and self._is_sure(place, designed.get(place, []))}
        return frozenset({*existing, *designed} - sure)

    def touched(self, places: frozenset[str]) -> frozenset[str]:
        """The places that must be read after these were worked on: they, and whatever the kernel has spoken of
        meanwhile.
        """
        recorded = frozenset(self._records)
        self._drop_heard()
        return places | (recorded - frozenset(self._records))

    def _drop_heard(self) -> None:
        heard = self._holdings.changes.heard(UNDERLAY)
        if heard is None:
            self._records.clear()
        else:
            for place in heard:
                self._records.pop(place, None)

    def _is_sure(self, place: str, objects: list[object]) -> bool:
        record = self._records.get(place)
        return (
            record is not None
            and self._holdings.namespaces.is_named(place)
            and record.objects == objects
            and record.fingerprint == self._fingerprint(place, record.signs)
        )

    def _fingerprint(self, place: str, signs: Signs) -> Fingerprint:
        if not signs.within:
            return signs.of_files()
        with self._holdings.namespaces.entered(place):
            return signs.all(place)

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
            if place not in self._holdings.namespaces:
                self._records.pop(place, None)
                continue
            kind = self._holdings.kinds.get(place)
            objects = designed.get(place, [])
            signs = Signs.of(objects, rules=kind is not None and kind.kind in RULE_KINDS)
            self._records[place] = _Record(objects, signs, self._fingerprint(place, signs))
