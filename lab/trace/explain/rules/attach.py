"""Gives each sighting of a packet the rules that it met there.

Netfilter tells no times, so a visit is joined to what was captured by place, interface and the packet itself: what it
met when coming in and being forwarded belongs to the sighting that came in, what it met when leaving to the one that
went out. Of what a bridge passes from port to port netfilter tells the bridge, and only its ports are seen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lab.network.kubeproxy.nftables.drawn import with_choice
from lab.trace.explain.rules.element import element, with_element
from lab.trace.explain.rules.ruleset import Ruleset
from lab.trace.explain.rules.visit import ARRIVING, Stretch, Visit, essence, identity
from lab.trace.journey import KERNEL, Decision, Hop
from lab.trace.witness.netfilter.trace_message import (
    ACCEPT,
    CONTINUE,
    DROP,
    GOTO,
    JUMP,
    LEGACY,
    POLICY,
    QUEUE,
    RETURN,
    TraceEvent,
)
from lab.trace.witness.netfilter.trace_table import TABLE
from lab.trace.witness.observation import FRAMED, Observation
from lab.trace.witness.packet import Packet, decode

NAT = ("DNAT", "SNAT", "MASQUERADE", "REDIRECT")
# A decision with one of these verdicts ended a chain of netfilter's; all others led there.
DECIDING = frozenset(("ACCEPT", "DROP", "REJECT", "QUEUE", *NAT))

ENDING = frozenset(("DROP", "REJECT"))

_TARGET = re.compile(r"(?:^| )-[jg] (\S+)")
_IN_NFT = (
    (re.compile(r"\bdnat (?:ip )?(?:addr \. port )?to\b"), "DNAT"),
    (re.compile(r"\bsnat (?:ip )?(?:addr \. port )?to\b"), "SNAT"),
    (re.compile(r"\bmasquerade\b"), "MASQUERADE"),
    (re.compile(r"\bredirect\b"), "REDIRECT"),
)
_LONGEST = 14 + 60 + 60  # bytes of a frame: its own header, and the longest of IP and TCP

# Place, table, chain and text of a rule without its `-A CHAIN`; or the name of a map with an @ before it, and a key.
Question = tuple[str, str, str, str]
Flow = tuple[object, ...]
_Met = tuple[Stretch, Packet]
"""A stretch, and the packet as it left it."""
Ports = Mapping[tuple[str, str], str]
"""The bridge of an interface that is a port of one, by place and interface."""
Intents = Callable[[list[Question]], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Ended:
    """A packet that netfilter ended where no sighting shows it, as when the rules of its own sender dropped it."""

    place: str
    packet: Packet
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class Attached:
    """The decisions of the hops that have any, in the order in which the packet met them; and what fits no hop."""

    decisions: dict[Hop, tuple[Decision, ...]]
    ended: tuple[Ended, ...]


def attach(
    hops: Sequence[Hop], seen: Iterable[Observation], visits: Sequence[Visit], ruleset: Ruleset, ports: Ports
) -> Attached:
    """The hops' decisions. `seen` are their captures: an outer packet is known by its frame."""
    return _Attaching(hops, seen, ruleset, ports).all(visits)


class _Attaching:
    def __init__(self, hops: Sequence[Hop], seen: Iterable[Observation], ruleset: Ruleset, ports: Ports) -> None:
        self._ruleset = ruleset
        frames = {_key(one): one for one in seen}
        self._packets = {
            hop: _outermost(hop, frames.get((hop.place, hop.interface, hop.way, hop.t_ns))) for hop in hops
        }
        self._at: dict[tuple[str, str, str], list[Hop]] = {}
        for hop in hops:
            self._at.setdefault((hop.place, hop.interface, hop.way), []).append(hop)
        for hop in hops:
            bridge = ports.get((hop.place, hop.interface))
            if bridge:
                self._at.setdefault((hop.place, bridge, hop.way), []).append(hop)
        self._found: dict[Hop, list[Decision]] = {}
        self._known: dict[tuple[object, ...], Decision] = {}
        self._taken: set[tuple[Hop, bool]] = set()

    def all(self, visits: Sequence[Visit]) -> Attached:
        ended: dict[Flow, Ended] = {}
        told: set[Flow] = set()
        left_before: dict[str, Hop | None] = {}
        for visit in visits:
            stopped = self._is_queued(visit) or any(
                self._stops(e) for stretch in visit.stretches for e in stretch.events
            )
            came = self._came(visit)
            went = None if stopped else self._went(visit)
            # What a tunnel wraps and the place's own rules then drop was seen last on its way into the tunnel.
            last = went or came or (left_before.get(visit.place) if stopped and not visit.arrived else None)
            met = list(zip(visit.stretches, self._after(visit, went), strict=True))
            self._give(came, [one for one in met if one[0].hook in ARRIVING])
            self._give(last, [one for one in met if one[0].hook not in ARRIVING])
            if last:
                told.add(_flow(visit))
            elif stopped:
                packet = visit.last.packet
                ended.setdefault(_flow(visit), Ended(visit.place, packet, self._decisions(met)))
            left_before[visit.place] = went
        unseen = tuple(one for flow, one in ended.items() if flow not in told)
        return Attached({hop: tuple(found) for hop, found in self._found.items() if found}, unseen)

    @staticmethod
    def _is_queued(visit: Visit) -> bool:
        """It was handed to a queue, and netfilter told no more of it: no program gave it back."""
        return visit.last.events[-1].verdict == QUEUE

    def _stops(self, event: TraceEvent) -> bool:
        """netfilter tells a drop as such; of iptables-legacy it takes the rule to know."""
        return event.verdict == DROP or (event.origin == LEGACY and self._decision(event).verdict in ENDING)

    def _after(self, visit: Visit, went: Hop | None) -> Iterator[Packet]:
        """The packet as each stretch left it: as the next one found it, at the end as it was seen to go."""
        yield from (stretch.packet for stretch in visit.stretches[1:])
        yield self._packets[went] if went else visit.last.packet

    def _give(self, hop: Hop | None, met: Sequence[_Met]) -> None:
        if hop is not None:
            self._found.setdefault(hop, []).extend(self._decisions(met))

    def _came(self, visit: Visit) -> Hop | None:
        """The sighting that came in; each is given one visit only."""
        if not visit.arrived:
            return None
        interface = self._ruleset.interfaces.get((visit.place, visit.first.iif), "")
        there = [hop for hop in self._at.get((visit.place, interface, "in"), ()) if (hop, True) not in self._taken]
        same = (hop for hop in there if identity(self._packets[hop]) == visit.identity)
        # Behind a bridge whose rules translated it already, it is seen as they left it.
        translated = (hop for hop in there if _same_but_for_nat(self._packets[hop], visit.first.packet))
        found = next(same, None) or next(translated, None)
        if found is not None:
            self._taken.add((found, True))
        return found

    def _went(self, visit: Visit) -> Hop | None:
        """The sighting that went out, behind any translation."""
        interface = self._ruleset.interfaces.get((visit.place, visit.last.oif), "")
        if not visit.last.oif:
            return None
        packet = visit.last.packet
        for hop in self._at.get((visit.place, interface, "out"), ()):
            if _same_but_for_nat(self._packets[hop], packet) and (hop, False) not in self._taken:
                self._taken.add((hop, False))
                return hop
        return None

    def _decisions(self, met: Iterable[_Met]) -> tuple[Decision, ...]:
        return tuple(
            self._about(self._decision(event), stretch.packet, after)
            for stretch, after in met
            for event in stretch.events
            if event.table != TABLE and (event.kind != RETURN or self._ruleset.text(event))
        )

    def _about(self, one: Decision, packet: Packet, after: Packet) -> Decision:
        """With what the packet met in a map; the same rule leads each packet where its own element says."""
        text = with_choice(with_element(one.text, packet), after.dst, after.dport)
        return one if text == one.text else replace(one, text=text)

    def _decision(self, event: TraceEvent) -> Decision:
        """The same rule decides about packet after packet."""
        key = (
            event.place,
            event.family,
            event.table,
            event.chain,
            event.handle,
            event.kind,
            event.verdict,
            event.jump_target,
            event.origin,
        )
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = decision(event, self._ruleset)
        return found


def decision(event: TraceEvent, ruleset: Ruleset) -> Decision:
    """An event in the words of the tool that made the rule.

    The table is `filter` for iptables, `legacy filter` for iptables-legacy, `inet mine` for what nft made. A rule of
    iptables-legacy without conditions is told as its chain's policy or return (the kernel's get_chainname_rulenum): its
    number says which rule it is.
    """
    native = ruleset.native(event)
    # iptables-legacy and iptables-nft may have a table of the same name in the same place.
    prefix = f"{event.family} " if native else "legacy " if event.origin == LEGACY else ""
    table = prefix + event.table
    if event.kind == POLICY and not ruleset.text(event):
        policy = (ruleset.policies.get((event.place, event.table, event.chain), "") or event.verdict).upper()
        text = f"policy {policy.lower()}" if native else f"-P {event.chain} {policy}"
        return Decision("rule", text, KERNEL, table, event.chain, policy)
    text = ruleset.text(event)
    target = _target(text, native=native)
    verdict = _verdict(event, target)
    kind = "nat" if verdict in NAT else "rule"
    told = text or f"rule {event.handle} of {event.chain}"
    return Decision(kind, told, KERNEL, table, event.chain, verdict, handle=event.handle if native else 0)


def _target(text: str, *, native: bool) -> str:
    if not native:
        named = _TARGET.findall(text)
        return named[-1] if named else ""
    if re.search(r"\breject\b", text):
        return "REJECT"
    return next((target for words, target in _IN_NFT if words.search(text)), "")


def _verdict(event: TraceEvent, target: str) -> str:
    if event.verdict in (JUMP, GOTO):
        return f"{event.verdict} {event.jump_target}"
    if event.origin == LEGACY:
        if target in DECIDING:
            return target
        return "return" if target == "RETURN" else CONTINUE if target.isupper() or not target else f"{JUMP} {target}"
    if event.verdict in (ACCEPT, DROP):
        return target if target in DECIDING else event.verdict.upper()
    return event.verdict


def with_intents(attached: Attached, intents: Intents) -> Attached:
    """The decisions with what each rule is there for, as far as the lab's design knows it; asked for all at once."""
    met = [(hop.place, found) for hop, found in attached.decisions.items()]
    met += [(end.place, end.decisions) for end in attached.ended]
    questions = dict.fromkeys(_question(place, one) for place, found in met for one in found)
    answers = dict(zip(questions, intents(list(questions)), strict=True))
    told = {
        hop: tuple(replace(one, intent=answers[_question(hop.place, one)]) for one in found)
        for hop, found in attached.decisions.items()
    }
    ended = tuple(
        replace(end, decisions=tuple(replace(one, intent=answers[_question(end.place, one)]) for one in end.decisions))
        for end in attached.ended
    )
    return Attached(told, ended)


def _question(place: str, one: Decision) -> Question:
    """The rule as the design has it; of a policy "", which asks for what the chain is there for.

    Of a rule that looked something up in a map, what it found there.
    """
    found = element(one.text)
    if found:
        return place, one.table, f"@{found[0]}", found[1]
    policy = one.text.startswith(("-P ", "policy "))
    return place, one.table, one.chain, "" if policy else one.text.removeprefix(f"-A {one.chain} ")


def _same_but_for_nat(one: Packet, other: Packet) -> bool:
    """The same packet, of which a NAT may have rewritten one end."""
    ends = (one.src, one.sport) == (other.src, other.sport) or (one.dst, one.dport) == (other.dst, other.dport)
    return ends and essence(one) == essence(other)


def _flow(visit: Visit) -> Flow:
    """Of a packet that is sent again the first tells all; a tunnel may send it from another port each time."""
    packet = visit.first.packet
    return visit.place, packet.protocol, packet.src, packet.dst, packet.dport


def _key(observation: Observation) -> tuple[str, str, str, int]:
    capture = observation.capture
    return capture.place, capture.interface, capture.way, capture.t_ns


def _outermost(hop: Hop, observation: Observation | None) -> Packet:
    """The packet as the place's rules see it: a tunnel's packet is not looked into."""
    if observation is None:
        return hop.packet
    capture = observation.capture
    return decode(capture.frame[:_LONGEST], (), ethernet=capture.hardware in FRAMED)
