"""What keeps a place from routing it: the route itself, forwarding, the check of the way back."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import replace

from lab.map.path import OUT
from lab.network.objects import Route, Sysctl
from lab.plan.commands import sysctl_name
from lab.trace.explain.loss import remedies
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.facts import PlaceFacts
from lab.trace.explain.loss.links import devices
from lab.trace.explain.queries.route import as_printed
from lab.trace.journey import KERNEL, QUERIED, REPLY, REQUEST

NO_ROUTES = ("IpExt.InNoRoutes", "Ip.OutNoRoutes")
REFUSING = {  # types of routes that refuse, and how
    "blackhole": "drops everything without a word",
    "unreachable": "answers that there is no way",
    "prohibit": "answers that it is not allowed",
}


def forwarding_off(case: Case) -> Finding | None:
    """It came into a place that must pass it on, and forwarding is off there; Ip InAddrErrors counts them."""
    for place in case.suspects:
        facts, what = case.about(place), case.place(place)
        if what is None or what.kind not in ("node", "router", "gateway"):
            continue
        names = ("net.ipv4.ip_forward", *(f"net.ipv4.conf.{name}.forwarding" for name in _entered(case, place)))
        for name in names:
            held, desired = facts.setting(name)
            if held == "0" and desired in ("", "1"):
                evidence = KERNEL if facts.counted.grew("Ip.InAddrErrors") else QUERIED
                return not_forwarding(place, name, evidence)
    return None


def not_forwarding(place: str, name: str, evidence: str) -> Finding:
    """A place's setting that keeps it from passing anything on; a node without it does not answer for others either."""
    why = f"{place} does not forward packets: {sysctl_name(name)} is 0."
    fix = _set(name, "1")
    return Finding(place, Cause.IP_FORWARD_OFF, f"{sysctl_name(name)} = 0", why, fix, evidence, "forward")


def source_refused(case: Case) -> Finding | None:
    """The kernel would not take what comes in there from that source: rp_filter. ARP is asked so too, uncounted."""
    for place in case.suspects:
        facts = case.about(place)
        for asked in facts.answers.asked:
            device, source = asked.lookup.incoming, asked.lookup.source
            back = facts.routes(source)[0] if source else None
            refused = asked.answer.error in (errno.EXDEV, errno.EINVAL)  # newer kernels tell all refusals alike
            if not device or not source or not refused or (back is not None and back.device == device):
                continue
            for name in (f"net.ipv4.conf.{device}.rp_filter", "net.ipv4.conf.all.rp_filter"):
                held, desired = facts.setting(name)
                if held in ("1", "2") and held != desired:
                    return _filtered(facts, name, asked.lookup.source, QUERIED)
    return None


def reverse_path(case: Case) -> Finding | None:
    """TcpExt IPReversePathFilter grew: the way back to the source is not by the interface that it came by."""
    for place in case.suspects:
        facts = case.about(place)
        if not facts.counted.grew("TcpExt.IPReversePathFilter"):
            continue
        for device in ("all", *_entered(case, place)):
            name = f"net.ipv4.conf.{device}.rp_filter"
            held, desired = facts.setting(name)
            if held in ("1", "2") and held != desired:
                back = case.packet.outer.src if case.packet and case.packet.outer else case.packet and case.packet.src
                return _filtered(facts, name, back or "", KERNEL)
    return None


def _filtered(facts: PlaceFacts, name: str, source: str, evidence: str) -> Finding:
    held, desired = facts.setting(name)
    kind = "strict" if held == "1" else "loose"
    route, _ = facts.routes(source) if source else (None, None)
    by = f" ({as_printed(route)})" if route else ""
    why = f"{facts.place} would answer by another interface than it came by{by}, and rp_filter is {kind}."
    fix = _set(name, desired or "0")
    return Finding(facts.place, Cause.RP_FILTER, f"{sysctl_name(name)} = {held}", why, fix, evidence, "route")


def misrouted(case: Case) -> Finding | None:
    """The route that it matches is not the design's."""
    for place in case.suspects:
        facts = case.about(place)
        if not facts.desired.objects:
            continue
        looked_up = (one.lookup.destination for one in facts.answers.asked if not one.lookup.is_question)
        for address in dict.fromkeys((*case.routed(place), *looked_up)):
            if facts.answers.holds(address) is None and (found := misled(case, facts, address)) is not None:
                return replace(found, direction=REPLY) if address == _answered(case, place) else found
    return None


def _answered(case: Case, place: str) -> str:
    """Whom the place at the request's end has to answer: that packet is the lost one; "" for other places."""
    arrived = case.direction == REQUEST and case.last is not None and case.last.place == place == case.there.end
    return case.packet.src if arrived and case.packet is not None else ""


def misled(case: Case, facts: PlaceFacts, address: str) -> Finding | None:
    """The route of a place that an address matches is not the design's."""
    held, desired = facts.routes(address)
    if held == desired:
        return None
    if desired is not None and (gone := devices.down_device(facts, desired.device)) is not None:
        return gone
    return _of_route(case, facts, address, held, desired)


def _of_route(case: Case, facts: PlaceFacts, address: str, held: Route | None, desired: Route | None) -> Finding:
    place, whom = facts.place, _whom(case, address)
    evidence = KERNEL if any(facts.counted.grew(name) for name in NO_ROUTES) else QUERIED
    absent = desired is not None and desired.key not in facts.held.by_key
    ours = held is None or held.key in facts.desired.by_key or held.proto == "kernel"
    if desired is not None and absent and ours:
        under = f", and takes it for {as_printed(held)}" if held else ""
        why = f"{place} has no route to {whom}{under}."
        fix = remedies.route(None, desired, facts.held)
        return Finding(place, Cause.NO_ROUTE, as_printed(desired), why, fix, evidence, "route")
    assert held is not None, "what is not there is absent"
    fix = remedies.route(held, desired, facts.held)
    if held.type in REFUSING:
        why = f"In {place} the route to {whom} {REFUSING[held.type]}."
        return Finding(place, Cause.BLACKHOLE_ROUTE, as_printed(held), why, fix, evidence, "route")
    whose = "the lab's own would be" if facts.alone else "by the design it is"
    right = f"; {whose} {as_printed(desired)}" if desired else ", for which the design has none"
    why = f"{place} sends it the wrong way to {whom}{right}."
    return Finding(place, Cause.WRONG_ROUTE, as_printed(held), why, fix, evidence, "route")


def _whom(case: Case, address: str) -> str:
    owner = case.labmap.owners.get(address)
    return f"{owner[0].name} ({address})" if owner else address


def _entered(case: Case, place: str) -> Iterator[str]:
    """The interfaces by which it comes into a place."""
    for one in (*case.seen, *case.path.crossings):
        if one.place == place and one.way != OUT:
            yield one.interface


def _set(name: str, value: str) -> tuple[str, ...]:
    return tuple(line.replace("sysctl -qw", "sysctl -w") for line in remedies.mended("change", Sysctl("", name, value)))
