"""A rule or a policy that stopped it: what netfilter reported, and what only a rejection's ICMP error tells."""

from __future__ import annotations

from dataclasses import dataclass

from lab.network.objects import Chain
from lab.trace.journey import CAPTURED, KERNEL, Decision
from lab.trace.loss import mending
from lab.trace.loss.case import Case
from lab.trace.loss.cause import Cause, Finding
from lab.trace.packet import UNREACHABLE, UNREACHABLE_NAMES

FIREWALL = "firewall"  # the stage, whichever the hook
STOPPING = ("DROP", "REJECT")
PROHIBITED = (9, 10, 13)  # network, host and communication administratively prohibited


@dataclass(frozen=True, slots=True)
class _Verdict:
    """A decision that ended the packet: where, and whether it was a tunnel's packet."""

    place: str
    decision: Decision
    wrapped: bool = False


def stopped_by_rule(case: Case) -> Finding | None:
    """The last verdict that netfilter told of the lost packet is to drop it."""
    verdict = _last_verdict(case)
    if verdict is None:
        return None
    decision = verdict.decision
    if decision.text.startswith(("-P ", "policy ")):
        return _of_policy(case, verdict)
    return _of_rule(case, verdict)


def _last_verdict(case: Case) -> _Verdict | None:
    for hop in reversed(case.hops):
        if hop.direction == case.direction:
            for decision in reversed(hop.decisions):
                if _stops(decision):
                    return _Verdict(hop.place, decision, wrapped=hop.packet.outer is not None)
    for stopped in case.stopped:
        if stopped.place in case.suspects:
            for decision in reversed(stopped.decisions):
                if _stops(decision):
                    return _Verdict(stopped.place, decision)
    return None


def _stops(decision: Decision) -> bool:
    return decision.kind == "rule" and decision.verdict.upper() in STOPPING


def _of_rule(case: Case, verdict: _Verdict) -> Finding:
    place, decision = verdict.place, verdict.decision
    text, chain = decision.text, f"chain {decision.chain} of {decision.table or 'filter'}"
    wrapped = " in its tunnel" if verdict.wrapped else ""
    fix = _without(decision)
    if decision.verdict.upper() == "REJECT":
        why = f"A rule in {chain} rejects the {case.name}{wrapped} in {place}."
        return Finding(place, Cause.FIREWALL_REJECT, text, why, fix, KERNEL, FIREWALL, ended=True)
    if _checks_source(case, verdict):
        why = f"{place} drops packets whose addresses it does not know, as a cloud's source check does: here a pod's."
        return Finding(place, Cause.SOURCE_CHECK, text, why, fix, KERNEL, FIREWALL, ended=True)
    why = f"A rule in {chain} drops the {case.name}{wrapped} in {place}."
    return Finding(place, Cause.FIREWALL_DROP, text, why, fix, KERNEL, FIREWALL, ended=True)


def _checks_source(case: Case, verdict: _Verdict) -> bool:
    """A router's rule about nothing but addresses, which an unwrapped packet met."""
    place, words = case.place(verdict.place), verdict.decision.text.split()
    about_addresses = any(word in ("-s", "-d", "--match-set") for word in words)
    return (
        place is not None and place.kind == "router" and not verdict.wrapped and about_addresses and "-p" not in words
    )


def _of_policy(case: Case, verdict: _Verdict) -> Finding:
    place, decision = verdict.place, verdict.decision
    desired = case.about(place).desired.by_key.get(("chain", place, decision.table or "filter", decision.chain))
    wanted = desired.policy if isinstance(desired, Chain) and desired.policy else "ACCEPT"
    why = f"No rule of {decision.chain} accepts the {case.name} in {place}, and the chain's policy is to drop."
    fix = (mending.policy(decision.table, decision.chain, wanted),) if decision.text.startswith("-P ") else ()
    return Finding(place, Cause.POLICY_DROP, decision.text, why, fix, KERNEL, FIREWALL, ended=True)


def _without(decision: Decision) -> tuple[str, ...]:
    """The command that takes the rule out; none for one that iptables did not write."""
    chain, text = f"-A {decision.chain} ", decision.text
    if not text.startswith(chain):
        return ()
    return (mending.removed(decision.table, decision.chain, text[len(chain) :]),)


def prohibited(case: Case) -> Finding | None:
    """An ICMP error that only a firewall sends was captured, but no rule was told."""
    for part in case.errors:
        packet = part.observation.packet
        if packet.icmp_type == UNREACHABLE and packet.icmp_code in PROHIBITED:
            place, name = part.observation.capture.place, UNREACHABLE_NAMES[packet.icmp_code]
            why = f"{place} refused the {case.name} with ICMP {name.replace('-', ' ')}, as a firewall's REJECT does."
            return Finding(place, Cause.FIREWALL_REJECT, f"icmp-{name}", why, (), CAPTURED, FIREWALL, ended=True)
    return None
