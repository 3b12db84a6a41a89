"""A journey in chapters: the six steps and the way back, each with half a sentence of what happened, and its hops."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.trace.explain.deciding import strongest
from lab.trace.journey import BY_HOSTS, DATA, DNS, REPLY, REQUEST, Candidate, Decision, Hop, Journey
from lab.trace.show import wording

STEPS = {1: "resolve", 2: "service", 3: "route", 4: "encapsulate", 5: "firewall", 6: "deliver"}
SERVICE = 2
BACK = "←"


@dataclass(frozen=True, slots=True)
class Chapter:
    """`mark` is 1 to 6, or the arrow of the reply. The hops of the first are those of the DNS question and its answer.

    `because` is what decided a step that has no hop of its own: the route into a tunnel, which step 4 shows.
    `candidates` are the Service's endpoints where the step chooses: kube-proxy in the second, DNS in the first. `notes`
    are sentences about what happened on the side: a source that was rewritten, a question that a program waits for.
    """

    mark: str
    name: str
    summary: str
    hops: tuple[Hop, ...] = ()
    because: Decision | None = None
    candidates: tuple[Candidate, ...] = ()
    notes: tuple[str, ...] = ()


def chapters(journey: Journey) -> Iterator[Chapter]:
    """From the question to where the journey ended; a step that was not needed is there and says so."""
    there, back = journey.part(DATA, REQUEST), journey.part(DATA, REPLY)
    by_dns = journey.candidates if not there or _are_named(journey) else ()
    asked = (*journey.part(DNS, REQUEST), *journey.part(DNS, REPLY))
    yield Chapter("1", STEPS[1], _resolve(journey), asked, None, by_dns, _asking(journey))
    rewritten = _rewritten(journey, there)
    for step in range(2, there[-1].step + 1 if there else 2):
        hops = tuple(hop for hop in there if hop.step == step)
        because = _route_into(there) if step == 3 and not hops else None
        candidates = journey.candidates if step == 2 and not by_dns else ()
        summary = SUMMARIES[step](there)
        if step == SERVICE and not hops and _is_chosen_at_home(journey, there):
            # A node translates what it sends itself before it is seen anywhere.
            first = there[0]
            summary = f"{journey.asked} becomes {first.packet.dst}:{first.packet.dport} on {first.place}"
            choosing = [one for one in first.decisions if one.kind == "ipvs"]
            because = strongest(
                choosing or (one for one in first.decisions if one.kind == "nat" and one.verdict == "DNAT")
            )
        yield Chapter(str(step), STEPS[step], summary, hops, because, candidates, rewritten.get(step, ()))
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
    if found.status == BY_HOSTS:
        return f"{found.name} is {', '.join(found.addresses)}, says /etc/hosts"
    questions = f" ({found.questions} questions)" if found.questions > 1 else ""
    alias = f" is {found.alias}," if found.alias else ""
    said = f"{alias} is {', '.join(found.addresses)}" if found.addresses else f":{alias} {found.status}"
    return f"{found.name}{said}{questions}"


def _asking(journey: Journey) -> tuple[str, ...]:
    found = journey.resolution
    if found is None or not found.waited:
        return ()
    return (f"a question got no answer and was asked again: a program waits {found.waited} s",)


def _is_chosen_at_home(journey: Journey, there: tuple[Hop, ...]) -> bool:
    first = there[0].packet
    return bool(journey.candidates) and journey.asked not in ("", f"{first.dst}:{first.dport}", first.dst)


def _rewritten(journey: Journey, there: tuple[Hop, ...]) -> dict[int, tuple[str, ...]]:
    """What became of the request's source on its way, by the step in which it is seen first."""
    found: dict[int, tuple[str, ...]] = {}
    before = journey.client
    for hop in there:
        source = hop.packet.src
        if before and source != before:
            told = f"source NAT on {hop.place}: {before} becomes {source}"
            found[hop.step] = (*found.get(hop.step, ()), told)
        before = source
    return found


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
    return f"{out.place} sends it out of {out.interface}"


def _route_into(there: tuple[Hop, ...]) -> Decision | None:
    out = _sent(there)
    return strongest(one for one in out.decisions if one.kind == "route") if out else None


def _sent(there: tuple[Hop, ...]) -> Hop | None:
    """Where the client's node sent it out, or the one asked on a node port; a pod's own sending was the first."""
    starts = 1 if "/" in there[0].place else 0
    return next((hop for hop in there[starts:] if hop.way == "out" and hop.step > SERVICE), None)


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
