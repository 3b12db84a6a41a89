"""A running lab as a bundle: the file that gives it back, what is wrong with it, journeys, and pages to read."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lab import printable
from lab.doctor.examination import Examination, examine
from lab.exchange.handover import archive, contents, page, report, requests, versions
from lab.exchange.handover.contents import Manifest, Seen
from lab.exchange.handover.export import FILE, Exported, export
from lab.exchange.handover.requests import Made
from lab.kernel.check import abilities
from lab.map.labmap import LabMap
from lab.topology.expect.expectation import Expectation
from lab.trace.journey import Journey
from lab.trace.show.page import page as journey_page
from lab.trace.show.wireshark import record

if TYPE_CHECKING:
    from lab.agent.client.client import Client

MOST_CAPTURED = 8 * archive.MIB
"""Bytes of one journey's packets."""
_LETTERS = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Bundled:
    """The file's bytes, what was found and seen, and what is to be said."""

    data: bytes
    manifest: Manifest
    examination: Examination
    warnings: tuple[str, ...]


def bundle(connected: Client, given: Sequence[Expectation]) -> Bundled:
    """Of the running lab, with the journeys of those requests too. LabError when it ends meanwhile."""
    exported = export(connected)
    labmap = LabMap.from_json(connected.request("read", what="map"))
    wanted = requests.wanted(connected, given)
    journeys = requests.made(labmap, wanted)
    examination = examine(connected)
    journeys += requests.of_doctor(examination.failed, wanted)
    return composed(exported, labmap, journeys, examination)


def composed(exported: Exported, labmap: LabMap, journeys: Sequence[Made], examination: Examination) -> Bundled:
    """The bundle of what was seen."""
    members: dict[str, bytes] = {}
    told = []
    for number, one in enumerate(journeys, 1):
        files = {}
        for kind, data in _of_journey(one.journey, labmap) if one.journey else ():
            files[kind] = f"journeys/{number:02d}-{_slug(one.wanted.name)}.{kind}"
            members[files[kind]] = data
        told.append(_told(one, files))
    found = tuple(contents.Found(cause=one.cause, places=one.places, object=one.object) for one in examination.findings)
    whole = Manifest(hoplab=versions.hoplab(), lab=examination.lab, journeys=tuple(told), findings=found)
    made_with, able = versions.versions(), abilities.check()
    shown = report.Shown(whole, examination, tuple(journeys), made_with, able, exported.text)
    first = {
        contents.NAME: whole.text(),
        "index.html": page.page(shown),
        "report.md": report.report(shown),
        FILE: exported.text,
        "doctor.json": _json(examination.to_json()),
        "check.json": _json([_ability(one) for one in able]),
        "versions.json": _json(made_with),
    }
    all_ = {**{name: text.encode() for name, text in first.items()}, **members}
    return Bundled(archive.written(all_), whole, examination, exported.warnings)


def _told(one: Made, files: dict[str, str]) -> contents.Told:
    again = requests.again(one)
    return contents.Told.model_validate(
        {
            "name": printable.line(one.wanted.name)[:200],
            "why": one.wanted.why,
            "request": contents.Request.of(again).to_json(),
            "seen": seen(one.journey).to_json() if one.journey else None,
            "error": printable.line(one.error)[:1000],
            "files": files,
        },
        by_alias=True,
        by_name=False,
    )


def seen(journey: Journey) -> Seen:
    """How it ended."""
    lost = journey.lost
    if lost is None:
        return Seen(verdict=journey.verdict)
    return Seen(
        verdict=journey.verdict, cause=lost.cause, place=lost.place, object_place=lost.object_place or lost.place
    )


def _of_journey(journey: Journey, labmap: LabMap) -> Iterator[tuple[str, bytes]]:
    yield "json", _json(journey.to_json()).encode()
    yield "html", journey_page(journey, labmap).encode()
    packets = io.BytesIO()
    room, kept = MOST_CAPTURED, []
    for one in journey.seen:
        room -= len(one.capture.frame)
        if room < 0:
            break
        kept.append(one)
    record(replace(journey, seen=tuple(kept)), packets)
    yield "pcapng", packets.getvalue()


def _slug(name: str) -> str:
    return _LETTERS.sub("-", name.lower()).strip("-")[:40].strip("-") or "request"


def _ability(one: abilities.Finding) -> dict[str, Any]:
    return {
        "name": one.name,
        "ok": one.ok,
        "needed_for": one.needed_for,
        "how_to_get": one.how_to_get,
        "required": one.required,
    }


def _json(value: Any) -> str:  # noqa: ANN401  whatever is told as JSON
    return f"{json.dumps(value, indent=1)}\n"
