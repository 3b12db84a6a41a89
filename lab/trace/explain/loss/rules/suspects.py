"""How near what differs from the design comes to the packet: by kind of object, a number, less is nearer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from lab.network.ipv4 import Prefix, number
from lab.network.objects import (
    Address,
    Chain,
    FdbEntry,
    File,
    Interface,
    IpSet,
    Listener,
    Neighbour,
    NftChain,
    NftSet,
    NftTable,
    Object,
    Process,
    Route,
    RoutingRule,
    Symlink,
    Sysctl,
    WireguardDevice,
    WireguardPeer,
)
from lab.plan.drift import Drift
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.queries.route_table import prefix

FAR = 90
BALANCED = "kube-ipvs0"
"""kube-proxy's device in ipvs mode: Services' addresses are on it."""
OF_NAMES = ("/resolv.conf", "/hosts", "/hostname")  # a place's own
RULES = (Chain, IpSet, NftTable, NftSet, NftChain)


@dataclass(frozen=True, slots=True)
class Suspect:
    """A drift, and how near it comes to the packet: less is nearer."""

    distance: int
    drift: Drift


def of(case: Case) -> Iterator[Suspect]:
    """Every drift on the way that can have touched the packet."""
    for place in case.suspects:
        for one in _all(case, place):
            distance = _distance(case, one)
            if distance < FAR:
                yield Suspect(distance, one)


def _all(case: Case, place: str) -> Iterator[Drift]:
    """The place's drifts; a device that nobody designed stands for the addresses that it brings along."""
    facts = case.about(place)
    gone = {one.table for one in facts.drifts if isinstance(one.wanted, NftTable) and one.held is None}
    for one in facts.drifts:
        if one.table in gone and not isinstance(one.wanted, NftTable):
            continue  # it went with its table
        yield one
        if one.wanted is None and isinstance(one.held, Interface):
            for item in facts.every(facts.held, Address):
                if item.device == one.held.name:
                    yield Drift(place, item.key, None, item, one.mends)


def _distance(case: Case, drift: Drift) -> int:
    item = drift.wanted or drift.held
    judge = _DISTANCES.get(type(item))
    return judge(case, drift, item) if judge else FAR


def _of_interface(case: Case, drift: Drift, item: Interface) -> int:
    if drift.wanted is None or item.name not in _devices(case, drift.place):
        return FAR
    held = drift.held
    if not isinstance(held, Interface) or not held.up:
        return 10
    # A size is told of by what does not fit, before it comes to this.
    return FAR if replace(held, mtu=item.mtu) == item else 12


def _of_address(case: Case, drift: Drift, item: Address) -> int:
    address = item.address.partition("/")[0]
    if drift.wanted is not None:
        if item.device == BALANCED and address in case.first_destinations:
            return 6
        return 12 if item.device in _devices(case, drift.place) else FAR
    if address in ends(case):
        return 6
    connected = Prefix.of(item.address)
    return 14 if any(number(one) in connected for one in case.routed(drift.place)) else FAR


def _of_route(case: Case, drift: Drift, item: Route) -> int:
    destination = prefix(item)
    if any(number(one) in destination for one in case.routed(drift.place)):
        return 16 - destination.length // 32
    return 40 if any(number(one) in destination for one in ends(case)) else FAR


def _of_sysctl(case: Case, drift: Drift, item: Sysctl) -> int:
    if item.name.endswith(".rp_filter"):
        return FAR  # what it drops it counts, and that has been looked at
    for family in ("net.ipv4.conf.", "net.ipv4.neigh."):
        if item.name.startswith(family):
            device = item.name[len(family) :].rpartition(".")[0]
            return 22 if device in ("all", *_devices(case, drift.place)) else FAR
    return FAR if item.name.startswith("net.ipv6.") else 22


def _of_routing_rule(_case: Case, drift: Drift, _item: RoutingRule) -> int:
    return 28 if drift.wanted is None else 20


def _of_entry(case: Case, drift: Drift, item: Neighbour | FdbEntry | WireguardDevice | WireguardPeer) -> int:
    return 18 if item.device in _devices(case, drift.place) else FAR


def _of_rules(case: Case, drift: Drift, _item: Object) -> int:
    """Rules that it met are near; of what is missing nobody can tell that it would have met it, unless it is at a
    place that should have translated it and did not.
    """
    if any(rule in case.met(drift.place) and not lets_pass(rule) for rule in drift.foreign):
        return 4
    if not drift.missing and drift.held is not None:
        return FAR
    return 30 if drift.place == case.chooser and case.untranslated else 60


def _of_server(case: Case, drift: Drift, _item: Object) -> int:
    return 24 if drift.place in (case.there.end, case.origin) else FAR


def _of_file(case: Case, drift: Drift, item: File | Symlink) -> int:
    if item.path.endswith(OF_NAMES):
        return FAR  # whom it asked, and for what, has been looked at
    return 26 if drift.place in (case.there.end, case.origin) else FAR


_DISTANCES: dict[type, Callable[[Case, Drift, Any], int]] = {
    Interface: _of_interface,
    Address: _of_address,
    Route: _of_route,
    Sysctl: _of_sysctl,
    Neighbour: _of_entry,
    FdbEntry: _of_entry,
    RoutingRule: _of_routing_rule,
    **dict.fromkeys((WireguardDevice, WireguardPeer), _of_entry),
    **dict.fromkeys(RULES, _of_rules),
    **dict.fromkeys((Listener, Process), _of_server),
    **dict.fromkeys((File, Symlink), _of_file),
}


def lets_pass(rule: str) -> bool:
    """Whether a rule cannot have ended a packet."""
    return rule.endswith((" -j ACCEPT", " -j RETURN", " accept", " return"))


def _devices(case: Case, place: str) -> tuple[str, ...]:
    """The interfaces of a place that the packet passes, and what its tunnels are bound to."""
    bound = (tunnel.vxlan.device for tunnel in case.tunnels(place) if tunnel.vxlan)
    return (*case.links(place), *bound)


def ends(case: Case) -> tuple[str, ...]:
    """All addresses that the packet bears on its way, its wrapping's too."""
    found = [*case.destinations, *case.first_destinations, *case.ends]
    for part in (*case.asked, *case.leg):
        packet = part.observation.packet
        found += [packet.src, packet.dst]
        found += [packet.outer.src, packet.outer.dst] if packet.outer else []
    return tuple(dict.fromkeys(one for one in found if one))
