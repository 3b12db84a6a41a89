"""Whether a packet that netfilter dropped would be dropped again: then nobody needs to wait for it to be sent again.

The same packet meets the same rules again, unless one of them counts, draws, remembers or looks at the clock, or at
what differs between a packet and its repetition (its IP id, the port that a tunnel draws for each). So each rule is
read by its words, and only those are trusted that look at what stays; what is not in these lists is waited for. What
must not change is every chain that the packet came into, rules included that it did not meet: one before the rule that
dropped it may accept one of two packets. What was translated in a place before is remembered there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lab.trace.explain.rules.attach import decision
from lab.trace.explain.rules.ruleset import Ruleset
from lab.trace.explain.rules.visit import Visit
from lab.trace.witness.netfilter.trace_message import DROP, LEGACY, POLICY, TraceEvent
from lab.trace.witness.netfilter.trace_table import TABLE


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# iptables-extensions(8). Left out are, among others, statistic, limit, recent, quota, time, length, u32 and the filling
# of sets; source ports and TCP's flags, which another try may have otherwise; and the state INVALID.
_MODULES = _words("addrtype comment conntrack icmp iprange mac mark multiport physdev rpfilter set state tcp udp")
_OPTIONS = _words("""-A -s -d -p -i -o -m -j -g --comment --dport --dports --icmp-type --ctstate --state --ctdir --mark
--src-type --dst-type --mac-source --physdev-in --physdev-out --physdev-is-bridged --src-range --dst-range --match-set
--invert --loose --validmark --to-destination --to-source --set-xmark --set-mark --reject-with""")
_STATES = _words("NEW ESTABLISHED RELATED UNTRACKED")
# nft(8). Left out are, among others, numgen, limit, quota, ct count, the filling of sets, time, length and sport.
_WORDS = _words("""ip ipv4 saddr daddr protocol tcp udp icmp type th dport iif iifname oif oifname meta l4proto nfproto
mark set or and xor ct state direction new established related untracked original reply counter
packets bytes comment accept drop return reject with port unreachable host net admin prohibited
reset vmap map fib local unicast broadcast dnat snat to addr echo request""")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_NAMED = re.compile(r"@(?!(?:ll|nh|th|ih),)\S+|\b(?:jump|goto) \S+")
_WORD = re.compile(r"(?<![\w.:/])[a-z][a-z0-9_]*")
_NUMBERED = re.compile(r"0x[0-9a-f]+|\b[\d.:/]+\b")


def is_final(visit: Visit, ruleset: Ruleset) -> bool:
    """Whether a packet that was dropped would be again. The ruleset has all chains that it came into, whole."""
    events = [event for stretch in visit.stretches for event in stretch.events if event.table != TABLE]
    last = events[-1]
    if last.kind != POLICY and not is_fixed(ruleset.text(last)):
        return False
    return all(is_fixed(text) or _only_drops(text) for text in _texts(events, ruleset))


def is_dropped(visit: Visit, ruleset: Ruleset) -> bool:
    """Whether that is how the visit ended; iptables-legacy does not tell, but its rule does."""
    last = visit.last.events[-1]
    return last.verdict == DROP or decision(last, ruleset).verdict == "DROP"


def _texts(events: list[TraceEvent], ruleset: Ruleset) -> Iterator[str]:
    """Every rule of the chains that the packet came into."""
    entered = {
        (one.place, LEGACY if one.origin == LEGACY else one.family, one.table, chain)
        for one in events
        for chain in (one.chain, one.jump_target)
        if chain
    }
    return (text for key, text in ruleset.texts.items() if key[:4] in entered)


def is_fixed(text: str) -> bool:
    """Whether a rule does the same to a packet and to its repetition; False where that is not known."""
    if not text:
        return False
    return _is_fixed_of_iptables(text) if text.startswith("-A ") else _is_fixed_of_nft(text)


def _is_fixed_of_iptables(text: str) -> bool:
    words = _QUOTED.sub('""', text).split()
    for before, word in zip(("", *words), words, strict=False):
        if word.startswith("-") and word not in _OPTIONS and before != "--comment":
            return False
        if before == "-m" and word not in _MODULES:
            return False
        if before in ("--ctstate", "--state") and not _STATES.issuperset(word.split(",")):
            return False
    return True


def _is_fixed_of_nft(text: str) -> bool:
    plain = _NUMBERED.sub("", _NAMED.sub("", _QUOTED.sub("", text)))
    return "@" not in plain and _WORDS.issuperset(_WORD.findall(plain))


def _only_drops(text: str) -> bool:
    """Whether what a rule does when it does something lets nothing through: it drops, or writes it down."""
    ends = text.endswith(("-j DROP", " drop")) or text == "drop"
    return ends or any(f" -j {target}" in _QUOTED.sub("", text) for target in ("LOG", "NFLOG"))
