"""A journey as a story for the terminal: the six steps and the way back, one line for each interface passed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import wrap

from lab.trace import wording
from lab.trace.journey import DATA, DELIVERED, DNS, REPLY, REQUEST, Hop, Journey
from lab.trace.observation import Observation

PLAIN, HEADING, WRAPPED, FAINT, GOOD, BAD = "", "bold", "orange", "faint", "good", "bad"
STEPS = {1: "resolve", 2: "service", 3: "route", 4: "encapsulate", 5: "firewall", 6: "deliver"}
BACK = "←"
WIDTH = 100
STYLES = {PLAIN: "", HEADING: "bold", WRAPPED: "dark_orange", FAINT: "dim", GOOD: "bold green", BAD: "bold red"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line and how it should look."""

    text: str
    style: str = PLAIN


@dataclass(frozen=True, slots=True)
class _Columns:
    """Widths of place and interface, and the moment from which times count: the phase's first packet."""

    place: int
    interface: int
    began: int

    @classmethod
    def of(cls, journey: Journey, phase: str) -> _Columns:
        return cls(
            max((len(hop.place) for hop in journey.hops), default=0),
            max((len(wording.passing(hop.interface, hop.way)) for hop in journey.hops), default=0),
            min((hop.t_ns for hop in journey.hops if hop.phase == phase), default=0),
        )

    def line(self, t_ns: int, place: str, passing: str, packet: str) -> str:
        offset = f"{(t_ns - self.began) // 1000} µs"
        return f"{offset:>10}  {place:<{self.place}}  {passing:<{self.interface}}  {packet}".rstrip()


def tell(journey: Journey, *, verbose: bool = False) -> tuple[Line, ...]:
    """The story. `verbose` also has every hop of the DNS question, and at the end every packet that was captured."""
    return tuple(_lines(journey, verbose=verbose))


def show(journey: Journey, *, verbose: bool = False) -> None:
    """Write the story to standard output: in colours on a terminal, else as plain text."""
    lines = tell(journey, verbose=verbose)
    if not sys.stdout.isatty():
        sys.stdout.write("".join(f"{line.text}\n" for line in lines))
        return
    from rich.console import Console  # noqa: PLC0415  50 ms that only a terminal needs
    from rich.text import Text  # noqa: PLC0415

    console = Console(highlight=False)
    for line in lines:
        console.print(Text(line.text, STYLES[line.style]), soft_wrap=True)


def _lines(journey: Journey, *, verbose: bool) -> Iterator[Line]:
    columns = _Columns.of(journey, DATA)
    request = journey.request
    port = f":{request.port}" if request.port else ""
    yield Line(f"{request.source} asks {request.to}{port} ({request.protocol}), lab {journey.lab}", HEADING)
    yield Line("")
    yield from _resolve(journey, _Columns.of(journey, DNS), verbose=verbose)
    there = journey.part(DATA, REQUEST)
    for step in range(2, 7):
        hops = [hop for hop in there if hop.step == step]
        if not there or (step > there[-1].step):
            break
        yield Line(_heading(step, _summary(step, there)), HEADING)
        yield from (_hop(columns, hop) for hop in hops)
    back = journey.part(DATA, REPLY)
    if back:
        yield Line(_heading(BACK, f"from {back[0].place}"), HEADING)
        yield from (_hop(columns, hop) for hop in back)
    yield Line("")
    yield from _end(journey)
    if verbose:
        yield Line("")
        yield Line(f"Every packet that was captured ({len(journey.seen)}):", HEADING)
        yield from (_captured(columns, observation) for observation in journey.seen)


def _heading(mark: int | str, summary: str) -> str:
    name = STEPS[mark] if isinstance(mark, int) else "reply"
    return f"{mark} {name:<12} {summary}".rstrip()


def _resolve(journey: Journey, columns: _Columns, *, verbose: bool) -> Iterator[Line]:
    """Step 1 in two lines: what DNS said, and the way that the question took."""
    found = journey.resolution
    if found is None:
        yield Line(_heading(1, "nothing to resolve: it is an address"), HEADING)
        return
    said = f"is {', '.join(found.addresses)}" if found.addresses else f": {found.status}"
    questions = f" ({found.questions} questions)" if found.questions > 1 else ""
    yield Line(_heading(1, f"{found.name} {said}{questions}".replace(" :", ":")), HEADING)
    there, back = journey.part(DNS, REQUEST), journey.part(DNS, REPLY)
    if verbose:
        yield from (_hop(columns, hop) for hop in (*there, *back))
    elif there:
        way = " → ".join(dict.fromkeys(hop.place for hop in there))
        took = f" and back in {(back[-1].t_ns - there[0].t_ns) // 1000} µs" if back else ""
        yield Line(f"{columns.line(there[0].t_ns, '', '', '')}  {way}{took}")


def _summary(step: int, there: tuple[Hop, ...]) -> str:
    """What happened in a step, in half a sentence, from what was seen."""
    return SUMMARIES[step](there)


def _service(there: tuple[Hop, ...]) -> str:
    first = there[0].packet
    chosen = next((hop for hop in there if hop.packet.dst != first.dst), None)
    if chosen is not None:
        return f"{first.dst}:{first.dport} becomes {chosen.packet.dst}:{chosen.packet.dport} on {chosen.place}"
    return "" if any(hop.step == 2 for hop in there) else "none: it is addressed directly"


def _route(there: tuple[Hop, ...]) -> str:
    out = next((hop for hop in there[1:] if hop.way == "out"), None)
    if out is None:
        return ""
    nat = f", from {out.packet.src} now" if out.packet.src != there[0].packet.src else ""
    return f"{out.place} sends it out of {out.interface}{nat}"


def _encapsulate(there: tuple[Hop, ...]) -> str:
    outer = next((hop.packet.outer for hop in there if hop.packet.outer), None)
    return wording.wrapper(outer) if outer else "not needed on this way"


def _firewall(there: tuple[Hop, ...]) -> str:
    arrived = [hop for hop in there if hop.step == 5]
    if not arrived:
        return "no other node on this way"
    return f"{arrived[0].place} lets it in" if there[-1].step > 5 else f"on {arrived[0].place}"


def _deliver(there: tuple[Hop, ...]) -> str:
    return f"to {there[-1].place}" if there[-1].stage == "deliver" else ""


SUMMARIES = {2: _service, 3: _route, 4: _encapsulate, 5: _firewall, 6: _deliver}


def _hop(columns: _Columns, hop: Hop) -> Line:
    outer = hop.packet.outer
    packet = wording.wrapper(outer) if outer else wording.short(hop.packet)
    text = columns.line(hop.t_ns, hop.place, wording.passing(hop.interface, hop.way), packet)
    return Line(text, WRAPPED if outer else PLAIN)


def _captured(columns: _Columns, observation: Observation) -> Line:
    capture, outer = observation.capture, observation.packet.outer
    packet = f"{wording.wrapper(outer)}  " if outer else ""
    packet += wording.short(observation.packet) + (
        "  (checksum not filled in yet)" if observation.packet.unfinished else ""
    )
    text = columns.line(capture.t_ns, capture.place, wording.passing(capture.interface, capture.way), packet)
    return Line(text, WRAPPED if outer else FAINT)


def _end(journey: Journey) -> Iterator[Line]:
    if journey.verdict == DELIVERED:
        took = f"{journey.duration_us / 1000:.1f} ms"
        yield Line(f"delivered: {journey.answer} from {journey.answered_by} in {took}", GOOD)
    elif journey.lost is not None:
        way = {REQUEST: "on the way there", REPLY: "on the way back"}[journey.lost.direction]
        stage = "" if journey.lost.stage == REPLY else f" ({journey.lost.stage})"
        yield Line(f"{journey.verdict} at {journey.lost.place}{stage}, {way}", BAD)
        yield from (Line(line) for line in wrap(journey.lost.why, WIDTH))
        yield from (Line(f"  {command}") for command in journey.lost.fix)
