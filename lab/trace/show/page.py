"""A journey as one page for a browser: the map with the path on it, and every hop with its packet and what decided.

The page needs nothing but itself: style and script are in it, and its own policy forbids it to fetch anything.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from html import escape
from pathlib import Path
from string import Template

from lab import printable
from lab.map.labmap import LabMap
from lab.program_name import spoken
from lab.trace.ask import candidates
from lab.trace.explain.deciding import deciding
from lab.trace.journey import DATA, DELIVERED, DNS, Candidate, Decision, Hop, Journey
from lab.trace.show import reasons, wording
from lab.trace.show.chapters import BACK, Chapter, chapters
from lab.trace.show.chart import chart

EVIDENCE = {
    "captured": "seen on the interface",
    "kernel": "reported by the kernel as it happened",
    "queried": "asked of the kernel afterwards",
    "inferred": "concluded from the design",
}


FEW = 3
"""So many decisions of a hop are shown at once."""
LONGEST = 100
"""Letters of the deciding one, before its hop is opened."""


def page(journey: Journey, labmap: LabMap) -> str:
    """The whole HTML document."""
    script = _part("js")
    request = journey.request
    document = Template(_part("html")).substitute(
        title=escape(f"{request.source} → {request.to}: {journey.verdict}"),
        policy=b64encode(sha256(script.encode()).digest()).decode(),
        style=_part("css"),
        script=script,
        source=escape(request.source),
        target=escape(f"{request.to}{f':{request.port}' if request.port else ''}"),
        about=escape(f"{wording.written(request.packet) or request.protocol.upper()} in lab {journey.lab}"),
        verdict=escape(journey.verdict),
        ending=escape(_ending(journey)),
        loss="\n".join(_loss(journey)),
        map=chart(journey, labmap),
        chapters="\n".join(
            line for chapter in chapters(journey) for line in _chapter(chapter, _began(journey, chapter))
        ),
    )
    return printable.text(document)


def _part(kind: str) -> str:
    return Path(__file__).with_name(f"page.{kind}").read_text(encoding="utf-8")


def _ending(journey: Journey) -> str:
    if journey.verdict == DELIVERED:
        told = f"{journey.answer} from {journey.answered_by} in {journey.duration_us / 1000:.1f} ms".strip()
        return f"{told}. {stranger}" if (stranger := wording.stranger(journey)) else told
    return wording.ending(journey.verdict, journey.lost) if journey.lost else journey.verdict


def _loss(journey: Journey) -> Iterator[str]:
    lost = journey.lost
    if lost is None:
        return
    yield f'<section class="loss"><h2>Why it was {escape(journey.verdict)}</h2><p>{escape(lost.why)}</p>'
    if lost.object:
        yield f"<p>What did it, on {escape(lost.object_place or lost.place)}:</p><pre>{escape(lost.object)}</pre>"
    if lost.fix:
        yield "<p>This mends it:</p>"
        for command in map(spoken, reasons.mending(lost, journey.lab)):
            yield f'<div class="command"><pre>{escape(command)}</pre><button type="button">copy</button></div>'
    for file in dict.fromkeys(one.held_by for one in lost.fix if one.held_by):
        yield f"<p>{escape(wording.brought_back(file))}</p>"
    yield f'<p class="known">{escape(f"{lost.cause}: {EVIDENCE.get(lost.evidence, lost.evidence)}")}</p></section>'


def _began(journey: Journey, chapter: Chapter) -> int:
    phase = DNS if chapter.mark == "1" else DATA
    return min((hop.t_ns for hop in journey.hops if hop.phase == phase), default=0)


def _chapter(chapter: Chapter, began: int) -> Iterator[str]:
    kind = "back" if chapter.mark == BACK else "there"
    yield f'<section class="chapter {kind}">'
    yield f"<h2><b>{chapter.mark}</b> {chapter.name}</h2>"
    if chapter.summary:
        yield f"<p>{escape(chapter.summary)}</p>"
    yield from _candidates(chapter.candidates)
    yield from (f"<p>{escape(note)}</p>" for note in chapter.notes)
    if chapter.because is not None:
        yield from _decision(chapter.because, True)
    made_the_difference = deciding(chapter.hops)
    folded = chapter.mark == "1" and bool(chapter.hops)
    if folded:
        way = " → ".join(dict.fromkeys(hop.place for hop in chapter.hops if hop.direction == "request"))
        yield f'<details class="fold"><summary>{escape(way)}</summary>'
    for hop in chapter.hops:
        yield from _hop(hop, began, made_the_difference.get(hop.seq))
    if folded:
        yield "</details>"
    yield "</section>"


def _candidates(found: Sequence[Candidate]) -> Iterator[str]:
    """Folded, unless one of them was no candidate."""
    if found:
        opened = "" if all(one.candidate for one in found) else " open"
        told = escape(candidates.line(found))
        yield f'<details class="fold"{opened}><summary>{told}</summary><ul class="candidates">'
        yield from (f"<li>{escape(' '.join(text.split()))}</li>" for text in candidates.lines(found))
        yield "</ul></details>"


def _hop(hop: Hop, began: int, decided: Decision | None) -> Iterator[str]:
    outer = hop.packet.outer
    kind = f"hop {hop.direction}{' wrapped' if outer else ''}"
    yield f'<details class="{kind}" id="hop-{hop.seq}" data-hop="{hop.seq}" data-place="{escape(hop.place)}">'
    told = wording.wrapper(outer) if outer else wording.short(hop.packet)
    yield "<summary>"
    yield f'<span class="where">{escape(hop.place)}</span> <span class="door">{escape(_door(hop))}</span>'
    yield f'<span class="when">{(hop.t_ns - began) // 1000} µs</span> <span class="what">{escape(told)}</span>'
    if decided is not None:
        yield f'<span class="because">{escape(reasons.shortened(decided.text, LONGEST))}</span>'
        told = reasons.about(decided)
        yield f'<span class="aim">{escape(told)}</span>' if told else ""
    yield "</summary>"
    yield from _table("packet", _packet(hop))
    yield from _decisions(hop.decisions, decided)
    yield "</details>"


def _decisions(all_: Sequence[Decision], decided: Decision | None) -> Iterator[str]:
    """A few as they are; of many the deciding one first, the others folded away in their order."""
    folded = len(all_) > FEW
    if folded:
        yield from _decision(decided, True) if decided is not None else ()
        yield f'<details class="fold"><summary>all {len(all_)} decisions, in their order</summary>'
    yield from (line for one in all_ for line in _decision(one, one is decided))
    if folded:
        yield "</details>"


def _door(hop: Hop) -> str:
    return wording.passing(hop.interface, hop.way)


def _packet(hop: Hop) -> Iterator[tuple[str, str]]:
    packet, outer = hop.packet, hop.packet.outer
    yield "step", f"{hop.step}, {hop.stage}"
    if outer:
        ports = f", UDP port {outer.dport}" if outer.dport else ""
        number = f", network {outer.vni}" if outer.kind == "vxlan" else ""
        yield "outer packet", f"{outer.name}{number}: {outer.src} → {outer.dst}{ports}"
        yield "inside of it", wording.short(packet)
    else:
        yield "packet", wording.short(packet)
    yield "protocol", packet.protocol
    if packet.length:
        yield "length", f"{packet.length} bytes{', inside the tunnel' if outer else ''}"
    if packet.ttl:
        yield "TTL", str(packet.ttl)
    yield "known", EVIDENCE.get(hop.evidence, hop.evidence)


def _decision(one: Decision, is_deciding: bool) -> Iterator[str]:
    where = " ".join(dict.fromkeys(filter(None, (one.kind, one.table, one.chain))))
    yield f'<div class="decision{" deciding" if is_deciding else ""}">'
    yield f'<p><b>{escape(where)}</b> <span class="outcome">{escape(one.verdict)}</span></p>'
    yield f"<pre>{escape(one.text)}</pre>"
    known = "; ".join(filter(None, (one.intent, EVIDENCE.get(one.evidence, one.evidence))))
    yield f'<p class="known">{escape(known)}</p></div>'


def _table(name: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f'<dl class="{name}">'
    yield from (f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in rows)
    yield "</dl>"
