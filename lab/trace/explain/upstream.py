"""What a DNS server asked others while it was asked itself, as its captured packets show it."""

from __future__ import annotations

from collections.abc import Sequence

from lab.map.labmap import LabMap
from lab.map.path import IN, OUT
from lab.trace.ask import question
from lab.trace.ask.exchange import ANSWERED, DNS_PORT, REFUSED, SILENT, Exchange, parts
from lab.trace.journey import DNS, REQUEST
from lab.trace.witness.observation import Observation
from lab.trace.witness.packet import icmp


def asked_behind(labmap: LabMap, exchange: Exchange, observations: Sequence[Observation]) -> Exchange | None:
    """The server's own question about the same thing, the last one of several; None if it was not seen to ask.

    A server that asks for another name, as one that rewrites names does, is believed if it asks nothing else.
    """
    for server, since in reversed(reached(labmap, exchange, observations).items()):
        went = [one for one in observations if _is_question(one, server) and one.capture.t_ns >= since]
        same = [one for one in went if _about(one) == question.about(exchange.token)]
        if same or went:
            return _exchange(server, (same or went)[-1], observations)
    return None


def reached(labmap: LabMap, exchange: Exchange, observations: Sequence[Observation]) -> dict[str, int]:
    """The cluster's DNS servers that the question came to, in that order, and when it did first."""
    came = [part.observation.capture for part in parts(exchange, observations) if part.direction == REQUEST]
    servers = dict.fromkeys(one.place for one in came if one.way == IN and one.place in labmap.dns.pods)
    return {server: min(one.t_ns for one in came if one.place == server) for server in servers}


def _is_question(one: Observation, place: str) -> bool:
    packet, capture = one.packet, one.capture
    return (capture.place, capture.way, packet.protocol, packet.dport) == (place, OUT, "udp", DNS_PORT)


def _about(one: Observation) -> tuple[str, int]:
    return question.about(one.packet.payload)


def _exchange(server: str, asked: Observation, observations: Sequence[Observation]) -> Exchange:
    packet = asked.packet
    outcome, detail = SILENT, "no answer"
    for one in observations:
        answer, capture = one.packet, one.capture
        if (capture.place, capture.way) != (server, IN) or capture.t_ns < asked.capture.t_ns:
            continue
        if answer.cause and (answer.cause.protocol, answer.cause.sport) == ("udp", packet.sport):
            outcome, detail = REFUSED, icmp(answer)
        elif (answer.protocol, answer.dport, answer.payload[:2]) == ("udp", packet.sport, packet.payload[:2]):
            outcome, detail = ANSWERED, question.words(answer.payload)
    mark, dport = packet.payload[:2], packet.dport
    end = (packet.src, packet.sport, packet.dst, dport)
    return Exchange(DNS, "udp", server, *end, packet.payload, outcome, detail, mark, behind=True)
