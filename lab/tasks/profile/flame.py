"""What `up --profile` has noted, as people and programs read it: a table of phases within phases, whose bars stand
where the time went, and a trace for chrome://tracing, Perfetto and speedscope. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lab.spans import PATH, Span

SCHEMA = "hoplab.profile/v1"
UNACCOUNTED = "(unaccounted)"
WIDE = 40  # characters of the bars' column
LEAST_MS = 0.05  # less is no row
INDENT = "  "


@dataclass(frozen=True, slots=True)
class Profile:
    """One command's: when it began and ended, and the phases of each process, by what it is called; the first is the
    command itself. All in nanoseconds of CLOCK_MONOTONIC.
    """

    name: str
    begin: int
    end: int
    spans: Mapping[str, Sequence[Span]]

    @property
    def path(self) -> Phase:
        """All of the command: what was waited for, phases within phases, whichever process was at work."""
        whole = Phase(self.name, self.begin, self.end)
        on_path = (one for of_one in self.spans.values() for one in of_one if one.track == PATH)
        for span in sorted(on_path, key=lambda one: (one.begin, -one.end)):
            whole.take(span)
        return whole

    @property
    def beside(self) -> list[Span]:
        """What went on meanwhile, by its track and its beginning."""
        found = [one for of_one in self.spans.values() for one in of_one if one.track != PATH]
        return sorted(found, key=lambda one: (one.track, one.begin))


@dataclass(slots=True)
class Phase:
    """One that has others in it, none of which overlap."""

    name: str
    begin: int
    end: int
    parts: list[Phase] = field(default_factory=list)

    def take(self, span: Span) -> None:
        """Put it where it belongs: they come by their beginnings. Of one that ends later than this the rest is cut."""
        last = self.parts[-1] if self.parts else None
        if last is not None and span.begin < last.end:
            last.take(span)
            return
        begin, end = max(span.begin, self.begin), min(span.end, self.end)
        if end > begin:
            self.parts.append(Phase(span.name, begin, end))

    @property
    def milliseconds(self) -> float:
        return (self.end - self.begin) / 1e6

    @property
    def unaccounted(self) -> float:
        """Milliseconds in which none of its parts was."""
        return self.milliseconds - sum(part.milliseconds for part in self.parts)


def table(profile: Profile) -> str:
    """Rows for people: phases, milliseconds, share of the whole, and a bar from beginning to end."""
    whole = profile.path
    rows = [*_rows(whole, 0)]
    scale = whole.end - whole.begin
    lines = [("PHASE", "MS", "SHARE", "")]
    lines += [
        _line(name, ms, ms / whole.milliseconds, _bar(begin, end, whole.begin, scale)) for name, ms, begin, end in rows
    ]
    beside = profile.beside
    if beside:
        lines.append(("meanwhile", "", "", ""))
        for one in beside:
            name = f"{INDENT}{one.track}: {one.name}"
            lines.append(_line(name, (one.end - one.begin) / 1e6, None, _bar(one.begin, one.end, whole.begin, scale)))
    wide = max(len(name) for name, *_ in lines)
    return "\n".join(f"{name:<{wide}}   {ms:>7}   {share:>6}   {bar}".rstrip() for name, ms, share, bar in lines)


def _rows(phase: Phase, depth: int) -> Iterator[tuple[str, float, int, int]]:
    """Each with its milliseconds and where it is; what is unaccounted for is nowhere."""
    yield INDENT * depth + phase.name, phase.milliseconds, phase.begin, phase.end
    for part in phase.parts:
        if part.milliseconds >= LEAST_MS:
            yield from _rows(part, depth + 1)
    small = sum(part.milliseconds for part in phase.parts if part.milliseconds < LEAST_MS)
    if phase.parts and phase.unaccounted + small >= LEAST_MS:
        yield INDENT * (depth + 1) + UNACCOUNTED, phase.unaccounted + small, 0, 0


def _line(name: str, ms: float, share: float | None, bar: str) -> tuple[str, str, str, str]:
    return name, f"{ms:.1f}", "" if share is None else f"{share:.1%}", bar


def _bar(begin: int, end: int, zero: int, scale: int) -> str:
    if end <= begin:
        return ""
    first, last = ((one - zero) * WIDE // scale for one in (begin, end))
    return " " * first + "█" * max(1, last - first)


def chrome(profile: Profile) -> str:
    """JSON of complete events (ph X), a process for each of ours, a thread for each track. Times count from the
    command's beginning, in microseconds.
    """
    events: list[dict[str, object]] = []
    for pid, (process, spans) in enumerate(profile.spans.items(), start=1):
        tracks = list(dict.fromkeys([PATH, *(one.track for one in spans)]))
        events.append(_named("process_name", pid, 0, process))
        events += [_named("thread_name", pid, tid, track or "what is waited for") for tid, track in enumerate(tracks)]
        events += _complete(profile, pid, spans, tracks, whole=pid == 1)
    return (
        json.dumps({"displayTimeUnit": "ms", "otherData": {"schema": SCHEMA}, "traceEvents": events}, indent=1) + "\n"
    )


def _complete(
    profile: Profile, pid: int, spans: Iterable[Span], tracks: Sequence[str], *, whole: bool
) -> Iterator[dict[str, object]]:
    first = [Span(profile.name, profile.begin, profile.end)] if whole else []
    for one in (*first, *sorted(spans, key=lambda one: (one.begin, -one.end))):
        yield {
            "name": one.name,
            "cat": "up",
            "ph": "X",
            "ts": (one.begin - profile.begin) / 1000,
            "dur": (one.end - one.begin) / 1000,
            "pid": pid,
            "tid": tracks.index(one.track),
        }


def _named(what: str, pid: int, tid: int, name: str) -> dict[str, object]:
    return {"name": what, "ph": "M", "pid": pid, "tid": tid, "args": {"name": name}}
