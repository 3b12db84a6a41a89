"""An address that two places have: who else has it, and whom the neighbours believe."""

from __future__ import annotations

from collections.abc import Iterator

from lab.map.path import OUT
from lab.map.place import Link, Place
from lab.network.objects import Address, Interface
from lab.trace.explain.loss import remedies
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.printed import printed
from lab.trace.journey import CAPTURED, KERNEL, QUERIED, Mending
from lab.trace.witness.observation import ETHERNET


def taken_for_own(case: Case) -> Finding | None:
    """A place on the way holds the destination itself, which by the design is another's: it keeps what is for there."""
    for place in case.suspects:
        facts = case.about(place)
        for asked in facts.answers.asked:
            address = asked.lookup.destination
            owner, _ = case.labmap.owners.get(address, (None, None))
            own = facts.answers.holds(address)
            is_local = asked.answer.route is not None and asked.answer.route.type == "local"
            if own is None or owner is None or owner.name == place or not is_local or own.key in facts.desired.by_key:
                continue
            why = (
                f"{place} holds {address} itself, which is the address of {owner.name}: it takes what is for "
                f"{owner.name} for its own and passes nothing on."
            )
            return _of(case, own, why, KERNEL)
    return None


def same_mac(case: Case) -> Finding | None:
    """An interface on the way has the MAC of another place's: the bridge sends what is for both to who spoke last."""
    for place in case.suspects:
        for one in case.about(place).drifts:
            held, wanted = one.held, one.wanted
            if not isinstance(held, Interface) or not isinstance(wanted, Interface) or held.mac == wanted.mac:
                continue
            other = case.labmap.by_mac.get(held.mac, "")
            if not held.mac or other in ("", place):
                continue
            why = (
                f"{held.name} of {place} has the MAC {held.mac}, which is that of {other}: what is for one of them "
                f"reaches the other now and then."
            )
            return Finding(place, Cause.ADDRESS_TAKEN, printed(held), why, one.mends, QUERIED)
    return None


def believed(case: Case) -> Finding | None:
    """A neighbour on the way was sent what is for an address to the MAC of another place, which holds it as well."""
    for place, believing, address, mac, evidence in _beliefs(case):
        owner, link = case.labmap.owners.get(address, (None, None))
        other, device = _of_mac(case, mac)
        if owner is None or other is None or link is None or device is None or link.mac == mac or other is owner:
            continue
        own = case.about(other.name).answers.holds(address)
        if own is not None:
            why = (
                f"{other.name} has the address {address} as well, which is {owner.name}'s, and {place} believes it: it "
                f"sends what is for {owner.name} to {mac}, which is {device.name} of {other.name}."
            )
            forget = Mending(place, f"ip neigh del {address} dev {believing}")
            return _of(case, own, why, evidence, forget)
    return None


def wrong_mac(case: Case) -> Finding | None:
    """What a neighbour on the way learned of an address is not the MAC of who has it, nor of anybody who holds it."""
    for place in case.suspects:
        hops = {(name, address) for name in case.links(place) for address in _next_hops(case, place, name)}
        for one in case.about(place).neighbours:
            owner, link = case.labmap.owners.get(one.address, (None, None))
            if owner is None or link is None or (one.device, one.address) not in hops or one.mac in ("", link.mac):
                continue
            why = (
                f"{place} takes {one.mac} for the MAC of {one.address}, but {link.name} of {owner.name} has "
                f"{link.mac}: it does not take what is sent to another."
            )
            fix = (f"ip neigh del {one.address} dev {one.device}",)
            return Finding(place, Cause.WRONG_NEIGHBOUR, one.text, why, fix, QUERIED)
    return None


def _beliefs(case: Case) -> Iterator[tuple[str, str, str, str, str]]:
    """Place, device, address, the MAC to which it sends what is for there, and how that is known."""
    part = case.leg[-1] if case.leg else None
    if part is not None:
        capture = part.observation.capture
        if capture.way == OUT and capture.hardware == ETHERNET and len(capture.frame) >= 6:
            for address in _next_hops(case, capture.place, capture.interface):
                yield capture.place, capture.interface, address, capture.frame[:6].hex(":"), CAPTURED
    for place in case.suspects:
        hops = {address for name in case.links(place) for address in _next_hops(case, place, name)}
        for one in case.about(place).neighbours:
            if one.mac and one.address in hops:
                yield place, one.device, one.address, one.mac, QUERIED


def _next_hops(case: Case, place: str, device: str) -> set[str]:
    facts = case.about(place)
    ways = ((address, facts.routes(address)[0]) for address in case.routed(place))
    found = {way.via or address for address, way in ways if way is not None and way.device == device}
    return found | {
        asked.answer.route.via or asked.lookup.destination
        for asked in facts.answers.asked
        if asked.answer.route is not None and asked.answer.route.device == device
    }


def _of_mac(case: Case, mac: str) -> tuple[Place | None, Link | None]:
    """Whose interface has a MAC; of one that several have, nobody's."""
    found = [
        (place, link) for place in case.labmap.places for link in place.links if link.mac == mac and link.addresses
    ]
    return found[0] if len(found) == 1 else (None, None)


def suspected(case: Case) -> tuple[str, ...]:
    """The places whose MACs stand for addresses that are not theirs: they have to be asked which they hold."""
    found = []
    for _, _, address, mac, _ in _beliefs(case):
        owner, link = case.labmap.owners.get(address, (None, None))
        if owner is not None and link is not None and link.mac != mac:
            other, _ = _of_mac(case, mac)
            found += [other.name] if other is not None and other is not owner else []
    return tuple(dict.fromkeys(found))


def _of(case: Case, own: Address, why: str, evidence: str, *elsewhere: Mending) -> Finding:
    place, facts = own.place, case.about(own.place)
    fix, said = remedies.unheld(own, facts.held, facts.desired), f"{own.address} dev {own.device}"
    return Finding(place, Cause.ADDRESS_TAKEN, said, why, fix, evidence, "route", elsewhere=elsewhere)
