"""The requests whose journeys a bundle has: those that the file expects, that doctor found failing, that were named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from lab.agent.client.client import Client
from lab.doctor.errand import Errand
from lab.errors import UsageError
from lab.exchange.handover.contents import Request
from lab.map.labmap import LabMap
from lab.topology.expect.expectation import Expectation
from lab.trace.expect.side_by_side import outcomes
from lab.trace.journey import DNS, Journey

EXPECTED, FOUND, ASKED = "expected", "found", "asked"
MOST_FOUND = 16
MOST_ASKED = 32
HOW = "--trace namespace001/pod-0,myapp.namespace001"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request, its name in the bundle, and why it is there: `expected`, `found`, `asked`."""

    name: str
    why: str
    request: Expectation


@dataclass(frozen=True, slots=True)
class Made:
    """What became of it; no journey where it could not be asked, with the reason."""

    wanted: Wanted
    journey: Journey | None
    error: str = ""


def named(words: Sequence[str]) -> list[Expectation]:
    """Those of `--trace FROM,TO`. UsageError."""
    if len(words) > MOST_ASKED:
        raise UsageError(f"--trace {len(words)} times is too often", f"at most {MOST_ASKED} times")
    found = []
    for one in words:
        source, comma, to = one.partition(",")
        if not comma or not source.strip() or not to.strip():
            raise UsageError(f"--trace {one!r} names no request", HOW)
        found.append(request(source.strip(), to.strip()))
    return found


def request(source: str, to: str, **more: object) -> Expectation:
    """UsageError for what can be no request."""
    said = {"from": source, "to": to, **{name: value for name, value in more.items() if value}}
    try:
        return Expectation.model_validate(said, by_alias=True, by_name=False)
    except ValidationError as error:
        raise UsageError(f"{source[:60]!r} cannot ask for {to[:60]!r}", HOW) from error


def wanted(connected: Client, given: Iterable[Expectation]) -> list[Wanted]:
    """Those of the lab's file, and those that were named; each once."""
    expected = [Expectation.from_json(one) for one in connected.request("read", what="expectations")]
    found = [Wanted(one.title, EXPECTED, Request.of(one).expectation()) for one in expected]
    found += [Wanted(one.title, ASKED, one) for one in given]
    return [*{_key(one.request): one for one in reversed(found)}.values()][::-1]


def of_doctor(failed: Iterable[tuple[Errand, Journey]], others: Iterable[Wanted]) -> list[Made]:
    """The journeys that the doctor has seen, of requests that are not among the others."""
    known = {_key(one.request) for one in others}
    found: dict[tuple[object, ...], Made] = {}
    for errand, journey in failed:
        asked = request(errand.source, errand.to, protocol=errand.protocol, size=errand.size)
        if _key(asked) not in known:
            found.setdefault(_key(asked), Made(Wanted(errand.words, FOUND, asked), journey))
    return [*found.values()][:MOST_FOUND]


def made(labmap: LabMap, asked: Sequence[Wanted]) -> list[Made]:
    """Each asked of the running lab. LabError when it ends."""
    told = outcomes(labmap, [one.request for one in asked])
    return [Made(one, outcome.journey, outcome.error) for one, outcome in zip(asked, told, strict=True)]


def again(one: Made) -> Expectation:
    """The request as it is to be asked again: of a Service the same endpoint, which was chosen by chance."""
    it, journey = one.wanted.request, one.journey
    if it.via or journey is None or (it.protocol != "dns" and journey.lost is not None and journey.lost.phase == DNS):
        return it  # of a lost question the endpoints are those of the DNS, which nobody can choose
    chosen = [end.name for end in journey.candidates if end.chosen]
    if len(chosen) != 1 or "/" not in chosen[0]:
        return it
    return request(it.source, it.to, protocol=it.protocol, port=it.port, size=it.size, via=chosen[0])


def _key(one: Expectation) -> tuple[object, ...]:
    return one.source, one.to, one.protocol or "tcp", one.port, one.via, one.size
