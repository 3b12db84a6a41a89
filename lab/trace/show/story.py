"""A journey as a story for the terminal: the six steps and the way back, one line for each interface passed.

Under a line hangs what decided there: the one decision that made the difference, or with `verbose` all of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from lab import terminal
from lab.network.tunnels import SEALED
from lab.trace.ask import candidates
from lab.trace.explain.deciding import deciding, rewriting
from lab.trace.explain.delay import holding
from lab.trace.journey import DATA, DELIVERED, DNS, REPLY, REQUEST, UNRESOLVED, Decision, Hop, Journey
from lab.trace.show import layout, reasons, wording
from lab.trace.show.chapters import Chapter, chapters
from lab.trace.witness.observation import Observation

PLAIN, HEADING, WRAPPED, FAINT, GOOD, BAD = "", "bold", "orange", "faint", "good", "bad"
SLOW_NS = 100_000_000  # a lookup that takes longer is told hop by hop
FAILED = ("dns-servfail", "dns-refused", "dns-notimp")
TREE = 12  # so far in, below the place, hangs what decided
STYLES = {PLAIN: "", HEADING: "bold", WRAPPED: "dark_orange", FAINT: "dim", GOOD: "bold green", BAD: "bold red"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line and how it should look."""

    text: str
    style: str = PLAIN


def tell(journey: Journey, *, verbose: bool = False, width: int = 0) -> tuple[Line, ...]:
    """The story. `verbose` also has every hop of the DNS question, and at the end every packet that was captured; its
    decisions are whole, however long they are.

    `width` is the terminal's, which every line then fits; 0 for a file, where commands to paste stay in one line.
    """
    return tuple(_Story(journey, verbose, max(width, layout.LEAST) if width else 0).lines())


def show(journey: Journey, *, verbose: bool = False) -> None:
    """Write the story to standard output: in colours on a terminal, else as plain text."""
    width = terminal.width() if sys.stdout.isatty() else 0
    terminal.styled((line.text, STYLES[line.style]) for line in tell(journey, verbose=verbose, width=width))


class _Story:
    """One journey as it is told once."""

    def __init__(self, journey: Journey, verbose: bool, terminal_width: int) -> None:
        self._journey = journey
        self._verbose = verbose
        self._width = terminal_width or layout.USUAL
        self._in_a_file = not terminal_width

    def lines(self) -> Iterator[Line]:
        yield from self._title()
        yield Line("")
        first, *others = chapters(self._journey)
        asking, asked = self._columns(DNS), self._columns(DATA)
        yield from self._opening(first)
        if self._verbose or _question_explains(self._journey):
            yield from self._hops(asking, first.hops)
        else:
            yield from self._question(asking)
        for chapter in others:
            yield from self._opening(chapter)
            if chapter.because is not None:
                yield from self._reason(chapter.because)
            yield from self._hops(asked, chapter.hops)
        yield Line("")
        yield from self._end()
        yield from self._notes()
        yield from self._stopped()
        if self._verbose:
            yield Line("")
            yield Line(f"Every packet that was captured ({len(self._journey.seen)}):", HEADING)
            for observation in self._journey.seen:
                yield from self._captured(asked, observation)

    def _columns(self, phase: str) -> layout.Columns:
        began = min((hop.t_ns for hop in self._journey.hops if hop.phase == phase), default=0)
        return layout.columns(self._journey.hops, began, self._width, map(_packet, self._journey.hops))

    def _title(self) -> Iterator[Line]:
        request = self._journey.request
        port = f":{request.port}" if request.port else ""
        told = f"{request.source} asks {request.to}{port} ({request.protocol}), lab {self._journey.lab}"
        if request.packet:
            told = f"{request.source} sends {wording.written(request.packet)}, lab {self._journey.lab}"
        yield from self._wrapped(told, HEADING, hanging=2)

    def _wrapped(self, text: str, style: str = PLAIN, *, indent: int = 0, hanging: int | None = None) -> Iterator[Line]:
        yield from (Line(line, style) for line in layout.wrapped(text, self._width, indent, hanging))

    def _opening(self, chapter: Chapter) -> Iterator[Line]:
        heading = f"{chapter.mark} {chapter.name:<12} "
        if len(heading + chapter.summary) <= self._width:
            yield Line(f"{heading}{chapter.summary}".rstrip(), HEADING)
        else:
            first, *rest = layout.wrapped(chapter.summary, self._width - len(heading))
            yield Line(f"{heading}{first}", HEADING)
            yield from (Line(f"{'':{len(heading)}}{text}", HEADING) for text in rest)
        if self._verbose:
            yield from (Line(f"{'':{TREE}}{text}", FAINT) for text in candidates.lines(chapter.candidates))
        elif chapter.candidates:
            yield from self._wrapped(candidates.line(chapter.candidates), FAINT, indent=TREE)
        for note in chapter.notes:
            yield from self._wrapped(note, indent=TREE)

    def _question(self, columns: layout.Columns) -> Iterator[Line]:
        """The way that the DNS question took, in one sentence."""
        there, back = self._journey.part(DNS, REQUEST), self._journey.part(DNS, REPLY)
        if there:
            took = f" and back in {(back[-1].t_ns - there[0].t_ns) // 1000} µs" if back else ""
            told = columns.way(there[0].t_ns, dict.fromkeys(hop.place for hop in there), took)
            yield from self._wrapped(told.lstrip(), indent=len(told) - len(told.lstrip()), hanging=TREE)

    def _hops(self, columns: layout.Columns, hops: tuple[Hop, ...]) -> Iterator[Line]:
        made_the_difference = deciding(hops)
        for hop in hops:
            yield from self._passed(columns, hop.t_ns, (hop.place, hop.interface, hop.way), _packet(hop), _style(hop))
            if self._verbose:
                for place, one in enumerate(hop.decisions, 1):
                    yield Line(f"{'':{TREE}}{'└' if place == len(hop.decisions) else '├'} {reasons.whole(one)}", FAINT)
            else:
                rewrote = rewriting(hop) if hop.direction == REQUEST else None
                for told in dict.fromkeys(filter(None, (made_the_difference.get(hop.seq), rewrote, holding(hop)))):
                    yield from self._reason(told)

    def _passed(
        self, columns: layout.Columns, t_ns: int, where: tuple[str, str, str], packet: str, style: str
    ) -> Iterator[Line]:
        place, interface, way = where
        yield from (Line(text, style) for text in columns.lines(t_ns, place, wording.passing(interface, way), packet))

    def _reason(self, decision: Decision) -> Iterator[Line]:
        room = self._width - TREE - 2
        yield Line(f"{'':{TREE}}└ {reasons.brief(decision, room)}", FAINT)
        told = reasons.about(decision)
        if told:
            yield Line(f"{'':{TREE}}  {told if len(told) <= room else f'{told[: room - 1]}…'}", FAINT)

    def _captured(self, columns: layout.Columns, observation: Observation) -> Iterator[Line]:
        capture, outer = observation.capture, observation.packet.outer
        packet = f"{wording.wrapper(outer)}  " if outer else ""
        packet += wording.short(observation.packet)
        if observation.tunnel == SEALED:
            packet += "  (inferred: nobody can read it)"
        elif observation.packet.unfinished:
            packet += "  (checksum not filled in yet)"
        where = (capture.place, capture.interface, capture.way)
        yield from self._passed(columns, capture.t_ns, where, packet, WRAPPED if outer else FAINT)

    def _notes(self) -> Iterator[Line]:
        for note in self._journey.notes:
            yield Line("")
            yield from self._wrapped(f"{self._journey.request.source} is not as its manifest: {note}", FAINT)
        for remark in self._journey.remarks:
            yield Line("")
            yield from self._wrapped(remark)

    def _stopped(self) -> Iterator[Line]:
        for told in self._journey.stopped:
            yield Line("")
            yield from self._wrapped(told, BAD)

    def _end(self) -> Iterator[Line]:
        journey = self._journey
        if journey.verdict == DELIVERED:
            took = f"{journey.duration_us / 1000:.1f} ms"
            whose = f" from {journey.answered_by}" if journey.answered_by else ""
            yield from self._wrapped(f"delivered: {journey.answer}{whose} in {took}", GOOD)
            if told := wording.stranger(journey):
                yield from self._wrapped(told, BAD)
        elif journey.lost is not None:
            yield from self._wrapped(wording.ending(journey.verdict, journey.lost), BAD)
            yield from self._wrapped(journey.lost.why)
            if journey.lost.object:
                yield Line(f"  {reasons.shortened(journey.lost.object, self._width - 2)}")
            for one in journey.lost.fix:
                told = reasons.begun(reasons.typed(one, journey.lab))
                apart = self._in_a_file or "\n" in told
                lines = [f"  {line}" for line in told.splitlines()] if apart else layout.command(told, self._width)
                yield from map(Line, lines)
            for file in dict.fromkeys(one.held_by for one in journey.lost.fix if one.held_by):
                yield from self._wrapped(wording.brought_back(file))


def _packet(hop: Hop) -> str:
    return wording.wrapper(hop.packet.outer) if hop.packet.outer else wording.short(hop.packet)


def _style(hop: Hop) -> str:
    return WRAPPED if hop.packet.outer else PLAIN


def _question_explains(journey: Journey) -> bool:
    """Whether the lookup's own way matters: it was lost, refused or failed at a server, or took long."""
    asked, lost, found = journey.part(DNS, REQUEST), journey.lost, journey.resolution
    if lost is not None and lost.phase == DNS:
        return any(hop.decisions for hop in asked) and (journey.verdict != UNRESOLVED or lost.cause in FAILED)
    answered = journey.part(DNS, REPLY)
    took = answered[-1].t_ns - asked[0].t_ns if asked and answered else 0
    return took > SLOW_NS or (found is not None and found.waited > 0)
