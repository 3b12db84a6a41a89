"""Joins what the client lived, what was captured and what the design expects into the journey and its verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lab.map.labmap import LabMap
from lab.map.path import OUT, Crossing
from lab.map.services import Service, ServicePort
from lab.network.tunnels import SEALED
from lab.trace.ask import candidates
from lab.trace.ask.exchange import Exchange, parts
from lab.trace.ask.target import service_named
from lab.trace.explain.passage import FORWARDERS, Passage, crossing
from lab.trace.explain.unresolved import unresolved
from lab.trace.journey import (
    DATA,
    DELIVERED,
    DNS,
    INFERRED,
    LOST,
    REQUEST,
    UNRESOLVED,
    Candidate,
    Journey,
    Loss,
    Request,
    Resolution,
)
from lab.trace.journey import REFUSED as REFUSED_VERDICT
from lab.trace.witness.observation import Observation
from lab.trace.witness.packet import TIME_EXCEEDED, UNREACHABLE_NAMES, Packet

UNKNOWN = "unknown"
PROTOCOL_UNREACHABLE = "icmp-protocol-unreachable"
WRAPPED = {
    "vxlan": ", wrapped in VXLAN,",
    "ipip": ", wrapped in IPIP,",
    SEALED: ", encrypted by WireGuard,",
    "": "",
}


def judge(
    labmap: LabMap,
    request: Request,
    exchanges: Sequence[Exchange],
    observations: Sequence[Observation],
    resolution: Resolution | None = None,
) -> Journey:
    """The journey of a request. Of the DNS exchanges the last is told: it found the name, or it failed."""
    passages = passages_of(labmap, exchanges, observations)
    hops = [hop for passage in passages for hop in passage.hops()]
    if any(passage.exchange.behind for passage in passages):
        hops.sort(key=lambda hop: hop.t_ns)  # a server asks others while it is asked
    last = next(passage for passage in reversed(passages) if not passage.exchange.behind)
    verdict, loss = _verdict(last, resolution, request)
    if loss is not None and (deeper := failing_behind(passages)) is not None:
        loss = _refused(deeper) if deeper.refused else _lost(deeper)
    found = _candidates(labmap, request, last, verdict)
    if loss is not None and verdict == UNRESOLVED and found and not any(one.candidate for one in found):
        loss = replace(loss, why=f"{loss.why} None of its pods is ready: {candidates.without(found)}.")
    return Journey(
        lab=labmap.lab,
        request=request,
        verdict=verdict,
        hops=tuple(replace(hop, seq=number) for number, hop in enumerate(hops, 1)),
        answered_by=last.answerer if verdict == DELIVERED else "",
        duration_us=last.duration_us,
        lost=loss,
        resolution=resolution,
        answer=last.exchange.detail + _again(last) + _impostor(last),
        seen=tuple(observations),
        candidates=found,
        client=last.exchange.address,
        asked=asked_for(last.exchange),
    )


def _again(passage: Passage) -> str:
    """That the answer is not to the first SYN: whatever lost that one may lose others."""
    return f", to a SYN that was sent again after {passage.again_after:.1f} s," if passage.again_after else ""


def _impostor(passage: Passage) -> str:
    """Whose address the answer came from, where another place sent it."""
    packet = passage.answer
    owner, _ = passage.labmap.owners.get(packet.src, (None, None)) if packet else (None, None)
    if packet is None or owner is None or passage.answerer in ("", owner.name):
        return ""
    return f", though {packet.src} is {owner.name}'s,"


def asked_for(exchange: Exchange) -> str:
    """The address and port that the client sent it to."""
    return f"{exchange.destination}:{exchange.dport}" if exchange.dport else exchange.destination


def _candidates(labmap: LabMap, request: Request, passage: Passage, verdict: str) -> tuple[Candidate, ...]:
    """The endpoints of the Service that was asked: by its address or a node port, or, a headless one, by its name."""
    exchange = passage.exchange
    source = labmap.by_name[exchange.source]
    service, port = (passage.asked if verdict != UNRESOLVED else None) or (None, None)
    if service is None and (exchange.phase == DATA or verdict == UNRESOLVED):
        service = service_named(labmap, source, request.to)
        if service is None or not service.is_headless:
            return ()
        port = _headless_port(service, request)
    if service is None or port is None:
        return ()
    return candidates.candidates(labmap, source, exchange.destination, service, port, passage.endpoint)


def _headless_port(service: Service, request: Request) -> ServicePort | None:
    """The one that was meant: by the number that its pods have for it, by its own, or any: all have the same pods."""
    ports = [one for one in service.ports if one.protocol.lower() == request.protocol] or list(service.ports)
    named = (one for one in ports if request.port in (one.port, *(end.port for end in one.endpoints)))
    return next(named, ports[0] if ports else None)


def passages_of(
    labmap: LabMap, exchanges: Sequence[Exchange], observations: Sequence[Observation]
) -> tuple[Passage, ...]:
    """The exchanges that are told, as they went through the lab: of each phase the last, and of a question that failed
    what its server asked.
    """
    kinds = ((DNS, False), (DNS, True), (DATA, False))
    told = [found[-1] for kind in kinds if (found := [one for one in exchanges if (one.phase, one.behind) == kind])]
    return tuple(Passage(labmap, exchange, tuple(parts(exchange, observations))) for exchange in told)


def failing_behind(passages: Sequence[Passage]) -> Passage | None:
    """What a DNS server asked for a question's sake and was not answered: that is where the question failed."""
    return next((one for one in passages if one.exchange.behind and not one.succeeded), None)


def _verdict(passage: Passage, resolution: Resolution | None, request: Request) -> tuple[str, Loss | None]:
    if passage.refused:
        return REFUSED_VERDICT, _refused(passage)
    if not passage.succeeded:
        return LOST, _lost(passage)
    if passage.exchange.phase == DNS and not (resolution and resolution.addresses):
        return UNRESOLVED, unresolved(passage, resolution, request.to)
    return DELIVERED, None


def _lost(passage: Passage) -> Loss:
    """The last place where the packet that did not arrive was seen, and where it should have been seen next."""
    direction = passage.broken
    leg = passage.request if direction == REQUEST else passage.reply
    exchange = passage.exchange
    if not leg:
        told = f"The {_name(exchange, REQUEST)} never left {exchange.source}: {exchange.detail}."
        return Loss(exchange.source, REQUEST, exchange.phase, "route", UNKNOWN, told, evidence=INFERRED)
    last = crossing(leg[-1])
    stage = next(hop.stage for hop in reversed(passage.hops()) if hop.direction == direction)
    why = _where(_name(exchange, direction), last, passage.next_expected(direction, leg), passage.expected.request.end)
    return Loss(last.place, direction, exchange.phase, stage, UNKNOWN, why)


def _where(name: str, last: Crossing, following: Crossing | None, target: str) -> str:
    """In one sentence: how far it came, and what should have come next."""
    verb = "left" if last.way == OUT else "came into"
    seen = f"The {name} {verb} {last.place} through {last.interface}{WRAPPED[last.tunnel]}"
    if following is None:
        after = "was never answered" if last.place == target else "was not seen again"
    else:
        there = f"{following.interface} of {following.place}" if following.place != last.place else following.interface
        after = f"never {'left through' if following.way == OUT else 'came in through'} {there}"
    return f"{seen} and {after}."


def _refused(passage: Passage) -> Loss:
    """Who sent the reset or the ICMP error: the place where it was seen first."""
    exchange, leg = passage.exchange, passage.refusal
    if not leg:
        why = f"The {_name(exchange, REQUEST)} was refused ({exchange.detail}), but the refusal was not captured."
        return Loss(exchange.source, REQUEST, exchange.phase, "route", UNKNOWN, why, evidence=INFERRED)
    place, packet = passage.refuser, leg[0].observation.packet
    forwards = passage.labmap.by_name[place].kind in FORWARDERS
    stage = next(
        (hop.stage for hop in reversed(passage.hops()) if _reached(hop.direction, hop.place, place)),
        "forward" if forwards else "deliver",
    )
    if packet.protocol == "tcp":
        cause, how = "tcp-reset", "a TCP reset"
    else:
        cause = _error_name(packet)
        how = f"ICMP {cause.removeprefix('icmp-').replace('-', ' ')}"
    if cause == PROTOCOL_UNREACHABLE:
        why = f"{place} answered with {how}: nobody there takes {_spoken(exchange.protocol)}."
    elif place == passage.expected.request.end:
        why = f"{place} answered with {how}: nothing listens on {exchange.protocol} port {_port(passage)} there."
    else:
        why = f"{place} refused the {_name(exchange, REQUEST)} with {how}."
    return Loss(place, REQUEST, exchange.phase, stage, cause, why)


def _spoken(protocol: str) -> str:
    return f"IP protocol {protocol}" if protocol.isdecimal() else protocol


def _reached(direction: str, seen: str, place: str) -> bool:
    return direction == REQUEST and seen == place


def _error_name(packet: Packet) -> str:
    if packet.icmp_type == TIME_EXCEEDED:
        return "icmp-time-exceeded"
    return f"icmp-{UNREACHABLE_NAMES.get(packet.icmp_code, str(packet.icmp_code))}"


def _port(passage: Passage) -> int:
    """The port at the endpoint, behind any translation."""
    return passage.request[-1].observation.packet.dport if passage.request else passage.exchange.dport


def untranslated_port(labmap: LabMap, request: Request) -> str:
    """That nobody turns a headless Service's port into its pods', as a sentence; "" where these are the same."""
    service = service_named(labmap, labmap.by_name[request.source], request.to)
    if service is None or not service.is_headless:
        return ""
    ports = next((one.endpoints for one in service.ports if one.port == request.port), ())
    real = sorted({end.port for end in ports})
    if not real or request.port in real:
        return ""
    return (
        f" Service {service.full_name} is headless: DNS gives its pods' own addresses, and nobody turns port "
        f"{request.port} into {real[0]}; ask {service.name}.{service.namespace}:{real[0]}."
    )


def chance(journey: Journey) -> str:
    """What the next request may meet otherwise: which of several endpoints is chosen, as a sentence; "" for one."""
    names = candidates.short_names(journey.candidates)
    among = [names[one.name] for one in journey.candidates if one.candidate]
    chosen = next((names[one.name] for one in journey.candidates if one.chosen), "")
    if len(among) < 2 or not chosen:
        return ""
    return f" One of {candidates.named(among)} is chosen at random; this request went to {chosen}."


def patience(resolution: Resolution | None) -> str:
    """How long a program waits for a question that was lost, as a sentence; "" where it is told at once."""
    if resolution is None or not resolution.gives_up:
        return ""
    if resolution.half:
        known = ", ".join(resolution.half)
        return f" The other family's was answered ({known}): a program waits {resolution.gives_up} s for both."
    return f" A program gives up after {resolution.gives_up} s."


def _name(exchange: Exchange, direction: str) -> str:
    if exchange.phase == DNS:
        return "DNS question" if direction == REQUEST else "DNS answer"
    return direction
