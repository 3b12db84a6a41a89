"""A rule that is not the cluster's met the packet and did something to it that is not to end it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lab.network.underlay import firewall as authors
from lab.plan.drift import Drift
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.foreign import taken_out
from lab.trace.explain.loss.rules import drift, masquerading
from lab.trace.explain.loss.rules.suspects import RULES
from lab.trace.journey import KERNEL, REPLY, REQUEST, Decision

NAT = "nat"
ACCEPT = "ACCEPT"
TRANSLATING = ("DNAT", "SNAT", "MASQUERADE", "REDIRECT")
_UNTRACKED = re.compile(r"-j (?:CT --notrack|NOTRACK)|\bnotrack\b")
_DOES: tuple[tuple[re.Pattern[str], str], ...] = (
    (_UNTRACKED, "keeps connection tracking from following"),
    (re.compile(r"-j (?:MARK|CONNMARK)|\b(?:meta|ct) mark set\b"), "marks"),
    (re.compile(r"-j TTL |\bip ttl set\b"), "changes the time to live of"),
    (re.compile(r"-j TPROXY|\btproxy to\b"), "hands to a proxy"),
    (re.compile(r"-j TEE|\bdup to\b"), "copies"),
    (re.compile(r"-j SYNPROXY|\bsynproxy\b"), "answers in the server's stead"),
)


def spared(case: Case) -> Finding | None:
    """The node that chooses has a rule before kube-proxy's that ends the nat table, or keeps the packet out of it."""
    service, _ = case.passage.asked or (None, None)
    if service is None or not case.untranslated:
        return None
    for place, decision in met(case, REQUEST):
        keeps_out = _ends_nat(decision) or _UNTRACKED.search(decision.text)
        if place == case.chooser and keeps_out and is_foreign(decision):
            does = "accepts" if _ends_nat(decision) else "keeps connection tracking from following"
            why = (
                f"A rule in {place} that is not kube-proxy's {does} the {case.name} in {decision.chain} of "
                f"{decision.table or 'filter'}, before kube-proxy's are asked: nothing turns "
                f"{case.passage.exchange.destination} of Service {service.full_name} into a pod's address."
            )
            return _finding(case, place, decision, why, "service")
    return None


def unproxied(case: Case) -> Finding | None:
    """The node that chooses lacks rules, and nobody turned the Service's address into an endpoint's."""
    gone = (one for one in case.about(case.chooser).drifts if isinstance(one.wanted, RULES) and _lacks(one))
    if case.passage.asked is None or not case.untranslated or next(gone, None) is None:
        return None
    return drift.drifted(case, within=case.chooser)


def _lacks(one: Drift) -> bool:
    return bool(one.missing) or one.held is None


def unmasked(case: Case) -> Finding | None:
    """A place that should have translated the source has a rule before its own that ends the nat table; or by design
    none translates it.
    """
    found = masquerading.not_masqueraded(case)
    if found is None:
        return masquerading.unmasked(case)
    for place, decision in met(case, REQUEST):
        if place == found.place and _ends_nat(decision) and is_foreign(decision):
            why = f"{found.why} A rule that is not the cluster's accepts it before that."
            return _finding(case, place, decision, why, "")
    return found


def meddling(case: Case) -> Finding | None:
    """What such a rule did may explain it, where nothing else does; of several the last one."""
    asked, answered = f"request, and the {case.name}", f"reply, and the {case.name}"
    for direction, what in ((case.direction, f"{case.name}, which"), (REQUEST, asked), (REPLY, answered)):
        # Of an answer that came only that it was not followed matters to what is sent after it.
        any_rule = direction != REPLY or case.direction == REPLY
        found = [
            (place, one)
            for place, one in met(case, direction)
            if is_foreign(one) and (_does(one) if any_rule else _UNTRACKED.search(one.text))
        ]
        if found:
            place, decision = found[-1]
            why = f"A rule in {place} that is not the cluster's {_does(decision)} the {what} is lost after that."
            return _finding(case, place, decision, why, "")
    return None


def met(case: Case, direction: str) -> Iterator[tuple[str, Decision]]:
    """The rules that the packet met, in order."""
    for hop in case.hops:
        if hop.direction == direction:
            yield from ((hop.place, decision) for decision in hop.decisions)
    for stopped in case.stopped:
        yield from ((stopped.place, decision) for decision in stopped.decisions)


def is_foreign(decision: Decision) -> bool:
    """Whether the cluster's components did not make the rule; the topology's author may have."""
    is_rule = decision.evidence == KERNEL and bool(decision.chain)
    is_policy = decision.text.startswith(("-P ", "policy "))
    return is_rule and not is_policy and (not decision.intent or authors.is_authors(decision.intent))


def _ends_nat(decision: Decision) -> bool:
    """Whether it leaves the nat table before others of its rules are asked."""
    return decision.verdict == ACCEPT and decision.table.rpartition(" ")[2] == NAT


def _does(decision: Decision) -> str:
    """What the rule does to a packet, as a verb; "" for one that only lets it pass, or counts it."""
    if decision.verdict in TRANSLATING:
        return "translates"
    if _ends_nat(decision):
        return "keeps the cluster's own from translating"
    return next((verb for pattern, verb in _DOES if pattern.search(decision.text)), "")


def _finding(case: Case, place: str, decision: Decision, why: str, stage: str) -> Finding:
    fix = taken_out(case, place, decision)
    return Finding(place, Cause.FOREIGN_RULE, decision.text, why, (), KERNEL, stage, elsewhere=fix)
