"""The comparison itself: desired and actual network to ordered steps.

Order: what is not wanted goes first, in reverse; then all namespaces; then, place by place in the design's order,
links,
settings, addresses, routes, entries, sets, rules, files, servers. So a plan reads place by place and still builds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from lab.network.objects import (
    Address,
    Chain,
    FdbEntry,
    File,
    Interface,
    Key,
    Listener,
    Namespace,
    Neighbour,
    Network,
    NftChain,
    NftObject,
    NftSet,
    NftTable,
    Object,
    Offload,
    Process,
    Qdisc,
    RealServer,
    Route,
    Symlink,
    Sysctl,
    VirtualServer,
    WireguardDevice,
    WireguardPeer,
)
from lab.network.place_names import UNDERLAY
from lab.plan.nft_input import must_be_remade
from lab.plan.steps import Action, AnyStep, ChainChange, NftStep, Plan, RuleStep, Step

_DEVICE_BOUND = (Offload, Qdisc, Address, Route, Neighbour, FdbEntry, WireguardDevice, WireguardPeer)
# These serve a place but do not live in its namespace, and so do not end with it.
_OUTSIDE = (File, Symlink, Listener, Process)
# What is not removed one by one: settings have no absence, nor has a WireGuard device's own side; the others have
# steps of their own kind.
_OTHERWISE = (Sysctl, WireguardDevice, Chain, NftTable, NftSet, NftChain, Namespace, Interface)
# What the kernel sets anew with ip_forward.
_FOLLOWS_FORWARDING = re.compile(r"net\.ipv4\.conf\.(?:.*\.forwarding|all\.accept_redirects)")
# A link can be brought to another value of these; any other difference means making it anew.
_CHANGEABLE = ("mac", "mtu", "master", "hairpin", "up")


def plan(desired: Network, actual: Network) -> Plan:
    """What must be done for the kernel, which holds `actual`, to hold `desired`.

    What the actual network holds and nobody asked for is removed, except settings (a value is never "not wanted") and
    built-in
    chains, which are emptied. What falls away with a removed namespace or link is not removed one by one, and is made
    again where wanted.
    """
    wanted, present = desired.by_key, dict(actual.by_key)
    if wanted == present:
        return Plan(())
    removals = _removals(wanted, present)
    _forget_real_servers(wanted, present)
    _forget_what_falls(removals, present)
    _forget_neighbours(wanted, present)
    _forget_forwarding(wanted, present)
    removed = {step.object.key for step in removals}
    removals += [
        Step("remove", item)
        for key, item in present.items()
        if key not in wanted and key not in removed and not isinstance(item, _OTHERWISE)
    ]
    removals.sort(key=lambda step: -step.object.rank)
    return Plan((*removals, *_additions(desired, present)))


def _removals(wanted: Mapping[Key, Object], present: Mapping[Key, Object]) -> list[Step]:
    """Namespaces and links that must go: unwanted ones, and links that can only be made anew."""
    steps: list[Step] = []
    going: set[Key] = set()
    for key, item in present.items():
        if isinstance(item, Namespace) and key not in wanted:
            going.add(key)
            steps.append(Step("remove", item))
    falling = _far_ends(going, present)
    for key, item in present.items():
        if not isinstance(item, Interface) or ("netns", item.place) in going:
            continue
        target = wanted.get(key)
        if target is None or (isinstance(target, Interface) and _must_be_remade(target, item)):
            steps.append(Step("remove", item))
        elif (item.place, item.name) in falling:
            # With its other end, but only when the kernel gets to that; meanwhile it would be in the way of a new one.
            steps.append(Step("remove", item))
        elif isinstance(target, Interface) and target.kind == "veth" and target.primary:
            # Half a pair is no pair: its other end was renamed or moved away. (Where that place was not read, nothing
            # is known.)
            read = target.peer_place == UNDERLAY or ("netns", target.peer_place) in present
            if read and ("link", target.peer_place, target.peer_name) not in present:
                steps.append(Step("remove", item))
    return steps


def _far_ends(going: set[Key], present: Mapping[Key, Object]) -> set[tuple[str, str]]:
    """The other ends of the veth pairs in namespaces that go. What these say of each other may be how it is to be."""
    return {
        (item.peer_place, item.peer_name)
        for item in present.values()
        if isinstance(item, Interface) and item.peer_name and ("netns", item.place) in going
    }


def _must_be_remade(target: Interface, item: Interface) -> bool:
    if target == item:
        return False
    return replace(item, **{name: getattr(target, name) for name in _CHANGEABLE}) != target


def _forget_what_falls(removals: list[Step], present: dict[Key, Object]) -> None:
    """Take out of `present` what the kernel drops with the removed namespaces and links: a veth's peer, and all that
    hangs on a device.
    """
    if not removals:
        return
    places = {step.place for step in removals if isinstance(step.object, Namespace)}
    devices = {(step.place, step.object.name) for step in removals if isinstance(step.object, Interface)}
    peers = _peers(present)
    devices |= {peers[device] for device in tuple(devices) if device in peers}
    devices |= {peer for device, peer in peers.items() if device[0] in places}
    devices |= {
        (item.place, item.name)
        for item in present.values()
        if isinstance(item, Interface) and item.vxlan and (item.place, item.vxlan.device) in devices
    }
    for key, item in tuple(present.items()):
        if (
            (item.place in places and not isinstance(item, _OUTSIDE))
            or (isinstance(item, Interface) and (item.place, item.name) in devices)
            or (isinstance(item, _DEVICE_BOUND) and (item.place, item.device) in devices)
            or (
                isinstance(item, Sysctl)
                and any(item.place == place and f".{name}." in item.name for place, name in devices)
            )
        ):
            del present[key]
    removals[:] = [step for step in removals if _stands_alone(step, places, peers, removals)]


def _forget_neighbours(wanted: Mapping[Key, Object], present: dict[Key, Object]) -> None:
    """Take out of `present` the neighbours behind links whose MAC is to change: they go with the old one."""
    changing = set()
    for key, item in present.items():
        target = wanted.get(key)
        if isinstance(item, Interface) and isinstance(target, Interface) and target.mac not in ("", item.mac):
            changing.add((item.place, item.name))
    if changing:
        for key, item in tuple(present.items()):
            if isinstance(item, Neighbour) and (item.place, item.device) in changing:
                del present[key]


def _forget_forwarding(wanted: Mapping[Key, Object], present: dict[Key, Object]) -> None:
    """Take out of `present` what the kernel sets anew with ip_forward, where that is to change."""
    changing = {
        item.place
        for key, item in present.items()
        if isinstance(item, Sysctl) and item.name == "net.ipv4.ip_forward" and wanted.get(key, item) != item
    }
    if changing:
        for key, item in tuple(present.items()):
            if not isinstance(item, Sysctl) or item.place not in changing or item != wanted.get(key):
                continue  # where it is otherwise already, it is written anyway
            if _FOLLOWS_FORWARDING.fullmatch(item.name):
                del present[key]


def _forget_real_servers(wanted: Mapping[Key, Object], present: dict[Key, Object]) -> None:
    """Take out of `present` the real servers of virtual servers that are to go: they go with them."""
    going = {key for key, item in present.items() if isinstance(item, VirtualServer) and key not in wanted}
    if going:
        for key, item in tuple(present.items()):
            if isinstance(item, RealServer) and item.server in going:
                del present[key]


def _peers(present: Mapping[Key, Object]) -> dict[tuple[str, str], tuple[str, str]]:
    """Both directions of every veth pair that the actual network tells of."""
    pairs = {}
    for item in present.values():
        if isinstance(item, Interface) and item.kind == "veth" and item.peer_name:
            pairs[item.place, item.name] = (item.peer_place, item.peer_name)
            pairs[item.peer_place, item.peer_name] = (item.place, item.name)
    return pairs


def _stands_alone(
    step: Step,
    places: set[str],
    peers: Mapping[tuple[str, str], tuple[str, str]],
    removals: Iterable[Step],
) -> bool:
    """False for a link that goes anyway, as the second end of a pair whose first end is removed.

    One whose other end is in a namespace that goes is removed by itself: the kernel empties namespaces at its leisure.
    """
    item = step.object
    if not isinstance(item, Interface):
        return True
    peer = peers.get((item.place, item.name))
    if peer is None:
        return True
    if peer[0] in places:
        return True
    first = next(
        other.object
        for other in removals
        if isinstance(other.object, Interface) and (other.place, other.object.name) in ((item.place, item.name), peer)
    )
    return first is item


def _additions(desired: Network, present: Mapping[Key, Object]) -> list[AnyStep]:
    namespaces: list[AnyStep] = []
    by_place: dict[str, list[Step]] = {}
    chains: dict[str, list[ChainChange]] = {}
    nft = _nft_steps(desired, present)
    for item in desired:
        before = present.get(item.key)
        if isinstance(item, NftObject) or before == item:
            continue
        action: Action = "add" if before is None else "change"
        if isinstance(item, Chain):
            assert before is None or isinstance(before, Chain)
            chains.setdefault(item.place, []).append(ChainChange(action, item, before))
        elif isinstance(item, Namespace):
            namespaces.append(Step(action, item))
        else:
            by_place.setdefault(item.place, []).append(Step(action, item, before))
    for change in _unwanted_chains(desired, present):
        chains.setdefault(change.chain.place, []).append(change)
    steps = namespaces
    # The design names a place before those that hang on it: the end of a veth that makes both comes first.
    for place in (UNDERLAY, *desired.places):
        ordered = sorted(by_place.get(place, ()), key=lambda step: step.object.rank)
        before_rules = [step for step in ordered if step.object.rank < Chain.rank]
        steps += before_rules
        if place in chains:
            steps.append(RuleStep(place, tuple(chains[place])))
        if place in nft:
            steps.append(NftStep(place, tuple(nft[place])))
        steps += ordered[len(before_rules) :]
    return steps


def _unwanted_chains(desired: Network, present: Mapping[Key, Object]) -> Iterable[ChainChange]:
    """Chains nobody asked for: removed, or emptied and accepting when they are built in."""
    wanted = desired.by_key
    places = {*desired.places}
    for key, item in present.items():
        if not isinstance(item, Chain) or key in wanted or item.place not in places:
            continue
        if not item.policy:
            yield ChainChange("remove", item, item)
        elif item.rules or item.policy != "ACCEPT":
            yield ChainChange("change", replace(item, rules=(), policy="ACCEPT"), item)


def _nft_steps(desired: Network, present: Mapping[Key, Object]) -> dict[str, list[Step]]:
    """What differs of nft's objects, by place. A set that is made anew takes the rules that name it with it."""
    steps: dict[str, list[Step]] = {}
    remade: dict[str, list[str]] = {}
    for item in desired:
        before = present.get(item.key) if isinstance(item, NftObject) else item
        if before == item:
            continue
        steps.setdefault(item.place, []).append(Step("change" if before else "add", item, before))
        if isinstance(item, NftSet) and isinstance(before, NftSet) and must_be_remade(item, before):
            remade.setdefault(item.place, []).append(f"@{item.name} ")
    for place, names in remade.items():
        told = {step.object.key for step in steps[place]}
        steps[place] += [
            Step("change", item, present[item.key])
            for item in desired
            if isinstance(item, NftChain) and item.place == place and item.key in present and item.key not in told
            if any(name in f"{rule.text} " for rule in item.rules for name in names)
        ]
    wanted, places = desired.by_key, {*desired.places}
    for key, item in present.items():
        if isinstance(item, NftObject) and key not in wanted and item.place in places:
            steps.setdefault(item.place, []).append(Step("remove", item, item))
    return steps
