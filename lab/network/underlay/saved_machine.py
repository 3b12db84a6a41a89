"""What files of the topology's author say of a node or router: in addition to what the lab's components make there, and
in place of what they make under the same key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from lab.errors import Mistake
from lab.network.ipv4 import Prefix, number
from lab.network.objects import FdbEntry, Key, Neighbour, Network, NextHop, Object, Route, RoutingRule, Sysctl
from lab.network.objects.policy_rule import PolicyRule
from lab.network.wiring import wiring

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.topology.machine.policy_rule import SavedRule
    from lab.topology.machine.route import SavedHop, SavedRoute
    from lab.topology.real_machines import Machine, Written
    from lab.topology.schema import Topology

_HELD = re.compile(r"\bsaved (?:route|rule|neighbour|entry|setting) of \S+ \(([^()]+:\d+)\)")
_FORWARD = ("net.ipv4.ip_forward", "0")
_OF_INTERFACES = re.compile(r"net\.ipv4\.conf\.(?!cali).+\.forwarding")
Saved = Route | RoutingRule | Neighbour | FdbEntry | Sysctl


def intent(what: str, place: str, origin: str) -> str:
    """What an object of the author's is for: `saved route of node-2 (node-2.routes:31)`."""
    return f"saved {what} of {place} ({origin})"


def held_by(said: str) -> str:
    """The file and line that hold the object with this intent; "" where it is none of a machine's files."""
    found = _HELD.search(said)
    return found[1] if found else ""


def with_machines(network: Network, topology: Topology) -> Network:
    """The network with what the files say."""
    saved = [item for machine in topology.spec.machines for item in _objects(machine)]
    if not saved:
        return network
    saved += _unforwarding(network, saved)
    by_key = {_overrides(item): item for item in reversed(saved)}
    instead: dict[Key, Object] = {}
    kept: list[Object] = []
    for item in network:
        key = _overrides(item)
        if key not in by_key:
            kept.append(item)
            continue
        instead.setdefault(key, item)
        if not isinstance(item, Route):  # a route may need another of the file's before it
            kept.append(_replacing(by_key[key], instead, by_key))
    told = {item.key for item in kept}
    return Network((*kept, *(_replacing(item, instead, by_key) for item in saved if item.key not in told)))


def _unforwarding(network: Network, saved: list[Saved]) -> list[Saved]:
    """Who takes forwarding from a machine takes it from all its interfaces: there each has a setting of its own. Those
    of pods keep what Felix gives them.
    """
    off = {
        item.place: item.intent for item in saved if isinstance(item, Sysctl) and (item.name, item.value) == _FORWARD
    }
    said = {item.key for item in saved}
    return [
        replace(item, value="0", intent=off[item.place])
        for item in network
        if isinstance(item, Sysctl) and item.place in off and item.key not in said
        if _OF_INTERFACES.fullmatch(item.name)
    ]


def without_saved(network: Network, topology: Topology) -> Network:
    """A part of a network without what the files say in its stead: of that nothing changes while the lab lives."""
    ours = {_overrides(item) for machine in topology.spec.machines for item in _objects(machine)}
    return Network(tuple(item for item in network if _overrides(item) not in ours)) if ours else network


def _overrides(item: Object) -> Key:
    """Under this the author's stands in place of a component's: of routes whatever their metric."""
    return replace(item, metric=0).key if isinstance(item, Route) and item.metric else item.key


def _replacing(item: Saved, instead: Mapping[Key, Object], first: Mapping[Key, Saved]) -> Saved:
    """The object with what it stands in place of, said of the first of several routes."""
    before = instead.get(_overrides(item))
    if before is None:
        return item
    said = f"{item.intent}, in place of the lab's own: {before.intent}"
    match item, before:
        case (Route(), Route()):
            alone = before if first[_overrides(item)] is item else None
            return replace(item, intent=said, instead=alone)
        case (Neighbour(), Neighbour()):
            return replace(item, intent=said, instead=before)
        case (FdbEntry(), FdbEntry()):
            return replace(item, intent=said, instead=before)
        case (Sysctl(), Sysctl()):
            return replace(item, intent=said, instead=before)
    return replace(item, intent=said)


def _objects(machine: Machine) -> Iterator[Saved]:
    """Settings first, and routes in the order in which the kernel takes them: a gateway's own way before what leads by
    it; of one destination the one that counts first.
    """
    saved, place = machine.saved, machine.on
    for setting in saved.settings:
        yield Sysctl(place, setting.value.name, setting.value.value, intent("setting", place, setting.origin))
    for route in sorted(saved.routes, key=_turn):
        yield _route(place, route)
    for rule in saved.rules:
        yield RoutingRule.of(place, policy_rule(rule.value), intent("rule", place, rule.origin))
    for one in saved.neighbours:
        told = intent("neighbour", place, one.origin)
        yield Neighbour(place, one.value.device, one.value.address, one.value.mac, told)
    for entry in saved.entries:
        told = intent("entry", place, entry.origin)
        yield FdbEntry(place, entry.value.device, entry.value.mac, entry.value.remote, told)


def _turn(one: Written[SavedRoute]) -> tuple[bool, int]:
    return any(hop.via for hop in one.value.hops), one.value.metric


def _route(place: str, one: Written[SavedRoute]) -> Route:
    it = one.value
    hops = tuple(NextHop(hop.via, hop.device, hop.weight, hop.onlink) for hop in it.hops)
    alone = hops[0] if len(hops) == 1 else NextHop()
    return Route(
        place,
        it.destination,
        via=alone.via,
        device=alone.device,
        type=it.type,
        scope=it.scope,
        proto=it.proto,
        onlink=alone.onlink,
        src=it.src,
        mtu=it.mtu,
        table=it.table,
        metric=it.metric,
        hops=hops if len(hops) > 1 else (),
        intent=intent("route", place, one.origin),
    )


def policy_rule(saved: SavedRule) -> PolicyRule:
    """As the kernel's reader has it."""
    return PolicyRule(**asdict(saved))


def misfits(topology: Topology, nodes: Mapping[str, str]) -> Iterator[Mistake]:
    """What the kernel would refuse of the files' routes: a gateway that no route of the place leads to, and a source
    that is not its own address. `nodes` are the nodes' addresses.
    """
    wires = wiring(topology)
    for machine in topology.spec.machines:
        place = machine.on
        own = {"eth0": wires.subnets[wires.nodes[place]]} if place in wires.nodes else {}
        own |= {f"eth{i}": wires.subnets[subnet] for i, subnet in enumerate(wires.routers.get(place, ()))}
        if place == wires.first_router:
            own[f"eth{len(wires.routers[place])}"] = wires.transit
        near = {(device, Prefix.of(cidr)) for device, cidr in own.items()}
        for one in machine.saved.routes:
            if one.value.scope == "link" and not one.value.table and len(one.value.hops) == 1:
                near.add((one.value.hops[0].device, _prefix(one.value.destination)))
        for one in machine.saved.routes:
            yield from _unreachable(one, near, place)
            if place in nodes and one.value.src and not _may_be_own(one.value.src, nodes[place], topology):
                problem = f"src {one.value.src} is no address of {place}, which has {nodes[place]}"
                remedy = "give the node that address (spec.nodes[].address), or take the word out"
                yield Mistake(one.file, one.line, 1, "", problem, remedy)


def _unreachable(one: Written[SavedRoute], near: set[tuple[str, Prefix]], place: str) -> Iterator[Mistake]:
    for hop in one.value.hops:
        if hop.via and not hop.onlink and not _is_near(hop, near):
            problem = f"{place} has no neighbour {hop.via} behind {hop.device}: the kernel refuses such a gateway"
            remedy = "its subnet must have the address (spec.subnets[].cidr), or the line the word onlink"
            yield Mistake(one.file, one.line, 1, "", problem, remedy)


def _is_near(hop: SavedHop, near: set[tuple[str, Prefix]]) -> bool:
    return any(hop.device == device and number(hop.via) in cidr for device, cidr in near)


def _prefix(destination: str) -> Prefix:
    return Prefix(0, 0) if destination == "default" else Prefix.of(destination)


def _may_be_own(address: str, own: str, topology: Topology) -> bool:
    """Of a tunnel's or a pods' bridge's address only the running lab knows which it is."""
    pools = [pool.cidr for pool in topology.spec.cni.ip_pools] or [topology.spec.cni.pod_cidr]
    return address == own or address.startswith("127.") or any(number(address) in Prefix.of(one) for one in pools)
