"""Whether a datagram that nobody answered was received: by a socket that was there for it, and nothing in between."""

from __future__ import annotations

import os
from collections.abc import Sequence

from lab.kernel.sandbox.sandbox import Sandbox, inside
from lab.map.path import IN
from lab.trace.ask.exchange import SILENT
from lab.trace.explain.deciding import is_ending
from lab.trace.explain.loss.stopped import Stopped
from lab.trace.explain.passage import Passage, crossing
from lab.trace.explain.queries import listening_sockets, route
from lab.trace.explain.queries.inquiry import asking
from lab.trace.journey import DATA, REQUEST, Hop
from lab.trace.witness.counters import Counters
from lab.trace.witness.packet import Packet

REFUSED = ("Udp.NoPorts", "Udp.RcvbufErrors", "Udp.InCsumErrors")
ANSWERED = ("Udp.OutDatagrams", "Udp.SndbufErrors", "Ip.OutDiscards", "Ip.OutNoRoutes", "IpExt.OutNoRoutes")
"""What grows where a listener did answer, whatever became of that."""


def received(
    sandbox: Sandbox, passage: Passage, hops: Sequence[Hop], stopped: Sequence[Stopped], counters: Counters
) -> str:
    """The socket that took it, as `ss` prints it; "" where it was lost. `hops` have their decisions.

    What is sent to port 53 is a question, and is to be answered.
    """
    exchange, end = passage.exchange, passage.expected.request.end
    if (exchange.protocol, exchange.phase, exchange.outcome) != ("udp", DATA, SILENT) or passage.reply:
        return ""
    if not passage.request or exchange.is_question:
        return ""
    last = crossing(passage.request[-1])
    if (last.place, last.way) != (end, IN) or any(one.place == end for one in stopped):
        return ""
    here = [hop for hop in hops if (hop.place, hop.direction) == (end, REQUEST)]
    if any(is_ending(decision) for hop in here for decision in hop.decisions):
        return ""
    grown = counters.grown({end: {}}).get(end)
    if grown is None or not grown.grew("Ip.InDelivers") or any(map(_says_otherwise, grown.protocols)):
        return ""
    packet = passage.request[-1].observation.packet
    return _taking(sandbox, end, packet) if _has_way(sandbox, end, packet) else ""


def _says_otherwise(counter: str) -> bool:
    """Whether one that rose tells that no listener got it, or that it did answer."""
    return counter in (*REFUSED, *ANSWERED) or counter.startswith("Xfrm.")


def _taking(sandbox: Sandbox, end: str, packet: Packet) -> str:
    netns = sandbox.open_netns(end)
    try:
        with inside(netns):
            sockets = [one for one in listening_sockets.read("udp") if one.port == packet.dport]
    finally:
        os.close(netns)
    takes = (one.text for one in sockets if one.address in (packet.dst, *listening_sockets.ANY))
    return next(takes, "")


def _has_way(sandbox: Sandbox, place: str, packet: Packet) -> bool:
    """Whether the kernel there would send an answer anywhere: a listener whose answers are refused looks silent."""
    with asking(sandbox, place) as inquiry:
        found = route.ask(inquiry, route.Lookup(packet.src, packet.dst, protocol=packet.protocol, dport=packet.sport))
    return found.route is not None and found.route.type == "unicast"
