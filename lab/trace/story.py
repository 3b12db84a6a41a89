"""A journey as a story for the terminal: the six steps and the way back, one line for each interface passed.

Under a line hangs what decided there: the one decision that made the difference, or with `verbose` all of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import wrap

from lab.trace import endpoints, reasons, wording
from lab.trace.chapters import Chapter, chapters
from lab.trace.deciding import deciding, rewriting
from lab.trace.journey import DATA, DELIVERED, DNS, REPLY, REQUEST, UNRESOLVED, Candidate, Decision, Hop, Journey
from lab.trace.observation import Observation

PLAIN, HEADING, WRAPPED, FAINT, GOOD, BAD = "", "bold", "orange", "faint", "good", "bad"
WIDTH = 100
TREE = 12  # so far in, below the place, hangs what decided
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
    first, *others = chapters(journey)
    yield _heading(first)
    yield from _candidates(first.candidates, verbose=verbose)
    yield from _asides(first)
    asking = _Columns.of(journey, DNS)
    if verbose or _question_explains(journey):
        yield from _hops(asking, first.hops, verbose=verbose)
    else:
        yield from _asked(asking, journey)
    for chapter in others:
        yield _heading(chapter)
        yield from _candidates(chapter.candidates, verbose=verbose)
        yield from _asides(chapter)
        if chapter.because is not None:
            yield from _reason(chapter.because)
        yield from _hops(columns, chapter.hops, verbose=verbose)
    yield Line("")
    yield from _end(journey)
    yield from _notes(journey)
    if verbose:
        yield Line("")
        yield Line(f"Every packet that was captured ({len(journey.seen)}):", HEADING)
        yield from (_captured(columns, observation) for observation in journey.seen)


def _heading(chapter: Chapter) -> Line:
    return Line(f"{chapter.mark} {chapter.name:<12} {chapter.summary}".rstrip(), HEADING)


def _candidates(found: tuple[Candidate, ...], *, verbose: bool) -> Iterator[Line]:
    if verbose:
        yield from (Line(f"{'':{TREE}}{text}", FAINT) for text in endpoints.lines(found))
    elif found:
        yield from (Line(f"{'':{TREE}}{text}", FAINT) for text in wrap(endpoints.line(found), WIDTH - TREE))


def _asides(chapter: Chapter) -> Iterator[Line]:
    for note in chapter.notes:
        yield from (Line(f"{'':{TREE}}{text}") for text in wrap(note, WIDTH - TREE))


def _question_explains(journey: Journey) -> bool:
    """Whether the question itself was lost, and something is known about why."""
    lost = journey.lost is not None and journey.lost.phase == DNS and journey.verdict != UNRESOLVED
    return lost and any(hop.decisions for hop in journey.part(DNS, REQUEST))


def _asked(columns: _Columns, journey: Journey) -> Iterator[Line]:
    """The way that the DNS question took, in one line."""
    there, back = journey.part(DNS, REQUEST), journey.part(DNS, REPLY)
    if there:
        way = " → ".join(dict.fromkeys(hop.place for hop in there))
        took = f" and back in {(back[-1].t_ns - there[0].t_ns) // 1000} µs" if back else ""
        yield Line(f"{columns.line(there[0].t_ns, '', '', '')}  {way}{took}")


def _hops(columns: _Columns, hops: tuple[Hop, ...], *, verbose: bool) -> Iterator[Line]:
    made_the_difference = deciding(hops)
    for hop in hops:
        yield _hop(columns, hop)
        if verbose:
            for place, one in enumerate(hop.decisions, 1):
                yield Line(f"{'':{TREE}}{'└' if place == len(hop.decisions) else '├'} {reasons.whole(one)}", FAINT)
        else:
            rewrote = rewriting(hop) if hop.direction == REQUEST else None
            for told in dict.fromkeys(filter(None, (made_the_difference.get(hop.seq), rewrote))):
                yield from _reason(told)


def _reason(decision: Decision) -> Iterator[Line]:
    room = WIDTH - TREE - 2
    yield Line(f"{'':{TREE}}└ {reasons.brief(decision, room)}", FAINT)
    told = reasons.about(decision)
    if told:
        yield Line(f"{'':{TREE}}  {told if len(told) <= room else f'{told[: room - 1]}…'}", FAINT)


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


def _notes(journey: Journey) -> Iterator[Line]:
    for note in journey.notes:
        yield Line("")
        yield from (
            Line(line, FAINT) for line in wrap(f"{journey.request.source} is not as its manifest: {note}", WIDTH)
        )


def _end(journey: Journey) -> Iterator[Line]:
    if journey.verdict == DELIVERED:
        took = f"{journey.duration_us / 1000:.1f} ms"
        whose = f" from {journey.answered_by}" if journey.answered_by else ""
        yield Line(f"delivered: {journey.answer}{whose} in {took}", GOOD)
    elif journey.lost is not None:
        yield Line(wording.ending(journey.verdict, journey.lost), BAD)
        yield from (Line(line) for line in wrap(journey.lost.why, WIDTH))
        if journey.lost.object:
            yield Line(f"  {reasons.shortened(journey.lost.object, WIDTH - 2)}")
        yield from (Line(f"  {command}") for command in reasons.mending(journey.lost, journey.lab))
