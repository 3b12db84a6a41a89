"""What of a hop is the same whenever the same request is sent: not its times, and no port that a client was given."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lab.trace.journey import DNS, REPLY, UNRESOLVED, Decision, Hop, Journey
from lab.trace.show import wording

_STATE = re.compile(r" (REACHABLE|STALE|DELAY|PROBE)$")
Line = tuple[str, ...]


def told(journey: Journey) -> tuple[Hop, ...]:
    """The hops that tell one journey from another.

    Of DNS there are none unless it failed on the way: which of its pods answers is kube-proxy's choice, made anew each
    time.
    """
    lost = journey.lost is not None and journey.lost.phase == DNS and journey.verdict != UNRESOLVED
    return tuple(hop for hop in journey.hops if lost or hop.phase != DNS)


def words(hop: Hop) -> Line:
    """Direction, step, stage, place, interface, way, packet: `request 4 encapsulate node-0 eth0 out VXLAN 4096 …`."""
    direction = f"dns-{hop.direction}" if hop.phase == DNS else hop.direction
    return direction, str(hop.step), hop.stage, hop.place, hop.interface, hop.way, packet(hop)


def packet(hop: Hop) -> str:
    """The outer packet, else addresses and the server's port."""
    carried = hop.packet
    if carried.outer:
        return wording.wrapper(carried.outer).replace("  ", " ").replace(" → ", " > ")
    port = carried.sport if hop.direction == REPLY else carried.dport
    server = f":{port}" if port and carried.protocol != "icmp" else ""
    if hop.direction == REPLY:
        return f"{carried.src}{server} > {carried.dst} {carried.protocol}"
    return f"{carried.src} > {carried.dst}{server} {carried.protocol}"


def given_ports(hops: Iterable[Hop]) -> frozenset[int]:
    """The clients' ports, and those that a NAT put in their place; of an ICMP echo its identifier."""
    return frozenset(hop.packet.dport if hop.direction == REPLY else hop.packet.sport for hop in hops)


def reason(decision: Decision, ports: frozenset[int]) -> str:
    """A decision without clients' ports, and without how fresh a neighbour entry is."""
    text = f"{decision.kind} {decision.table} {_STATE.sub('', decision.text)}  {decision.verdict}"
    return re.sub(r"\b\d{4,5}\b", lambda found: "PORT" if int(found[0]) in ports else found[0], text).strip()
