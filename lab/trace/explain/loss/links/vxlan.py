"""What keeps a VXLAN tunnel from taking it to the right end: its entries, its number, its port."""

from __future__ import annotations

from collections.abc import Iterator

from lab.map.path import IN
from lab.network.objects import Interface
from lab.trace.explain.loss import remedies
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.facts import PlaceFacts
from lab.trace.explain.loss.printed import printed
from lab.trace.journey import CAPTURED, KERNEL, QUERIED


def other_network(case: Case) -> Finding | None:
    """The number or the port of a tunnel device is not the design's, and so not that of the other end."""
    for place in case.suspects:
        facts = case.about(place)
        for name in case.links(place):
            held, desired = facts.interface(name)
            if held is None or desired is None or held.vxlan is None or desired.vxlan is None:
                continue
            fix = remedies.device(name, facts.held, facts.desired)
            if held.vxlan.vni != desired.vxlan.vni:
                why = f"{name} of {place} has VXLAN number {held.vxlan.vni}, the others {desired.vxlan.vni}."
                said = f"{name} vxlan id {held.vxlan.vni}"
                return Finding(place, Cause.VNI_MISMATCH, said, why, fix, QUERIED, "decapsulate")
            if held.vxlan.port != desired.vxlan.port:
                why = f"{name} of {place} uses UDP port {held.vxlan.port}, the others {desired.vxlan.port}."
                said = f"{name} vxlan dstport {held.vxlan.port}"
                evidence = KERNEL if facts.counted.grew("Udp.NoPorts") else QUERIED
                return Finding(place, Cause.PORT_MISMATCH, said, why, fix, evidence, "decapsulate")
    return None


def unknown_network(case: Case) -> Finding | None:
    """It came to a node in a tunnel of a number that no device there has, as a person may write it."""
    outer = case.leg[-1].observation.packet.outer if case.leg else None
    if case.last is None or case.last.way != IN or outer is None or outer.kind != "vxlan":
        return None
    place = case.last.place
    held = [one for one in case.tunnels(place) if one.vxlan is not None]
    if not held or any(one.vxlan is not None and one.vxlan.vni == outer.vni for one in held):
        return None
    said = ", ".join(f"{one.name} vxlan id {one.vxlan.vni}" for one in held if one.vxlan is not None)
    why = f"No device of {place} has VXLAN number {outer.vni}, with which it came: {said}."
    return Finding(place, Cause.VNI_MISMATCH, said, why, (), QUERIED, "decapsulate")


def wrong_entry(case: Case) -> Finding | None:
    """The neighbour entry of the next hop or the FDB entry of its MAC is missing or another one than the design's."""
    for place in case.suspects:
        facts = case.about(place)
        for device, next_hop in _hops(case, facts):
            finding = _neighbour(facts, device, next_hop) or _remote(case, facts, device, next_hop)
            if finding is not None:
                return finding
    return None


def _hops(case: Case, facts: PlaceFacts) -> Iterator[tuple[Interface, str]]:
    """The tunnel devices on the way, each with the inner next hop that the packet's route names."""
    for held in case.tunnels(facts.place):
        for address in case.destinations:
            route, _ = facts.routes(address)
            if route is not None and route.device == held.name and route.via:
                yield held, route.via


def _neighbour(facts: PlaceFacts, device: Interface, next_hop: str) -> Finding | None:
    held, desired = facts.neighbour(device.name, next_hop)
    if desired is None or held == desired:
        return None
    fix = remedies.mended("change", desired)
    place = facts.place
    if held is None:
        why = f"{place} does not know the MAC of the tunnel's other end: there is no neighbour entry for {next_hop}."
        return Finding(place, Cause.NO_NEIGHBOUR, printed(desired), why, fix, QUERIED, "encapsulate")
    why = f"{place} sends through {device.name} to the MAC {held.mac}, but {next_hop} has {desired.mac}."
    evidence = KERNEL if facts.counted.link(device.name, "tx_dropped") else QUERIED
    return Finding(place, Cause.WRONG_INNER_MAC, printed(held), why, fix, evidence, "encapsulate")


def _remote(case: Case, facts: PlaceFacts, device: Interface, next_hop: str) -> Finding | None:
    entry, _ = facts.neighbour(device.name, next_hop)
    if entry is None:
        return None
    held, desired = facts.forwarding(device.name, entry.mac)
    if desired is None or held == desired:
        return None
    place = facts.place
    if held is None:
        why = f"{place} does not know the node of the MAC {entry.mac}: the FDB of {device.name} has no entry for it."
        evidence = KERNEL if facts.counted.link(device.name, "tx_dropped") else QUERIED
        fix = remedies.mended("change", desired)
        return Finding(place, Cause.NO_FDB_ENTRY, printed(desired), why, fix, evidence, "encapsulate")
    owner, right = (case.labmap.owners.get(address) for address in (held.remote, desired.remote))
    whom = owner[0].name if owner else "nobody here"
    there = f"{desired.remote} ({right[0].name if right else '?'})"
    why = f"{place} sends the tunnel's packets to {held.remote} ({whom}), not to {there}."
    seen = any(part.observation.packet.outer and part.observation.packet.outer.dst == held.remote for part in case.leg)
    # Two remotes may stand side by side: the wrong one goes, the right one is made sure of.
    fix = (*remedies.mended("remove", held), *remedies.mended("change", desired))
    return Finding(place, Cause.WRONG_VTEP, printed(held), why, fix, CAPTURED if seen else QUERIED, "encapsulate")


def other_mac(case: Case) -> Finding | None:
    """A tunnel device has another MAC than everybody was told; rx_otherhost_dropped counts what it did not take."""
    for place in case.suspects:
        facts = case.about(place)
        for held in case.tunnels(place):
            _, desired = facts.interface(held.name)
            if desired is not None and desired.mac and held.mac != desired.mac:
                why = f"{held.name} of {place} has the MAC {held.mac}, but the other nodes send to {desired.mac}."
                evidence = KERNEL if facts.counted.link(held.name, "rx_otherhost_dropped") else QUERIED
                said = f"{held.name} link/ether {held.mac}"
                fix = remedies.device(held.name, facts.held, facts.desired)
                return Finding(place, Cause.WRONG_INNER_MAC, said, why, fix, evidence, "decapsulate")
    return None
