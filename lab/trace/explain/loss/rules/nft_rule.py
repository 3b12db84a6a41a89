"""What a chain of nft would do with a packet, told from its text: for hooks on which the kernel reports nothing.

Only what is plain is judged: addresses, protocols, ports, lengths and devices. Of a match that is not understood a
counter tells whether it ever matched; without one it is taken to match.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from lab.network.ipv4 import Prefix, number
from lab.trace.explain.queries.hook import HookChain, HookRule
from lab.trace.witness.packet import Packet

ENDING = ("drop", "reject", "fwd")
_MOST_JUMPS = 16
_MATCH = re.compile(
    r"(?P<field>(?:ip|tcp|udp|th|meta|ether|icmp|arp) [a-z0-9]+|iif(?:name)?|oif(?:name)?)"
    r" (?:(?P<sign>!=|<=|>=|==|<|>) )?(?P<value>\{[^}]*\}|\"[^\"]*\"|\S+)"
)
_COUNTER = re.compile(r"counter packets (\d+) bytes \d+")
_VERDICT = re.compile(r"(?:^| )(drop|accept|reject|return|continue|queue|jump|goto|fwd)\b(?: (?!with)(\S+))?")
_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_ADDRESSES = ("ip saddr", "ip daddr")


@dataclass(frozen=True, slots=True)
class Seen:
    """A packet where a hook sees it: by which device it comes or goes."""

    packet: Packet
    incoming: str = ""
    outgoing: str = ""


def dropped_by(chain: HookChain, seen: Seen) -> HookRule | None:
    """The rule that ends the packet; a rule without a text and handle for the chain's policy; None if it may pass."""
    verdict = _walk(chain, chain.rules, seen, _MOST_JUMPS)
    if verdict is not None:
        return verdict if ends(verdict) else None
    return HookRule("policy drop", 0) if chain.drops else None


def ends(rule: HookRule) -> bool:
    found = _VERDICT.search(rule.text)
    return found is not None and found[1] in ENDING


def _walk(chain: HookChain, rules: tuple[HookRule, ...], seen: Seen, jumps: int) -> HookRule | None:
    """The rule whose verdict is final for this chain of rules; None when the packet comes to their end."""
    for rule in rules:
        found = _VERDICT.search(rule.text)
        if found is None or not matches(rule.text, seen):
            continue
        verb, target = found.groups()
        if verb in ("jump", "goto") and jumps:
            inside = _walk(chain, chain.others.get(target or "", ()), seen, jumps - 1)
            if inside is not None or verb == "goto":
                return inside
        elif verb == "return":
            return None
        elif verb != "continue":
            return rule
    return None


def matches(text: str, seen: Seen) -> bool:
    """Whether a rule's text is about the packet, as far as it can be told."""
    counter = _COUNTER.search(text)
    if counter is not None and not int(counter[1]):
        return False
    return all(_agrees(found, seen) for found in _MATCH.finditer(_VERDICT.split(text, maxsplit=1)[0]))


def _agrees(found: re.Match[str], seen: Seen) -> bool:
    field, sign, value = found["field"], found["sign"], found["value"]
    held = _value(field, seen)
    if held is None:
        return True
    if sign in _COMPARISONS:
        return held.isdecimal() and value.isdecimal() and _COMPARISONS[sign](int(held), int(value))
    wanted = [one.strip().strip('"') for one in value.strip("{} ").split(",")]
    agrees = any(_is(field, held, one) for one in wanted)
    return agrees is not (sign == "!=")


def _value(field: str, seen: Seen) -> str | None:
    """The packet's; None for what is not known of it."""
    packet = seen.packet
    if field.endswith(("sport", "dport")):
        return _port(field, packet)
    known: dict[str, str] = {
        "ip saddr": packet.src,
        "ip daddr": packet.dst,
        "ip protocol": packet.protocol,
        "meta l4proto": packet.protocol,
        "ip length": str(packet.length),
        "meta length": str(packet.length),
        "ip ttl": str(packet.ttl),
        "ether type": "arp" if packet.protocol == "arp" else "ip",
        "meta protocol": "arp" if packet.protocol == "arp" else "ip",
        "iif": seen.incoming,
        "iifname": seen.incoming,
        "oif": seen.outgoing,
        "oifname": seen.outgoing,
    }
    return known.get(field)


def _port(field: str, packet: Packet) -> str:
    kind, which = field.split(" ")
    if kind not in ("th", packet.protocol):
        return ""
    return str(packet.sport if which == "sport" else packet.dport)


def _is(field: str, held: str, wanted: str) -> bool:
    if field in _ADDRESSES and held:
        first, _, last = wanted.partition("-")
        if last:
            return number(first) <= number(held) <= number(last)
        try:
            return number(held) in Prefix.of(wanted)
        except ValueError:  # a set by its name, or a variable
            return True
    first, dash, last = wanted.partition("-")
    if dash and first.isdecimal() and last.isdecimal() and held.isdecimal():
        return int(first) <= int(held) <= int(last)
    return held == wanted or wanted.startswith("@")
