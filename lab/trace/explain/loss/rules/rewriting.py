"""A rule that writes other addresses or ports into a packet, or sends it out of another device.

Connection tracking knows nothing of that. netfilter reports those that the packet met; those at a device or a bridge
are known from their text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lab.map.path import OUT
from lab.trace.ask.exchange import Part
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.foreign import taken_out
from lab.trace.explain.loss.gap import outermost
from lab.trace.explain.loss.rules.foreign_rules import is_foreign, met
from lab.trace.explain.loss.rules.nft_rule import Seen, matches
from lab.trace.explain.queries.hook import ARP, BRIDGE, HookChain, HookRule
from lab.trace.journey import CAPTURED, KERNEL, QUERIED, REQUEST

# As nft prints them: what it sets, and to what.
_SETS = re.compile(
    r"(?:^|(?<= ))(?:(ip (?:saddr|daddr|checksum|length|version|protocol)|(?:tcp|udp|th|sctp) (?:sport|dport)"
    r"|ether (?:saddr|daddr)|tcp checksum|@(?:th|nh|ll|ih),\d+,\d+) set (\S+)|fwd to (\S+))"
)


def rewritten(case: Case) -> Finding | None:
    """The last such rule that the lost packet met, or the request whose answer was lost."""
    return _reported(case) or _at_a_device(case)


def _reported(case: Case) -> Finding | None:
    for direction in dict.fromkeys((case.direction, REQUEST)):
        found = [(place, one) for place, one in met(case, direction) if is_foreign(one) and _SETS.search(one.text)]
        if found:
            place, decision = found[-1]
            fix = taken_out(case, place, decision)
            why = _why(case.name if direction == case.direction else "request", place, decision.text)
            return Finding(place, Cause.FOREIGN_RULE, decision.text, why, (), KERNEL, "", elsewhere=fix)
    return None


def _at_a_device(case: Case) -> Finding | None:
    """Where it was seen, hooks that iptables does not show."""
    for part in (*case.asked, *case.leg):
        place = part.observation.capture.place
        for chain in case.about(place).answers.hooks:
            if _passes(case, chain, part):
                for rule in _rules(chain):
                    if _would(rule, part):
                        fix = f"nft delete rule {chain.family} {chain.table} {rule.chain} handle {rule.handle}"
                        why = _why(case.name if part in case.leg else "request", place, rule.text)
                        evidence = CAPTURED if _changed(case, part) else QUERIED
                        return Finding(place, Cause.FOREIGN_RULE, rule.text, why, (fix,), evidence)
    return None


def _rules(chain: HookChain) -> Iterator[HookRule]:
    return (rule for rules in chain.others.values() for rule in rules if _SETS.search(rule.text))


def _passes(case: Case, chain: HookChain, part: Part) -> bool:
    capture = part.observation.capture
    if chain.family == ARP:
        return False
    if chain.family == BRIDGE:
        return case.about(capture.place).answers.port(capture.interface) is not None
    way = "egress" if capture.way == OUT else "ingress"
    return chain.hook in (way, "prerouting") and (not chain.devices or capture.interface in chain.devices)


def _would(rule: HookRule, part: Part) -> bool:
    """Whether it is about the packet, as far as its text says what it matches."""
    packet, device = part.observation.packet, part.observation.capture.interface
    asked = _SETS.split(rule.text, maxsplit=1)[0]
    forms = (packet, outermost(packet)) if packet.outer else (packet,)
    return any(matches(asked, Seen(one, device, device)) for one in forms)


def _changed(case: Case, part: Part) -> bool:
    """Whether what was seen next of it bears something else, and is by that known to have been rewritten."""
    leg = case.asked if part in case.asked else case.leg
    after = leg[leg.index(part) + 1 : leg.index(part) + 2]
    ends = ((one.observation.packet.dst, one.observation.packet.dport) for one in (part, *after))
    return len(set(ends)) > 1


def _why(what: str, place: str, text: str) -> str:
    found = _SETS.search(text)
    field, value, device = found.groups() if found else ("", "", "")
    if device:
        return f"A rule in {place} that is not the cluster's sends the {what} out of {device.strip(chr(34))} instead."
    return (
        f"A rule in {place} that is not the cluster's writes {field} {value} into the {what}: connection tracking "
        "knows nothing of that, and nobody takes it back."
    )
