"""A rule or a policy that stopped it: what netfilter reported, and what only a rejection's ICMP error tells.

Whose rule it is decides what mends it. A stranger's goes. The author's own goes too, but the file would bring it back.
The cluster's own stays: that it caught this packet has another cause, which is looked for.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace

from lab.network.tunnels import SEALED
from lab.network.underlay import firewall as authors
from lab.trace.explain.loss import remedies
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.foreign import taken_out
from lab.trace.explain.loss.rules import drift, translation
from lab.trace.journey import CAPTURED, KERNEL, Decision, Mending
from lab.trace.witness.packet import UNREACHABLE, UNREACHABLE_NAMES, Outer

FIREWALL = "firewall"  # the stage, whichever the hook
STOPPING = ("DROP", "REJECT")
PROHIBITED = (9, 10, 13)  # network, host and communication administratively prohibited
# A rule of only these words is about a tunnel, whoever sends through it.
_GENERAL = frozenset(("-A", "-p", "-m", "-i", "--dport", "--dports", "-j", "--reject-with", "--comment"))
_ENDING = frozenset(("-m", "--comment", "-j", "--reject-with"))
"""A rule of only these options, each with its word, stops whatever comes to it."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    """A decision that ended the packet: where, and what wrapped the packet there."""

    place: str
    decision: Decision
    outer: Outer | None = None

    @property
    def policy(self) -> bool:
        return self.decision.text.startswith(("-P ", "policy "))


def stopped_by_rule(case: Case) -> Finding | None:
    """The last verdict that netfilter told of the lost packet is to drop it."""
    verdict = _last_verdict(case)
    if verdict is None:
        return None
    beside = _beside(case, verdict)
    if beside is not None:
        return _led_to(case, verdict, beside)
    if verdict.policy:
        return _of_policy(case, verdict)
    return None if _is_own(verdict) else _of_rule(case, verdict)


def caught_by_own(case: Case) -> Finding | None:
    """A rule of the cluster's own stopped it, and nothing else that was looked for explains why."""
    verdict = _last_verdict(case)
    if verdict is None or not _is_own(verdict):
        return None
    found = drift.drifted(case)
    return _led_to(case, verdict, found) if found is not None else _of_rule(case, verdict)


def led_to_own(case: Case, found: Finding) -> Finding:
    """A cause that was found, with the cluster's own rule that ended the packet because of it, if one did."""
    verdict = _last_verdict(case)
    return found if verdict is None or not _is_own(verdict) or found.ended else _led_to(case, verdict, found)


def _led_to(case: Case, verdict: _Verdict, found: Finding) -> Finding:
    why = f"{found.why} So {_what(verdict)} {_does(verdict)} the {case.name}{_wrapped(verdict)} in {verdict.place}."
    return replace(found, why=why, stage=FIREWALL, ended=verdict.place)


def _is_own(verdict: _Verdict) -> bool:
    """Whether the cluster's components made the rule."""
    intent = verdict.decision.intent
    return bool(intent) and not verdict.policy and not authors.is_authors(intent)


def _beside(case: Case, verdict: _Verdict) -> Finding | None:
    """Why a rule of the cluster's own, or a policy of the author's, caught what it should let pass."""
    intent = verdict.decision.intent
    if verdict.policy:
        return drift.beside_the_rule(case, verdict.place) if authors.is_authors(intent) else None
    if not intent or authors.is_authors(intent):
        return None
    return drift.beside_the_rule(case, verdict.place) or translation.of_the_tunnel(case)


def _last_verdict(case: Case) -> _Verdict | None:
    for hop in reversed(case.hops):
        if hop.direction == case.direction:
            for decision in reversed(hop.decisions):
                if _stops(decision):
                    return _Verdict(hop.place, decision, hop.packet.outer)
    for stopped in case.stopped:
        if stopped.place in case.suspects and not stopped.is_refusal:
            for decision in reversed(stopped.decisions):
                if _stops(decision):
                    return _Verdict(stopped.place, decision)
    return None


def _stops(decision: Decision) -> bool:
    return decision.kind == "rule" and decision.verdict.upper() in STOPPING


def _of_rule(case: Case, verdict: _Verdict) -> Finding:
    place, decision = verdict.place, verdict.decision
    fix = _let_through(verdict) or taken_out(case, place, decision)
    own = decision.intent and not fix
    purpose = f" It is the cluster's own: {decision.intent}." if own else ""
    why = f"A rule in {_chain(decision)} {_does(verdict)} the {case.name}{_wrapped(verdict)} in {place}"
    cause = Cause.FIREWALL_REJECT if decision.verdict.upper() == "REJECT" else Cause.FIREWALL_DROP
    if _checks_source(case, verdict):
        cause = Cause.SOURCE_CHECK
        why = f"{place} drops packets whose addresses it does not know, as a cloud's source check does: here a pod's"
    why = f"{why}{_consequence(case, verdict)}.{purpose}"
    return Finding(place, cause, decision.text, why, (), KERNEL, FIREWALL, place, fix)


def _let_through(verdict: _Verdict) -> tuple[Mending, ...]:
    """A tunnel past the rule with which the author's firewall ends, and that is about nothing: without it all else
    would pass too.
    """
    decision, outer = verdict.decision, verdict.outer
    head = f"-A {decision.chain} "
    said = authors.is_authors(decision.intent) and decision.text.startswith(head)
    if not said or outer is None or set(shlex.split(decision.text[len(head) :])[::2]) - _ENDING:
        return ()
    words = "-p 4" if outer.kind == "ipip" else f"-p udp --dport {outer.dport}"
    line = remedies.let_through(decision.table, decision.chain, words)
    return (Mending(verdict.place, line, authors.held_by(decision.intent)),)


def _what(verdict: _Verdict) -> str:
    if verdict.policy:
        return f"the policy of {verdict.decision.chain}"
    return f"a rule in {_chain(verdict.decision)}"


def _chain(decision: Decision) -> str:
    return f"chain {decision.chain} of {decision.table or 'filter'}"


def _does(verdict: _Verdict) -> str:
    return "rejects" if verdict.decision.verdict.upper() == "REJECT" else "drops"


def _wrapped(verdict: _Verdict) -> str:
    return " in its tunnel" if verdict.outer else ""


def _consequence(case: Case, verdict: _Verdict) -> str:
    """What else is lost by a rule that stops all of a tunnel's packets."""
    outer, place = verdict.outer, case.place(verdict.place)
    flags = {word for word in verdict.decision.text.split() if word.startswith("-")}
    if outer is None or place is None or not flags <= _GENERAL:
        return ""
    protocol = f"protocol 4 is {outer.name}" if outer.kind == "ipip" else f"UDP {outer.dport} is {outer.name}"
    crossing = outer.kind != SEALED and case.labmap.encapsulation.endswith("CrossSubnet")
    others = "the other subnet" if crossing else "other nodes"
    if place.kind != "node":
        return f"; {protocol}, so nothing passes through the tunnel between the nodes that {place.name} joins"
    if outer.src == place.address:
        return f"; {protocol}, so nothing from {place.name}'s pods reaches {others}"
    return f"; {protocol}, so nothing from {others} reaches {place.name}'s pods"


def _checks_source(case: Case, verdict: _Verdict) -> bool:
    """A router's rule about nothing but addresses, which an unwrapped packet met."""
    place, words = case.place(verdict.place), verdict.decision.text.split()
    about_addresses = any(word in ("-s", "-d", "--match-set") for word in words)
    drops = verdict.decision.verdict.upper() == "DROP"
    on_router = place is not None and place.kind == "router"
    return drops and on_router and verdict.outer is None and about_addresses and "-p" not in words


def _of_policy(case: Case, verdict: _Verdict) -> Finding:
    place, decision = verdict.place, verdict.decision
    why = f"No rule of {decision.chain} accepts the {case.name} in {place}, and the chain's policy is to drop"
    line = (
        remedies.policy(decision.table, decision.chain)
        if decision.text.startswith("-P ")
        else shlex.join(("nft", f"chain {decision.table} {decision.chain} {{ policy accept ; }}"))
    )
    fix = (Mending(place, line, authors.held_by(decision.intent)),)
    return Finding(place, Cause.POLICY_DROP, decision.text, f"{why}.", (), KERNEL, FIREWALL, place, fix)


def prohibited(case: Case) -> Finding | None:
    """An ICMP error that only a firewall sends was captured, but no rule was told."""
    for part in case.errors:
        packet = part.observation.packet
        if packet.icmp_type == UNREACHABLE and packet.icmp_code in PROHIBITED:
            place, name = part.observation.capture.place, UNREACHABLE_NAMES[packet.icmp_code]
            why = f"{place} refused the {case.name} with ICMP {name.replace('-', ' ')}, as a firewall's REJECT does."
            return Finding(place, Cause.FIREWALL_REJECT, f"icmp-{name}", why, (), CAPTURED, FIREWALL, ended=place)
    return None
