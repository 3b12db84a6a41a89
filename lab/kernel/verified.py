"""Which places need no reading: those found as designed, of which the kernel has said nothing since.

A lab of a thousand pods is read back in a second; adding one pod must not cost that. Nothing is taken from memory
here but what a place was found to hold, and what was done there since; that it still is so comes from the kernel
(`changes`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lab.kernel.changes import Fingerprint, Signs
from lab.kernel.holdings import RULE_KINDS, Holdings
from lab.kernel.observe import read_place
from lab.network.objects import (
    Chain,
    File,
    IpSet,
    Listener,
    Namespace,
    Network,
    NftChain,
    NftSet,
    NftTable,
    Object,
    Process,
    RealServer,
    Symlink,
    Sysctl,
    VirtualServer,
)
from lab.network.place_names import UNDERLAY
from lab.plan import AnyStep, Step, plan
from lab.plan.steps import ChainChange

# Beyond so many objects to build, the kernel's telling of each costs more than reading all of it once.
MANY = 2_000


# What is not read in a place itself, and so not what the kernel tells of it.
_READ_OTHERWISE = (File, Symlink, Listener, Process, VirtualServer, RealServer)
_RULES = (Chain, IpSet, NftTable, NftSet, NftChain)


@dataclass(frozen=True, slots=True)
class _Record:
    """What a place should hold, and what it was like when it was found so; no fingerprint: nobody has looked since its
    last steps.
    """

    objects: list[Object]
    signs: Signs
    fingerprint: Fingerprint | None


class Verified:
    """The records of one lab."""

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings
        self._records: dict[str, _Record] = {}
        self._heard: set[str] = set()  # of which the kernel has said something since

    def doubtful(self, wanted: Network | None = None) -> frozenset[str]:
        """The places that must be read before anything can be said of them: never read, changed since, or wanted
        otherwise (where something is wanted, and not what was there before).
        """
        self._hear()
        designed = wanted.by_place() if wanted else {place: known.objects for place, known in self._records.items()}
        existing = (UNDERLAY, *self._holdings.namespaces.places)
        ended = self._holdings.processes.ended_places() | self._holdings.listeners.ended_places()
        sure = {place for place in existing if place not in ended and self._is_sure(place, designed.get(place, []))}
        return frozenset({*existing, *designed} - sure)

    def expected(self, places: frozenset[str]) -> Network | None:
        """What these places should hold, after what was found there and done since; None where that is not known."""
        if not places <= self._records.keys():
            return None
        return Network(tuple(item for place in places for item in self._records[place].objects))

    def touched(self, places: frozenset[str]) -> frozenset[str]:
        """The places that must be read after these were worked on: they, and whatever the kernel has spoken of
        meanwhile.
        """
        recorded = frozenset(self._records)
        self._hear()
        return places | (recorded - frozenset(self._records)) | self._heard

    def _hear(self) -> None:
        heard = self._holdings.changes.heard(UNDERLAY)
        if heard is None:
            self.forget()
        else:
            self._heard |= heard & self._records.keys()

    def forget(self, places: Iterable[str] | None = None) -> None:
        """Nothing is known any more of these places, or of any."""
        for place in tuple(self._records if places is None else places):
            self._records.pop(place, None)
            self._heard.discard(place)

    def work(self, steps: Iterable[AnyStep]) -> None:
        """These steps are about to be carried out in places of which something is known, or that are made by them."""
        changes: dict[str, list[Step | ChainChange]] = {}
        for step in steps:
            changes.setdefault(step.place, []).extend((step,) if isinstance(step, Step) else step.changes)
        for place, some in changes.items():
            record = self._records.get(place)
            if record or place not in self._holdings.namespaces:
                objects = _after(record.objects if record else [], some)
                self._records[place] = _Record(objects, self._signs(place, objects), None)

    def _is_sure(self, place: str, objects: list[Object]) -> bool:
        record = self._records.get(place)
        return (
            record is not None
            and record.fingerprint is not None
            and self._holdings.namespaces.is_named(place)
            and record.objects == objects
            and record.fingerprint == self._fingerprint(place, record.signs)
            and (place not in self._heard or self._is_linked_right(place, record))
        )

    def _is_linked_right(self, place: str, record: _Record) -> bool:
        """Whether what the kernel tells of is there as it should be: it has spoken of it, as it does of every link that
        comes up, a while after that.
        """
        wanted = [item for item in record.objects if not isinstance(item, (*_READ_OTHERWISE, *_RULES))]
        settings = [item.name for item in wanted if isinstance(item, Sysctl)]
        named = (item for item in wanted if isinstance(item, Namespace))  # that it is there was seen before
        right = not plan(Network(tuple(wanted)), Network.of(named, read_place(self._holdings, place, settings)))
        if right:
            self._heard.discard(place)
        return right

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
            self.forget()
            self._holdings.changes.listen()

    def record(self, wanted: Network, places: frozenset[str]) -> None:
        """These places were just read and found as designed."""
        designed = wanted.by_place()
        for place in places:
            if place not in self._holdings.namespaces:
                self.forget((place,))
                continue
            objects = designed.get(place, [])
            signs = self._signs(place, objects)
            self._records[place] = _Record(objects, signs, self._fingerprint(place, signs))
            self._heard.discard(place)

    def _signs(self, place: str, objects: list[Object]) -> Signs:
        kind = self._holdings.kinds.get(place)
        return Signs.of(objects, rules=kind is not None and kind.kind in RULE_KINDS)


def _after(objects: list[Object], changes: Sequence[Step | ChainChange]) -> list[Object]:
    """What is there when these are done."""
    left = {item.key: item for item in objects}
    for change in changes:
        item = change.chain if isinstance(change, ChainChange) else change.object
        if change.action == "remove":
            left.pop(item.key, None)
        else:
            left[item.key] = item
    return list(left.values())
