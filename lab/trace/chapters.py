"""A journey in chapters: the six steps and the way back, each with half a sentence of what happened, and its hops."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.trace import wording
from lab.trace.deciding import strongest
from lab.trace.journey import DATA, DNS, REPLY, REQUEST, Candidate, Decision, Hop, Journey

STEPS = {1: "resolve", 2: "service", 3: "route", 4: "encapsulate", 5: "firewall", 6: "deliver"}
BACK = "←"


@dataclass(frozen=True, slots=True)
class Chapter:
    """`mark` is 1 to 6, or the arrow of the reply. The hops of the first are those of the DNS question and its answer.

    `because` is what decided a step that has no hop of its own: the route into a tunnel, which step 4 shows.
    `candidates` are the Service's endpoints where the step chooses: kube-proxy in the second, DNS in the first.
    """

    mark: str
    name: str
    summary: str
    hops: tuple[Hop, ...] = ()
    because: Decision | None = None
    candidates: tuple[Candidate, ...] = ()


def chapters(journey: Journey) -> Iterator[Chapter]:
    """From the question to where the journey ended; a step that was not needed is there and says so."""
    there, back = journey.part(DATA, REQUEST), journey.part(DATA, REPLY)
    by_dns = journey.candidates if not there or _are_named(journey) else ()
    asked = (*journey.part(DNS, REQUEST), *journey.part(DNS, REPLY))
    yield Chapter("1", STEPS[1], _resolve(journey), asked, candidates=by_dns)
    for step in range(2, there[-1].step + 1 if there else 2):
        hops = tuple(hop for hop in there if hop.step == step)
        because = _route_into(there) if step == 3 and not hops else None
        candidates = journey.candidates if step == 2 and not by_dns else ()
        yield Chapter(str(step), STEPS[step], SUMMARIES[step](there), hops, because, candidates)
    if back:
        yield Chapter(BACK, "reply", f"from {back[0].place}", back)


def _are_named(journey: Journey) -> bool:
    """Whether DNS answered with the endpoints' own addresses."""
    found = journey.resolution
    return found is not None and any(one.address in found.addresses for one in journey.candidates)


def _resolve(journey: Journey) -> str:
    found = journey.resolution
    if found is None:
        return "nothing to resolve: it is an address"
    questions = f" ({found.questions} questions)" if found.questions > 1 else ""
    said = f" is {', '.join(found.addresses)}" if found.addresses else f": {found.status}"
    return f"{found.name}{said}{questions}"


def _service(there: tuple[Hop, ...]) -> str:
    first = there[0].packet
    chosen = next((hop for hop in there if hop.packet.dst != first.dst), None)
    if chosen is not None:
        return f"{first.dst}:{first.dport} becomes {chosen.packet.dst}:{chosen.packet.dport} on {chosen.place}"
    return "" if any(hop.step == 2 for hop in there) else "none: it is addressed directly"


def _route(there: tuple[Hop, ...]) -> str:
    out = _sent(there)
    if out is None:
        return ""
    nat = f", from {out.packet.src} now" if out.packet.src != there[0].packet.src else ""
    return f"{out.place} sends it out of {out.interface}{nat}"


def _route_into(there: tuple[Hop, ...]) -> Decision | None:
    out = _sent(there)
    return strongest(one for one in out.decisions if one.kind == "route") if out else None


def _sent(there: tuple[Hop, ...]) -> Hop | None:
    """Where the client's node sent it out, or the one asked on a node port; a pod's own sending was the first."""
    return next((hop for hop in there[1:] if hop.way == "out" and hop.step > 2), None)


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
