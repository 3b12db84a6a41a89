"""The first thing in which two journeys of a request differ, told so that a person sees what changed between them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from lab.trace.ask import candidates
from lab.trace.journey import DELIVERED, UNRESOLVED, Hop, Journey
from lab.trace.show import reasons, stable, wording

SAME = ()
NOTHING = "nothing was seen any more"


def difference(before: Journey, now: Journey) -> tuple[str, ...]:
    """Some lines: where, what was there before, what is there now. None at all if only ephemeral things differ."""
    return _asked(before, now) or _candidates(before, now) or _hops(before, now) or _ended(before, now)


def _asked(before: Journey, now: Journey) -> tuple[str, ...]:
    asked, asks = _question(before), _question(now)
    return SAME if asked == asks else _block("the requests differ", [asked], [asks])


def _candidates(before: Journey, now: Journey) -> tuple[str, ...]:
    """Who might have been chosen; nothing where one of the journeys does not tell."""
    was, is_ = _standing(before), _standing(now)
    if not was or not is_ or was == is_:
        return SAME
    return _block(
        "the Service's candidates, step 2 service",
        [candidates.line(before.candidates)],
        [candidates.line(now.candidates)],
    )


def _standing(journey: Journey) -> frozenset[tuple[str, int, bool]]:
    return frozenset((one.name, one.port, one.candidate) for one in journey.candidates)


def _hops(before: Journey, now: Journey) -> tuple[str, ...]:
    then, since = stable.told(before), stable.told(now)
    old, new = stable.given_ports(then), stable.given_ports(since)
    for was, is_ in zip_longest(then, since):
        if was is None or is_ is None or stable.words(was) != stable.words(is_):
            return _block(_where(was, is_), _told(was, before), _told(is_, now))
        one, other = [stable.reason(d, old) for d in was.decisions], [stable.reason(d, new) for d in is_.decisions]
        if one != other:
            lost = [reasons.whole(d) for d, text in zip(was.decisions, one, strict=True) if text not in other]
            came = [reasons.whole(d) for d, text in zip(is_.decisions, other, strict=True) if text not in one]
            if not lost and not came:
                lost, came = list(map(reasons.whole, was.decisions)), list(map(reasons.whole, is_.decisions))
            told = f"{_where(was, is_)}: the same packet, decided otherwise"
            return _block(told, lost or ["(not there)"], came or ["(not there any more)"])
    return SAME


def _ended(before: Journey, now: Journey) -> tuple[str, ...]:
    was, is_ = list(_end(before)), list(_end(now))
    return SAME if was == is_ else _block("all hops are the same, but not the end", was, is_)


def _where(was: Hop | None, is_: Hop | None) -> str:
    hop = was or is_
    assert hop is not None
    number = f"hop {was.seq} before, {is_.seq} now" if was and is_ and was.seq != is_.seq else f"hop {hop.seq}"
    place = (
        hop.place if was is None or is_ is None or was.place == is_.place else f"{was.place} before, {is_.place} now"
    )
    return f"{number}, {hop.phase} {hop.direction}, step {hop.step} {hop.stage}, at {place}"


def _told(hop: Hop | None, journey: Journey) -> list[str]:
    if hop is None:
        return [NOTHING, *_end(journey)]
    lines = [f"{hop.place}  {wording.passing(hop.interface, hop.way)}  {stable.packet(hop)}"]
    return [*lines, *map(reasons.whole, hop.decisions)]


def _end(journey: Journey) -> Iterator[str]:
    if journey.verdict == DELIVERED:
        yield f"{DELIVERED}, answered by {journey.answered_by}"
    elif journey.lost is None:
        yield journey.verdict
    elif journey.verdict == UNRESOLVED:
        yield f"{UNRESOLVED}: {journey.lost.cause}"  # whichever of the DNS pods said so
    else:
        yield wording.ending(journey.verdict, journey.lost)
        yield journey.lost.why
        if journey.lost.object:
            yield journey.lost.object


def _question(journey: Journey) -> str:
    asked = journey.request
    if asked.packet:
        return f"{asked.source} sends {wording.written(asked.packet)}"
    return f"{asked.source} asks {asked.to}{f':{asked.port}' if asked.port else ''} ({asked.protocol})"


def _block(where: str, before: list[str], now: list[str]) -> tuple[str, ...]:
    lines = [f"the first difference: {where}"]
    for name, told in (("before", before), ("now", now)):
        lines += [f"  {name if place == 0 else '':<8}{text}" for place, text in enumerate(told)]
    return tuple(lines)
