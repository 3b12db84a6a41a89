"""What is the matter with an interface or with the neighbours behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lab.network.objects import Address, Neighbour, Sysctl
from lab.network.place_names import UNDERLAY
from lab.trace.explain.loss import remedies
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.facts import PlaceFacts
from lab.trace.explain.loss.printed import printed
from lab.trace.explain.loss.rules import drift
from lab.trace.explain.queries.neighbour import FAILING
from lab.trace.journey import KERNEL, QUERIED

LOOPBACK = "lo"


def down(case: Case) -> Finding | None:
    """An interface on the way is down, or gone; or a port of the wires between the places is down."""
    for place in case.suspects:
        facts = case.about(place)
        for name in case.links(place):
            held, desired = facts.interface(name)
            if desired is None or not facts.held.objects:
                continue
            if held is None:
                why = f"{place} has no interface {name} any more."
                fix = remedies.device(name, facts.held, facts.desired) if desired.kind != "veth" else ()
                return Finding(place, Cause.INTERFACE_MISSING, name, why, fix)
            if (found := down_device(facts, name)) is not None:
                return found
    wires = case.about(UNDERLAY)
    return next((found for name in case.wires if (found := down_device(wires, name)) is not None), None)


def no_loopback(case: Case) -> Finding | None:
    """What a place sends to itself goes by `lo`, and that is down."""
    exchange, answers = case.passage.exchange, case.about(case.client).answers
    asks_itself = exchange.destination.startswith("127.") or answers.holds(exchange.destination) is not None
    if not asks_itself or LOOPBACK not in answers.down:
        return None
    why = f"{LOOPBACK} of {case.client} is down: nothing that it sends to itself arrives."
    return Finding(case.client, Cause.INTERFACE_DOWN, f"{LOOPBACK} state DOWN", why, (f"ip link set {LOOPBACK} up",))


def down_device(facts: PlaceFacts, name: str) -> Finding | None:
    """An interface of a place is down; its routes went with it."""
    held, desired = facts.interface(name)
    if held is None or desired is None or held.up or not desired.up:
        return None
    dropped = any(facts.counted.link(name, kind) for kind in ("tx_dropped", "rx_dropped"))
    why = f"{name} of {facts.place} is down: nothing goes in or out there."
    fix = remedies.device(name, facts.held, facts.desired)
    evidence = KERNEL if dropped else QUERIED
    return Finding(facts.place, Cause.INTERFACE_DOWN, f"{name} state DOWN", why, fix, evidence)


def address_missing(case: Case) -> Finding | None:
    """An address of the design is not on its interface."""
    for place in case.suspects:
        facts = case.about(place)
        for item in facts.every(facts.desired, Address):
            if (
                item.device in (*case.links(place), *_underlays(case, facts), *_designed(case, facts))
                and item.key not in facts.held.by_key
            ):
                return without_address(facts, item)
    return None


def without_address(facts: PlaceFacts, item: Address) -> Finding:
    """A place lacks this address of its own."""
    place = facts.place
    why = f"{item.device} of {place} lacks its address {item.address}, so that nobody reaches it there."
    fix = remedies.device(item.device, facts.held, facts.desired)
    return Finding(place, Cause.ADDRESS_MISSING, f"{item.address} dev {item.device}", why, fix)


def _designed(case: Case, facts: PlaceFacts) -> Iterator[str]:
    """The devices by which it should leave by the design, whatever the routes say without the address."""
    ways = (facts.routes(address)[1] for address in case.routed(facts.place))
    return (way.device for way in ways if way is not None)


def _underlays(case: Case, facts: PlaceFacts) -> tuple[str, ...]:
    return tuple(tunnel.vxlan.device for tunnel in case.tunnels(facts.place) if tunnel.vxlan)


def foreign_neighbour(case: Case) -> Finding | None:
    """Somebody wrote an entry by hand for the next hop of a plain interface."""
    for place in case.suspects:
        facts = case.about(place)
        hops = {_next_hop(facts, address) for address in case.routed(place)}
        for item in facts.every(facts.held, Neighbour):
            if (item.device, item.address) in hops and item.key not in facts.desired.by_key and _is_wrong(case, item):
                said = printed(item)
                why = (
                    f"{place} sends what is for {item.address} to the MAC {item.mac}, by an entry that is not its own."
                )
                return Finding(place, Cause.WRONG_NEIGHBOUR, said, why, remedies.mended("remove", item))
    return None


def _is_wrong(case: Case, item: Neighbour) -> bool:
    owner = case.labmap.owners.get(item.address)
    return owner is None or owner[1].mac != item.mac


def silent_neighbour(case: Case) -> Finding | None:
    """Nobody answers ARP for the next hop."""
    for place in case.suspects:
        facts = case.about(place)
        hops = {_next_hop(facts, address) for address in case.routed(place)}
        for seen in facts.neighbours:
            if seen.state in FAILING and (seen.device, seen.address) in hops:
                return _of_silence(case, facts, seen.device, seen.address, seen.text)
    return None


NEAR = 20
"""A drift farther from the packet than that is no reason for an unanswered question."""


def _of_silence(case: Case, facts: PlaceFacts, device: str, address: str, text: str) -> Finding:
    """If whoever should answer does not because of a setting, that is the object."""
    place = facts.place
    link = case.link(place, device)
    if link is not None and link.peer_place:
        name = f"net.ipv4.conf.{link.peer_name}.proxy_arp"
        held, desired = case.about(link.peer_place).setting(name)
        if held == "0" and desired == "1":
            why = f"{link.peer_place} does not answer who has {address}: proxy_arp is off on {link.peer_name}."
            fix = remedies.mended("change", Sysctl(link.peer_place, name, "1"))
            return Finding(link.peer_place, Cause.NO_NEIGHBOUR, f"{name} = 0", why, fix)
    why = f"{place} asked who has {address} on {device}, and nobody answered."
    owner, _ = case.answering(place, device, address)
    for where in dict.fromkeys((owner.name if owner is not None else place, place)):
        if (found := drift.drifted(case, within=where, farthest=NEAR)) is not None:
            return replace(found, why=f"{why} {found.why}", stage="")
    return Finding(place, Cause.NO_NEIGHBOUR, text, why, evidence=KERNEL)


def _next_hop(facts: PlaceFacts, address: str) -> tuple[str, str]:
    route, _ = facts.routes(address)
    return (route.device, route.via or address) if route else ("", "")
