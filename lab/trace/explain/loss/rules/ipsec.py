"""What IPsec's policies do not let through as it is: xfrm_stat counts it, the policy says why."""

from __future__ import annotations

from collections.abc import Iterator

from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.gap import gaps, outermost
from lab.trace.explain.loss.rules.firewall import FIREWALL
from lab.trace.journey import KERNEL
from lab.trace.witness.packet import Packet

PREFIX = "Xfrm."
INBOUND = ("FwdHdrError",)  # beside all that begin with In


def refused(case: Case) -> Finding | None:
    """xfrm_stat counted it, and a policy of that direction is about such a packet."""
    for place in case.suspects:
        facts = case.about(place)
        grown = [name.removeprefix(PREFIX) for name in facts.counted.protocols if name.startswith(PREFIX)]
        ways = tuple(dict.fromkeys(way for name in grown for way in _directions(name)))
        for policy in facts.answers.transforms if grown else ():
            if policy.direction in ways and any(policy.matches(one) for one in _forms(case, place)):
                counted = ", ".join(f"Xfrm{name}" for name in grown)
                wants = "blocks it" if policy.blocks else "wants it encrypted, and it is not"
                why = f"An IPsec policy of {place} {wants}: the {case.name} is dropped there (it counted {counted})."
                fix = (f"ip xfrm policy delete {policy.selector}",)
                return Finding(place, Cause.XFRM_POLICY, policy.text, why, fix, KERNEL, FIREWALL)
    return None


def _directions(counter: str) -> tuple[str, ...]:
    return ("in", "fwd") if counter in INBOUND or counter.startswith("In") else ("out", "fwd")


def _forms(case: Case, place: str) -> Iterator[Packet]:
    """The packet as the place may have had it: plain, wrapped, translated."""
    for part in case.leg:
        if part.observation.capture.place == place:
            yield outermost(part.observation.packet)
            yield part.observation.packet
    for gap in gaps(case):
        if gap.place == place:
            yield gap.packet
    exchange = case.passage.exchange
    yield Packet(exchange.protocol, exchange.address, exchange.sport, exchange.destination, exchange.dport)
    # An answer of which nothing was seen, and what translations make of either.
    for part in (*case.passage.request, *case.passage.reply):
        packet = part.observation.packet
        if part.observation.capture.place == place and packet.cause is None:
            yield Packet(packet.protocol, packet.dst, packet.dport, packet.src, packet.sport)
    for flow in (*case.about(place).answers.flows, *case.about(place).answers.begun):
        for one in (flow.original, flow.original.reversed, flow.onward, flow.onward.reversed, flow.reply):
            yield Packet(one.protocol, one.source, one.sport, one.destination, one.dport)
