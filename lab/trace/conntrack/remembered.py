"""Asks connection tracking what it remembers of one exchange, in each place that it was captured in."""

from __future__ import annotations

from collections.abc import Iterable

from lab.kernel.connections import Event, Tuple
from lab.kernel.conntrack import found
from lab.kernel.places import Sandbox
from lab.trace.exchange import Part
from lab.trace.journey import REQUEST
from lab.trace.queries.inquiry import asking


def remembered(sandbox: Sandbox, parts: Iterable[Part]) -> tuple[Event, ...]:
    """Its connection as each place knows it: by the addresses with which its first packet was seen there."""
    firsts: dict[str, Tuple] = {}
    for part in parts:
        packet = part.observation.packet
        if part.direction == REQUEST and packet.cause is None:
            told = Tuple(packet.protocol, packet.src, packet.sport, packet.dst, packet.dport)
            firsts.setdefault(part.observation.capture.place, told)
    events = []
    for place, told in firsts.items():
        with asking(sandbox, place):
            events.append(found(place, told))
    return tuple(filter(None, events))
