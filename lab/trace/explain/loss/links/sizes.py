"""A packet that is larger than a link, a tunnel or a route lets through."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass

from lab.map.path import IN
from lab.network.objects import Interface, Route
from lab.network.place_names import UNDERLAY
from lab.network.tunnels import SEALED
from lab.plan.drift import changed
from lab.trace.ask.exchange import UNREACHABLE as UNSENT
from lab.trace.explain.loss import remedies
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.printed import printed
from lab.trace.journey import CAPTURED, KERNEL, QUERIED, Mending
from lab.trace.witness.packet import UNREACHABLE, Packet

FRAGMENTATION_NEEDED = 4
PIECES = "Ip.ReasmReqds"
OVERHEADS = {"vxlan": 50, SEALED: 60}


@dataclass(frozen=True, slots=True)
class _Other:
    """What lets through another size than designed: the object as it is, why that matters, and what mends it."""

    place: str
    object: str
    why: str
    lines: tuple[str, ...]
    held: Interface | None = None
    order: int = 0  # too small, then too large, then what only forbids to cut


def too_big(case: Case) -> Finding | None:
    """An ICMP "fragmentation needed" was captured, fragmenting failed, or the packet is larger than an MTU allows.

    Of several sizes that differ, as at both ends of a cable, the first on the way is named, and all are mended.
    """
    told = next(
        (part.observation.capture.place for part in case.errors if _needs_fragments(part.observation.packet)), ""
    )
    failed = next((one for one in case.suspects if case.about(one).counted.grew("Ip.FragFails")), "")
    others = sorted((*_others(case), *_of_wires(case)), key=lambda one: (one.order, _position(case, one.place)))
    if others and (told or failed or any(one.held and _does_not_fit(case, one.held) for one in others)):
        first, rest = others[0], others[1:]
        evidence = KERNEL if failed else CAPTURED if told else QUERIED
        also = tuple(Mending(one.place, line) for one in rest for line in one.lines)
        return Finding(first.place, Cause.TOO_BIG, first.object, first.why, first.lines, evidence, elsewhere=also)
    place = told or failed
    if not place:
        return None
    length = case.packet.length if case.packet else 0
    why = f"{place} could not pass on the {case.name} of {length} bytes: it is larger than the next link's MTU."
    evidence = CAPTURED if told else KERNEL
    narrow = min(_narrower(case, place, length), key=lambda one: one.mtu, default=None)
    if narrow is None:
        return Finding(place, Cause.TOO_BIG, f"{length} bytes", why, evidence=evidence)
    own = max((one.mtu for name in case.links(case.origin) if (one := _held(case, case.origin, name))), default=0)
    sends = f" {case.origin} sends up to {own} bytes, so cni.mtu asks for too much." if own > narrow.mtu else ""
    why = f"{place} could not pass on the {case.name} of {length} bytes: {narrow.name} takes {narrow.mtu}.{sends}"
    return Finding(place, Cause.TOO_BIG, f"{narrow.name} mtu {narrow.mtu}", why, evidence=evidence)


def sent_whole(case: Case) -> Finding | None:
    """A packet that a person wrote is not cut into pieces by the kernel of who sends it (raw(7), IP_HDRINCL)."""
    exchange = case.passage.exchange
    if not exchange.role or exchange.outcome != UNSENT or exchange.detail != os.strerror(errno.EMSGSIZE).lower():
        return None
    way, _ = case.about(case.client).routes(next(iter(case.destinations), exchange.destination))
    held = _held(case, case.client, way.device) if way is not None else None
    if held is None:
        return None
    why = (
        f"It does not fit into {held.name} of {case.client}, which takes {held.mtu} bytes, and is not cut into pieces."
    )
    return Finding(case.client, Cause.TOO_BIG, f"{held.name} mtu {held.mtu}", why, evidence=KERNEL)


def a_piece_alone(case: Case) -> Finding | None:
    """A piece of a datagram that a person wrote, in a place that waits for the others: connection tracking does."""
    if not case.passage.exchange.role or case.packet is None or not case.packet.fragment or case.last is None:
        return None
    place = case.last.place
    if case.last.way != IN or not case.about(place).counted.grew(PIECES):
        return None
    why = f"It is a piece of a datagram, and {place} waits for the other pieces before anything is done with it."
    return Finding(place, Cause.INCOMPLETE, f"{PIECES} +{case.about(place).counted.grew(PIECES)}", why, evidence=KERNEL)


def _narrower(case: Case, place: str, length: int) -> Iterator[Interface]:
    """The interfaces of a place on the way that do not take a packet of so many bytes."""
    for name in case.links(place):
        held = _held(case, place, name)
        if held is not None and 0 < held.mtu < length:
            yield held


def _held(case: Case, place: str, name: str) -> Interface | None:
    return case.about(place).interface(name)[0]


def _others(case: Case) -> Iterator[_Other]:
    for place in case.suspects:
        facts = case.about(place)
        for name in case.links(place):
            held, desired = facts.interface(name)
            if held is not None and desired is not None and (held.mtu, _df(held)) != (desired.mtu, _df(desired)):
                yield _of_link(place, held, desired)
        for drift in facts.drifts:
            held_route, wanted = drift.held, drift.wanted
            if isinstance(held_route, Route) and isinstance(wanted, Route) and held_route.mtu != wanted.mtu:
                has = f"has an MTU of {held_route.mtu}" if held_route.mtu else "lacks its MTU"
                why = f"The route {printed(wanted)} of {place} {has}: large packets do not get through."
                yield _Other(place, printed(held_route), why, drift.mends)


def _of_wires(case: Case) -> Iterator[_Other]:
    """The cables between the places, which neither of their ends can see: a switch's port, as it were."""
    facts = case.about(UNDERLAY)
    for name in case.wires:
        held, desired = facts.interface(name)
        if held is not None and desired is not None and held.mtu != desired.mtu:
            yield _of_link(UNDERLAY, held, desired)


def _of_link(place: str, held: Interface, desired: Interface) -> _Other:
    lines = changed(held, desired)
    if _df(held) != _df(desired):
        lines += remedies.unfragmented(desired)
    if held.mtu != desired.mtu:
        why = f"{held.name} of {place} has an MTU of {held.mtu}, not {desired.mtu}: large packets do not get through."
        return _Other(place, f"{held.name} mtu {held.mtu}", why, lines, held, int(held.mtu > desired.mtu))
    why = f"{held.name} of {place} forbids fragmenting (df {_df(held)}): large packets do not get through."
    return _Other(place, f"{held.name} vxlan df {_df(held)}", why, lines, held, 2)


def _position(case: Case, place: str) -> int:
    places = list(dict.fromkeys((case.origin, *case.path.places)))
    return places.index(place) if place in places else len(places)


def _df(item: Interface) -> str:
    return item.vxlan.df if item.vxlan else ""


def _needs_fragments(packet: Packet) -> bool:
    return (packet.icmp_type, packet.icmp_code) == (UNREACHABLE, FRAGMENTATION_NEEDED)


def _does_not_fit(case: Case, held: Interface) -> bool:
    """Whether the largest captured packet of the lost leg, wrapped where it is to be wrapped, is more than fits."""
    largest = max((part.observation.packet.length for part in case.leg), default=0)
    wrapped = max((OVERHEADS.get(one.tunnel, 0) for one in case.path.crossings), default=0)
    smallest = min((one.mtu for place in case.suspects for one in _links(case, place)), default=held.mtu)
    return largest > held.mtu or largest + wrapped > min(smallest, held.mtu)


def _links(case: Case, place: str) -> list[Interface]:
    found = (case.about(place).interface(name)[0] for name in case.links(place))
    return [one for one in found if one is not None and one.kind == "veth"]
