"""A bundle brought up again: whether what was seen in it is seen once more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import printable
from lab.agent.design.blueprint import read_file
from lab.doctor.examination import Examination, examine
from lab.errors import UsageError
from lab.exchange.handover import archive, contents, report, requests
from lab.exchange.handover.bundle import seen
from lab.exchange.handover.contents import Found, Manifest, Seen, Told
from lab.map.labmap import LabMap

if TYPE_CHECKING:
    from lab.agent.client.client import Client

MOST_NAME = 63
AGAIN = 4  # times: which endpoint or DNS server is chosen, and what an impairment loses, is chance


@dataclass(frozen=True, slots=True)
class Bundle:
    """What is read of one: what was seen, and the text of the lab's file, which `file` names in messages."""

    manifest: Manifest
    topology: str
    file: str
    name: str
    """the topology's"""

    @property
    def lab(self) -> str:
        """What a lab of it is called, unless somebody says otherwise."""
        return f"{self.name[: MOST_NAME - len('-replay')]}-replay"


def read(stream: archive.Readable, file: str) -> Bundle:
    """UsageError for what is no bundle, or of a newer Hoplab; FileError for a lab's file that cannot be right."""
    members = archive.read(stream, file, frozenset((contents.NAME, "lab.yaml")))
    if contents.NAME not in members:
        raise UsageError(f"{file}: no bundle: it has no {contents.NAME}", archive.HOW)
    whole = Manifest.read(members[contents.NAME], file)
    if whole.topology not in members:
        raise UsageError(f"{file}: its lab.yaml is missing", archive.HOW)
    for one in whole.journeys:
        one.request.expectation()
    text = members[whole.topology].decode(errors="replace")
    name = f"{file}:{whole.topology}"
    topology = read_file(text, name, (), beside=_nothing_beside).topology
    return Bundle(whole, text, name, topology.metadata.name)


def _nothing_beside(_name: str) -> str:
    """Whoever wrote the bundle does not choose which of our files are read."""
    raise PermissionError(1, "a bundle's file has all texts that it names in spec.files")


@dataclass(frozen=True, slots=True)
class Compared:
    """One thing of the bundle, and in words what was seen then and is now; at which `asking` that was."""

    what: str
    before: str
    now: str
    asking: int = 1

    @property
    def is_same(self) -> bool:
        return self.before == self.now


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of all of it; `further` are findings that the bundle has not."""

    compared: tuple[Compared, ...]
    further: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        return not self.further and all(one.is_same for one in self.compared)


def replay(connected: Client, bundle: Bundle) -> Replayed:
    """Ask the lab that was brought up of it. LabError when it ends."""
    whole = bundle.manifest
    labmap = LabMap.from_json(connected.request("read", what="map"))
    wanted = [requests.Wanted(one.name, one.why, one.request.expectation()) for one in whole.journeys]
    journeys: dict[int, Compared] = {}
    for asking in range(1, AGAIN + 1):
        left = [number for number in range(len(wanted)) if number not in journeys or not journeys[number].is_same]
        for number, now in zip(left, requests.made(labmap, [wanted[number] for number in left]), strict=True):
            journeys[number] = _journey(whole.journeys[number], now, asking)
    findings, further = _findings(whole.findings, examine(connected))
    if further or not all(one.is_same for one in findings):
        findings, further = _findings(whole.findings, examine(connected), 2)
    return Replayed((*(journeys[number] for number in range(len(wanted))), *findings), further)


def _journey(was: Told, now: requests.Made, asking: int) -> Compared:
    ended = seen(now.journey) if now.journey else None
    return Compared(printable.line(was.name), _words(was.seen, was.error), _words(ended, now.error), asking)


def _words(ended: Seen | None, error: str) -> str:
    return printable.line(report.in_words(ended, error))


def _findings(before: Sequence[Found], now: Examination, asking: int = 1) -> tuple[list[Compared], tuple[str, ...]]:
    """Each of the bundle's beside the one now that has its cause, places and object, or its cause and places."""
    left = [Found(cause=one.cause, places=one.places, object=one.object) for one in now.findings]
    compared = []
    for one in before:
        same = (
            one if one in left else next((it for it in left if (it.cause, it.places) == (one.cause, one.places)), None)
        )
        if same is not None:
            left.remove(same)
        what = f"doctor: {one.object or one.cause}"
        told = _place(one)
        compared.append(Compared(printable.line(what)[:160], told, told if same is not None else "not found", asking))
    return compared, tuple(_place(one) for one in left)


def _place(one: Found) -> str:
    return printable.line(f"{one.cause}{f' at {chr(44).join(one.places)}' if one.places else ''}")


def lines(found: Replayed) -> Iterator[str]:
    """For a person: each thing, and whether it is the same."""
    for one in found.compared:
        if one.is_same:
            times = f" (when asked {one.asking} times)" if one.asking > 1 else ""
            yield f"same    {one.what}: {one.now}{times}"
        else:
            yield f"differs {one.what}: it was {one.before}; now {one.now}"
    for told in found.further:
        yield f"new     doctor: {told}"
    number = len(found.compared)
    differ = sum(not one.is_same for one in found.compared) + len(found.further)
    yield f"{number} things of the bundle: {'the same is seen again' if not differ else f'{differ} differ'}"
