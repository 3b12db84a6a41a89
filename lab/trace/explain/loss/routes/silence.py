"""Why nobody answers who has an address: an end does not speak ARP, is told not to answer, or cannot get it out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lab.map.place import Link
from lab.network.objects import Address, Sysctl
from lab.plan.commands import sysctl_name
from lab.plan.drift import Drift
from lab.trace.explain.loss import remedies
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.links import devices
from lab.trace.explain.loss.routes import ways
from lab.trace.explain.loss.rules import drift
from lab.trace.explain.queries.neighbour import FAILING
from lab.trace.journey import QUERIED

PLAIN = ("veth", "bridge")
IGNORING = "arp_ignore"


def mute(case: Case) -> Finding | None:
    """An interface on the way does not speak ARP (NOARP): it asks nobody for a MAC and answers nobody."""
    for place in case.suspects:
        facts = case.about(place)
        for device in facts.answers.mute:
            link = case.link(place, device)
            on_way = device in (*case.links(place), *_below(case, place))
            if link is not None and link.kind in PLAIN and on_way:
                why = (
                    f"{device} of {place} does not speak ARP: it answers nobody who asks for its MAC, and takes its "
                    "own for everybody's."
                )
                fix = (f"ip link set {device} arp on", f"ip neigh flush dev {device}")
                return Finding(place, Cause.NO_NEIGHBOUR, f"{device} NOARP", why, fix, QUERIED)
    return None


def unanswered(case: Case) -> Finding | None:
    """Somebody is asked for the MAC of an address, and something of its own keeps it from answering."""
    for asking, device, address in _failing(case):
        if address not in case.labmap.owners and (proxied := _of_proxy(case, asking, address)) is not None:
            return proxied
        owner, link = case.answering(asking, device, address)
        if owner is None or link is None:
            continue
        own = (case.link(asking, name) for name in case.links(asking))
        ends = (link, *(end for end in own if end is not None))
        at_port = next((found for end in ends if (found := _of_port(case, asking, address, end))), None)
        asked = (case, asking, address, owner.name, link)
        found = at_port or _of_forgery(case, asking, owner.name) or _of_owner(*asked) or _of_queue(*asked)
        if found is not None:
            return found
    return None


def _of_forgery(case: Case, asking: str, owner: str) -> Finding | None:
    """Who is asked holds an address of who asks: it takes the question for a martian's (arp_process routes it)."""
    facts = case.about(owner)
    mine = (one.address.partition("/")[0] for one in case.about(asking).answers.addresses)
    for address in (one for one in mine if not one.startswith("127.") and owner != asking):
        own = facts.answers.holds(address)
        if own is not None and own.key not in facts.desired.by_key:
            why = (
                f"{owner} holds {address} for its own, which is {asking}'s address: it takes what {asking} asks for a "
                "martian, and does not answer who has its own address."
            )
            fix = remedies.unheld(own, facts.held, facts.desired)
            said = f"{own.address} dev {own.device}"
            return Finding(owner, Cause.MARTIAN_SOURCE, said, why, fix, QUERIED)
    return None


def _of_owner(case: Case, asking: str, address: str, owner: str, link: Link) -> Finding | None:
    """Its interface is down, or it has not got the address, or it was told not to answer for it."""
    facts = case.about(owner)
    held, desired = facts.interface(link.name)
    if desired is not None and (held is None or not held.up):
        said = f"{link.name} state DOWN" if held is not None else link.name
        why = f"{link.name} of {owner} is down: nobody there answers {asking}, which asks who has {address}."
        fix = remedies.device(link.name, facts.held, facts.desired)
        return Finding(owner, Cause.INTERFACE_DOWN, said, why, fix, QUERIED)
    for item in facts.every(facts.desired, Address):
        if item.address.partition("/")[0] == address and item.key not in facts.held.by_key:
            return devices.without_address(facts, item)
    proxy = address not in case.labmap.owners  # who answers for others is not kept from it by this
    for name in () if proxy else (f"net.ipv4.conf.{link.name}.{IGNORING}", f"net.ipv4.conf.all.{IGNORING}"):
        value = facts.answers.setting(name)
        if value not in ("", "0"):
            said = f"{sysctl_name(name)} = {value}"
            why = f"{owner} does not answer {asking}, which asks who has {address}: {said}."
            fix = remedies.mended("change", Sysctl("", name, "0"))
            fix = tuple(line.replace("-qw", "-w") for line in fix)
            return Finding(owner, Cause.NO_NEIGHBOUR, said, why, fix, QUERIED)
    return None


def _of_queue(case: Case, asking: str, address: str, owner: str, link: Link) -> Finding | None:
    """The question or its answer does not get out of a device on the way."""
    for place, device in _cable(case, asking, owner, link):
        for one in case.about(place).answers.queueing.disciplines:
            if one.device == device and one.stops:
                why = (
                    f"{asking} asks who has {address}, and is not answered: the queue of {device} in {place} lets "
                    "nothing out."
                )
                fix = (f"tc qdisc del dev {device} root",)
                return Finding(place, Cause.TRAFFIC_CONTROL, one.text.strip(), why, fix, QUERIED)
    return None


def _of_proxy(case: Case, asking: str, address: str) -> Finding | None:
    """The node answers for an address that nobody has (proxy_arp) only as long as it has a way there itself."""
    for name in case.links(asking):
        near = case.link(asking, name)
        node = case.place(near.peer_place) if near is not None else None
        if node is None or node.kind != "node":
            continue
        facts = case.about(node.name)
        gone = next((one for one in facts.drifts if isinstance(one.wanted, Address) and one.held is None), None)
        found = ways.misled(case, facts, address)
        if gone is not None:
            found = replace(drift.finding(case, gone), fix=_restored(case, node.name, gone))
        unforwarded = f"net.ipv4.conf.{near.peer_name}.forwarding" if near is not None else ""
        if found is None and facts.setting(unforwarded) == ("0", "1"):
            found = ways.not_forwarding(node.name, unforwarded, QUERIED)
        if found is not None:
            told = f"{asking} asks who has {address}, and {node.name} does not answer for it."
            return replace(found, why=f"{told} {found.why}")
    return None


def _restored(case: Case, node: str, gone: Drift) -> tuple[str, ...]:
    facts, wanted = case.about(node), gone.wanted
    assert isinstance(wanted, Address)
    return remedies.device(wanted.device, facts.held, facts.desired)


def _cable(case: Case, asking: str, owner: str, link: Link) -> Iterator[tuple[str, str]]:
    """Every device by which the question or its answer goes out."""
    yield owner, link.name
    yield link.peer_place, link.peer_name
    for name in case.links(asking):
        yield asking, name
        near = case.link(asking, name)
        if near is not None and near.peer_place:
            yield near.peer_place, near.peer_name


def _of_port(case: Case, asking: str, address: str, link: Link) -> Finding | None:
    """The bridge between the two: whoever has the address is no port of it any more, or is not flooded to."""
    place, device = link.peer_place, link.peer_name
    facts = case.about(place)
    held, desired = facts.interface(device)
    whom = f"{asking} asks who has {address}, and is not answered"
    if held is not None and desired is not None and held.master != desired.master:
        why = f"{whom}: {device} of {place} is not a port of {desired.master} any more."
        said = f"{device} master {held.master or 'none'}"
        return Finding(place, Cause.BRIDGE_PORT, said, why, remedies.device(device, facts.held, facts.desired), QUERIED)
    port = facts.answers.port(device)
    if port is not None and port.locked:
        why = f"{whom}: the port {device} of {port.master} in {place} is locked, and takes nothing from strangers."
        fix = (f"bridge link set dev {device} locked off",)
        return Finding(place, Cause.BRIDGE_PORT, f"{device} master {port.master} locked on", why, fix, QUERIED)
    if port is not None and not port.broadcasts:
        why = f"{whom}: the bridge {port.master} of {place} floods no broadcasts to {device}, and a question is one."
        fix = (f"bridge link set dev {device} bcast_flood on",)
        return Finding(place, Cause.BRIDGE_PORT, f"{device} master {port.master} bcast_flood off", why, fix, QUERIED)
    return None


def _failing(case: Case) -> Iterator[tuple[str, str, str]]:
    """Who asked in vain, by which device, for which address."""
    for place in case.suspects:
        for seen in case.about(place).neighbours:
            if seen.state in FAILING:
                yield place, seen.device, seen.address


def _below(case: Case, place: str) -> Iterator[str]:
    """What the place's tunnels are bound to."""
    return (tunnel.vxlan.device for tunnel in case.tunnels(place) if tunnel.vxlan)
