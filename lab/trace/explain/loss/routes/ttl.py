"""A packet whose time to live ended on the way: who gave it so little, or what sends it round in circles."""

from __future__ import annotations

from lab.map.path import OUT, Crossing
from lab.network.objects import Sysctl
from lab.trace.ask.exchange import Part
from lab.trace.explain.loss import remedies
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.foreign import taken_out
from lab.trace.explain.passage import crossing
from lab.trace.journey import CAPTURED, KERNEL, REQUEST, Decision
from lab.trace.witness.packet import TIME_EXCEEDED

DEFAULT = "net.ipv4.ip_default_ttl"
USUAL = 64
STAGE = "forward"
TTL_BEARERS = ("vxlan", "ipip")
"""Tunnels whose packets' lifetime can be set."""


def time_to_live(case: Case) -> Finding | None:
    """It came somewhere with one hop left to live, and had to go on."""
    part = _ended(case)
    if part is None:
        return None
    place = part.observation.capture.place
    return _of_rule(case, place) or _of_tunnel(case, part) or _of_sender(case, case.origin, place)


def as_written(case: Case) -> Finding | None:
    """A person's packet, sent with so little. Whatever else sends one round in circles comes before."""
    part = _ended(case)
    if part is None or not case.passage.exchange.role or part.direction != REQUEST:
        return None
    tunnelled = part.observation.packet.outer is not None
    first = next(one for one in case.leg if (one.observation.packet.outer is not None) == tunnelled)
    given, ended = _lifetime(first), part.observation.capture.place
    if given >= USUAL:
        return None
    hops = "1 hop" if given == 1 else f"{given} hops"
    why = f"The packet was sent with {hops} to live, and ended at {ended}, which had to send it on."
    return Finding(case.origin, Cause.TTL_ENDED, f"ttl={given}", why, (), CAPTURED, STAGE)


def _ended(case: Case) -> Part | None:
    """Its last sighting, if its time to live can have ended there."""
    last, part = case.last, case.leg[-1] if case.leg else None
    told = any(one.observation.packet.icmp_type == TIME_EXCEEDED for one in case.errors)
    if last is None or part is None or last.way == OUT or (last.place == case.path.end and not told):
        return None
    return part if told or _lifetime(part) == 1 else None


def _lifetime(part: Part) -> int:
    packet = part.observation.packet
    return packet.outer.ttl if packet.outer is not None else packet.ttl


def _of_rule(case: Case, ended: str) -> Finding | None:
    """A rule that sets or lowers it; the last one that it met."""
    for hop in reversed(case.hops):
        for decision in hop.decisions if hop.direction == case.direction else ():
            if _lowers(decision):
                why = f"A rule in {hop.place} gives the {case.name} so little time to live that it ends at {ended}."
                fix = taken_out(case, hop.place, decision)
                return Finding(hop.place, Cause.TTL_ENDED, decision.text, why, (), KERNEL, STAGE, elsewhere=fix)
    return None


def _lowers(decision: Decision) -> bool:
    return decision.kind == "rule" and (" -j TTL --ttl-" in decision.text or "ip ttl set" in decision.text)


def _of_tunnel(case: Case, part: Part) -> Finding | None:
    """The wrapping was born with too little."""
    if part.observation.packet.outer is None:
        return None
    for one in reversed(case.leg):
        capture = one.observation.capture
        link = case.link(capture.place, capture.interface)
        if link is not None and link.kind in TTL_BEARERS and capture.way == OUT:
            ended = part.observation.capture.place
            if (setting := _of_sender(case, capture.place, ended)) is not None:
                return setting  # a tunnel that says nothing of it takes what its node gives
            why = f"{link.name} of {capture.place} gives its packets so little time to live that they end at {ended}."
            kind = link.kind
            fix = (f"ip link set dev {link.name} type {kind} ttl {'auto' if kind == 'vxlan' else 'inherit'}",)
            first = next(p for p in case.leg if p.observation.packet.outer is not None)
            said = f"{link.name} {kind} ttl {_lifetime(first)}"
            return Finding(capture.place, Cause.TTL_ENDED, said, why, fix, CAPTURED, STAGE)
    return None


def _of_sender(case: Case, place: str, ended: str) -> Finding | None:
    """Its sender's own kernel gives all packets so little."""
    setting = case.about(place).answers.setting(DEFAULT)
    if setting.isdecimal() and int(setting) < USUAL:
        why = f"{place} gives all that it sends {setting} hops to live: the {case.name} ended at {ended}."
        fix = tuple(line.replace("-qw", "-w") for line in remedies.mended("change", Sysctl("", DEFAULT, str(USUAL))))
        return Finding(place, Cause.TTL_ENDED, f"{DEFAULT} = {setting}", why, fix, CAPTURED, STAGE)
    return None


def circles(case: Case) -> Finding | None:
    """It came by a place again and again, until it had no hop left."""
    told = any(one.observation.packet.icmp_type == TIME_EXCEEDED for one in case.errors)
    lifetimes: dict[Crossing, set[tuple[int, int]]] = {}
    for part in case.passage.parts:
        if case.leg and (part.direction, part.role) == (case.direction, case.leg[-1].role):
            lifetimes.setdefault(crossing(part), set()).add(_lifetimes(part))
    ended = told or any(1 in both for of_one in lifetimes.values() for both in of_one)
    # What is sent again passes the same interface as well, but with as much to live as before.
    circle = next((one.place for one, of_one in lifetimes.items() if len(of_one) > 1), "")
    if not ended or not circle:
        return None
    route = next((asked.answer.text for asked in case.about(circle).answers.asked if asked.answer.route), "")
    why = f"The {case.name} goes in circles by {circle} until its time to live ends: the routes there lead it back."
    return Finding(circle, Cause.TTL_ENDED, route, why, (), CAPTURED, STAGE)


def _lifetimes(part: Part) -> tuple[int, int]:
    """Its own, and its tunnel's: either may end in a circle."""
    packet = part.observation.packet
    return packet.ttl, packet.outer.ttl if packet.outer is not None else 0
