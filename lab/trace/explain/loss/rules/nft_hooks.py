"""What ended it in a hook that iptables does not show: nft's netdev, bridge and arp families; and a queue unheard."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.foreign import taken_out
from lab.trace.explain.loss.gap import EGRESS, INGRESS, Gap, arp_gaps, gaps
from lab.trace.explain.loss.rules.firewall import FIREWALL
from lab.trace.explain.loss.rules.nft_rule import Seen, dropped_by
from lab.trace.explain.queries.hook import ARP, BRIDGE, EARLY, INET, IP, NETDEV, HookChain, HookRule
from lab.trace.journey import KERNEL, QUERIED

_QUEUE = re.compile(r"-j NFQUEUE|\bqueue\b")
_QUEUE_NUMBER = re.compile(r"--queue-(?:num|balance) (\d+)|\bqueue (?:flags \S+ )?(?:num|to) (\d+)")


def at_a_device(case: Case) -> Finding | None:
    """A chain at a device's ingress or egress, or at a bridge, drops such a packet."""
    return _chained(case, gaps(case), f"the {case.name}")


def no_arp(case: Case) -> Finding | None:
    """ARP for a next hop fails, and a chain drops it where it is asked or where it is answered."""
    return _chained(case, arp_gaps(case), f"ARP, without which a neighbour is not found: the {case.name} is lost")


def _chained(case: Case, passed: Iterable[Gap], what: str) -> Finding | None:
    for gap in passed:
        for chain in case.about(gap.place).answers.hooks:
            seen = Seen(gap.packet, *((gap.device, "") if gap.hook == INGRESS else ("", gap.device)))
            rule = dropped_by(chain, seen) if _passes(case, chain, gap) else None
            if rule is not None:
                return _of_chain(gap.place, chain, rule, what)
    return None


def _passes(case: Case, chain: HookChain, gap: Gap) -> bool:
    if chain.hook in EARLY.values() and chain.family in (INET, IP):
        own = case.about(gap.place).answers.holds(gap.packet.src) is not None
        return (
            own if gap.hook == EGRESS and chain.hook == "output" else (gap.hook, chain.hook) == (INGRESS, "prerouting")
        )
    if chain.family in (NETDEV, INET):
        return chain.hook == gap.hook and (not chain.devices or gap.device in chain.devices)
    if chain.family == ARP:
        return gap.packet.protocol == ARP and chain.hook == ("input" if gap.hook == INGRESS else "output")
    port = case.about(gap.place).answers.port(gap.device)
    hooks = ("prerouting", "input", "forward") if gap.hook == INGRESS else ("forward", "output", "postrouting")
    return chain.family == BRIDGE and port is not None and chain.hook in hooks


def _of_chain(place: str, chain: HookChain, rule: HookRule, what: str) -> Finding:
    where = f"{chain.hook} of {', '.join(chain.devices)}" if chain.devices else chain.hook
    table = f"{chain.family} {chain.table}"
    owner = f"chain {rule.chain or chain.name} of {table} ({where})"
    if rule.handle:
        does = "drops" if "fwd to" not in rule.text else "sends to another device"
        why = f"A rule in {owner}, which iptables does not show, {does} in {place} {what}."
        fix = f"nft delete rule {table} {rule.chain} handle {rule.handle}"
        return Finding(place, Cause.FIREWALL_DROP, rule.text, why, (fix,), QUERIED, FIREWALL)
    why = f"The policy of {owner}, which iptables does not show, drops in {place} {what}."
    fix = f"nft chain {table} {chain.name} {shlex.quote('{ policy accept ; }')}"
    return Finding(place, Cause.POLICY_DROP, rule.text, why, (fix,), QUERIED, FIREWALL)


def unheard(case: Case) -> Finding | None:
    """A rule hands it to a queue that no program reads, or whose program did not give it back."""
    hops = [hop for hop in case.hops if hop.direction == case.direction]
    stopped = [(one.place, one.decisions) for one in case.stopped if one.place in case.suspects]
    for place, decisions in [*((hop.place, hop.decisions) for hop in hops[-1:]), *stopped]:
        for decision in reversed(decisions):
            if decision.kind != "rule" or not _QUEUE.search(decision.text) or "bypass" in decision.text:
                continue
            told = _QUEUE_NUMBER.search(decision.text)
            number = int(next(filter(None, told.groups()))) if told else 0
            heard = number in case.about(place).answers.queues
            reads = "whose program did not give it back" if heard else "which no program reads: it is dropped"
            why = f"A rule in {place} hands the {case.name} to queue {number}, {reads}."
            fix = taken_out(case, place, decision)
            return Finding(place, Cause.QUEUE_UNHEARD, decision.text, why, (), KERNEL, FIREWALL, place, fix)
    return None
