"""What somebody wants done to a link: it loses what leaves there, or holds it until nobody waits any more."""

from __future__ import annotations

from collections.abc import Iterator

from lab.network.underlay import netem_device as impairments
from lab.network.underlay.netem_device import Impaired
from lab.trace.explain.delay import KIND
from lab.trace.explain.loss import remedies
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.gap import EGRESS, arp_gaps, gaps
from lab.trace.explain.loss.links.traffic import unqueued
from lab.trace.journey import CAPTURED, INFERRED, KERNEL, QUERIED, Decision, Mending
from lab.trace.witness.tc import Discipline

DROP = "DROP"


def lost_by_rule(case: Case) -> Finding | None:
    """The rule that loses packets in netem's stead caught it."""
    for place, decision in _verdicts(case):
        some = "packets by chance" if "-m statistic" in decision.text else "every packet"
        why = (
            f"{place}/{_device(decision)} is impaired, as somebody wants it: a rule in chain {decision.chain} of "
            f"{decision.table} drops {some}, and dropped the {case.name}.{_set_by(decision)}"
        )
        held_by = impairments.held_by(decision.intent)
        fix = tuple(Mending(place, line, held_by) for line in remedies.without(decision))
        return Finding(place, Cause.IMPAIRMENT, decision.text, why, (), KERNEL, "", place, fix)
    return None


def lost_in_queue(case: Case) -> Finding | None:
    """It vanished where it should have left, or ARP for its next hop did, by a device that loses or holds packets."""
    for gap, what in (
        *((one, f"the {case.name}") for one in gaps(case)),
        *((one, f"ARP for the {case.name}'s next hop") for one in arp_gaps(case)),
    ):
        one = case.labmap.by_impaired.get((gap.place, gap.device))
        held = _discipline(case, gap.place, gap.device)
        if gap.hook != EGRESS or one is None or held is None:
            continue
        told = _lost(one, held, case.about(gap.place).counted.dropped(gap.device), what)
        if told is not None:
            why, evidence = told
            return finding(one, held, why, evidence)
    return None


def _lost(one: Impaired, held: Discipline, dropped: int, what: str) -> tuple[str, str] | None:
    """What happened to it there, and how that is known."""
    if dropped:
        packets = "a packet" if dropped == 1 else f"{dropped} packets"
        return f"Its queue counted {packets} that it dropped meanwhile, and {what} did not leave through it.", KERNEL
    if one.delay and held.waiting:
        return f"Its queue holds packets back, and {what} has not left through it.", QUERIED
    if one.loss:
        return f"{what[0].upper()}{what[1:]} was not seen to leave through it.", INFERRED
    return None


def finding(one: Impaired, held: Discipline, what: str, evidence: str = CAPTURED) -> Finding:
    """That a device is impaired as somebody wants it, what came of it, and what takes that away."""
    why = f"{one.where} is impaired, as somebody wants it ({one.words}). {what}{_written(one.origin, one.where)}"
    fix = tuple(Mending(one.place, line, one.held_by) for line in unqueued(held))
    return Finding(one.place, Cause.IMPAIRMENT, held.text.strip(), why, (), evidence, "", "", fix)


def _discipline(case: Case, place: str, device: str) -> Discipline | None:
    there = case.about(place).answers.queueing.disciplines
    return next((one for one in there if one.device == device), None)


def _verdicts(case: Case) -> Iterator[tuple[str, Decision]]:
    for hop in reversed(case.hops):
        if hop.direction == case.direction:
            yield from ((hop.place, one) for one in hop.decisions if _drops(one))
    for stopped in case.stopped:
        if stopped.place in case.suspects and not stopped.is_refusal:
            yield from ((stopped.place, one) for one in stopped.decisions if _drops(one))


def _drops(decision: Decision) -> bool:
    return decision.kind == KIND and decision.verdict.upper() == DROP


def _device(decision: Decision) -> str:
    words = decision.text.split()
    return words[words.index("-o") + 1] if "-o" in words[:-1] else ""


def _set_by(decision: Decision) -> str:
    held_by = impairments.held_by(decision.intent)
    where = held_by.removeprefix(impairments.BY_HAND).strip()
    return _written("" if held_by.startswith(f"{impairments.BY_HAND} ") else held_by, where)


def _written(origin: str, where: str) -> str:
    """Who wants it, as the end of a text."""
    return f" It is written in {origin}." if origin else f" `./inv impair {where} --clear` ends it for good."
