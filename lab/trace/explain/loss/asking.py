"""Asks the kernel of each suspected place what it would do with the lost packet, as that packet would ask."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from lab.kernel import sysctl
from lab.kernel.netlink.conntrack_entry import Event, Tuple
from lab.kernel.netlink.rtnetlink import interface
from lab.kernel.netlink.rtnetlink import ip_rule as rule
from lab.kernel.netlink.transport import XfrmSocket
from lab.kernel.rules import conntrack, iptables
from lab.kernel.rules.running import start
from lab.kernel.sandbox.sandbox import Sandbox
from lab.map.path import OUT
from lab.network.objects import WireguardDevice
from lab.trace.ask.exchange import Part
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.facts import Facts, PlaceFacts
from lab.trace.explain.loss.gap import outermost
from lab.trace.explain.loss.kernel_answers import Answers, Asked
from lab.trace.explain.loss.routes import defaults
from lab.trace.explain.loss.routes.silence import IGNORING
from lab.trace.explain.loss.routes.twice import suspected
from lab.trace.explain.queries import (
    bridge_entry,
    bridge_port,
    device_flag,
    hook,
    listening_sockets,
    own_address,
    route,
    route_table,
    transform,
)
from lab.trace.explain.queries.inquiry import Inquiry, asking
from lab.trace.explain.queries.neighbour import FAILING
from lab.trace.journey import REQUEST
from lab.trace.witness import tc
from lab.trace.witness.packet import Packet

SETTINGS = ("net.ipv4.ip_default_ttl", "net.bridge.bridge-nf-call-iptables")
QUEUES = "/proc/thread-self/net/netfilter/nfnetlink_queue"
_MARK = re.compile(r"--set-x?mark (0x[0-9a-f]+|\d+)(?:/(0x[0-9a-f]+))?|meta mark set (0x[0-9a-f]+)$")
_ALL_BITS = 0xFFFFFFFF


def answered(sandbox: Sandbox, case: Case, told: Iterable[Event]) -> Facts:
    """The case's facts with what its places answer; `told` are connection tracking's events while the packet went by.

    Nothing is changed anywhere.
    """
    events = tuple(told)
    known = case.facts.places
    answers = {place: _ask(sandbox, case, place, events) for place in case.suspects if place in known}
    found = {place: replace(facts, answers=answers.get(place, Answers())) for place, facts in known.items()}
    for place in suspected(replace(case, facts=replace(case.facts, places=found))):
        found[place] = found.get(place, PlaceFacts(place, answers=_addresses(sandbox, place)))
    return replace(case.facts, places=found)


def _settings(devices: Iterable[str]) -> tuple[str, ...]:
    ignoring = (f"net.ipv4.conf.{device}.{IGNORING}" for device in ("all", *devices))
    return (*SETTINGS, *defaults.NAMES, *ignoring)


def _addresses(sandbox: Sandbox, place: str) -> Answers:
    """Of a place that is not on the way: only what it takes for its own."""
    with asking(sandbox, place) as inquiry:
        indexes = interface.read(inquiry.netlink, place).indexes
        names = {number: name for name, number in indexes.items()}
        return Answers(addresses=tuple(own_address.read(inquiry.netlink, place, names)))


def _ask(sandbox: Sandbox, case: Case, place: str, events: tuple[Event, ...]) -> Answers:
    exchange = case.passage.exchange
    with asking(sandbox, place) as inquiry:
        netlink = inquiry.netlink
        names = {number: name for name, number in interface.read(netlink, place).indexes.items()}
        tuples = _tuples(case, place)
        flows = tuple(conntrack.found(place, tuples))
        begun = tuple(_about(tuples, (one for one in events if one.place == place and not one.ended)))
        is_end = place in (case.there.end, case.last.place if case.last else case.origin)
        with XfrmSocket() as policies:
            transforms = tuple(transform.read(policies))
        ruled, flags = rule.held(netlink), device_flag.read(netlink, names)
        return Answers(
            tuple(_asked(case, inquiry, flows)),
            tuple(rule.others(ruled)),
            tuple(route_table.read(netlink, place, names)),
            tuple(own_address.read(netlink, place, names)),
            tuple(listening_sockets.read(exchange.protocol))
            if is_end and exchange.protocol in listening_sockets.PROTOCOLS
            else (),
            tuple(bridge_port.read(netlink, names)),
            hook.read(place),
            tc.read(netlink, place, names),
            transforms,
            flows,
            begun,
            frozenset(_queues()),
            tuple(_redirects(place)) if any(_is_turned_back(flow) for flow in begun) else (),
            tuple((one.name, one.value) for one in sysctl.read(place, _settings(names.values()))),
            tuple(device_flag.without_arp(flags)),
            tuple(device_flag.down(flags)),
            tuple(rule.gone(ruled)),
            tuple(bridge_entry.read(netlink, names)),
            tuple(_handshakes(case, place)),
        )


def _handshakes(case: Case, place: str) -> Iterator[tuple[str, int]]:
    """Of the calling thread's namespace."""
    devices = {item.device for item in case.about(place).every(case.about(place).held, WireguardDevice)}
    if devices:
        from lab.kernel.netlink.wireguard import WireguardSocket  # noqa: PLC0415  pyroute2 for these devices alone

        with WireguardSocket() as kernel:
            for device in devices:
                yield from ((held.peer.public_key, held.handshake) for held in kernel.side(place, device).peers)


def _asked(case: Case, inquiry: Inquiry, flows: tuple[Event, ...]) -> Iterator[Asked]:
    for lookup, wrapped in lookups(case, inquiry.place, flows):
        yield Asked(lookup, route.ask(inquiry, lookup), wrapped)


def lookups(case: Case, place: str, flows: tuple[Event, ...] = ()) -> Iterator[tuple[route.Lookup, bool]]:
    """What the place has to find a way for: what came in there, what it sent itself, and what it wrapped."""
    marks = marked(case, wrapped=True), marked(case)
    outer_mark, mark = (one.get(place, 0) for one in marks)
    for part in (one for one in case.leg if one.observation.capture.place == place):
        capture, packet = part.observation.capture, part.observation.packet
        if capture.way == OUT:
            for remote in case.ends if _wraps(case, part) else ():
                link = case.link(place, capture.interface)
                local, port = (link.local, link.port) if link else ("", 0)
                # Not by the device below it: the kernel looks up a remote end as it does any destination.
                mark = link.mark if link else 0
                yield route.Lookup(remote, local, protocol="udp" if port else "ipip", dport=port, mark=mark), True
        elif packet.outer is not None:
            outer = outermost(packet)
            yield replace(_plain(outer, (outer.dst, outer.dport)), incoming=capture.interface, mark=outer_mark), True
        else:
            yield (
                replace(_plain(packet, _translated(case, place, packet, flows)), incoming=capture.interface, mark=mark),
                False,
            )
            if _checks_reverse_path(case, place):
                yield route.Lookup(packet.src, packet.dst, mark=mark), False
    arrived = case.last is not None and case.last.place == place == case.there.end
    if case.packet is not None and case.direction == REQUEST and arrived:
        packet = case.packet  # what is missing is its answer
        yield route.Lookup(packet.src, packet.dst, protocol=packet.protocol, dport=packet.sport), False
    yield from ((one, False) for one in _questions(case, place))
    if place == case.origin and not case.seen:
        for destination in case.first_destinations if case.direction == REQUEST else case.destinations[:1]:
            exchange = case.passage.exchange
            # Before it has a source, and as it would be sent.
            for source in ("", exchange.address):
                yield route.Lookup(destination, source, protocol=exchange.protocol, dport=exchange.dport), False


def _checks_reverse_path(case: Case, place: str) -> bool:
    """Whether a rule of the place dropped it for the way on which an answer to its source would go."""
    decisions = (one for hop in case.hops if hop.place == place for one in hop.decisions)
    return any("-m rpfilter" in one.text and one.verdict == "DROP" for one in decisions)


def _plain(packet: Packet, destination: tuple[str, int]) -> route.Lookup:
    return route.Lookup(destination[0], packet.src, protocol=packet.protocol, sport=packet.sport, dport=destination[1])


def _translated(case: Case, place: str, packet: Packet, flows: tuple[Event, ...]) -> tuple[str, int]:
    """Whom it is for when it is routed, which is behind a translation of its destination."""
    here = tuple_of(packet)
    for flow in flows:
        if flow.original == here:
            return flow.onward.destination, flow.onward.dport
        if flow.reply == here:
            return flow.original.source, flow.original.sport
    if case.direction == REQUEST and packet.dst == case.passage.exchange.destination:
        found = [one for one in case.routed(place) if one not in case.ends]
        return (found[0], _port(case, found[0], packet.dport)) if found else (packet.dst, packet.dport)
    return packet.dst, packet.dport


def _port(case: Case, endpoint: str, asked: int) -> int:
    """On which an endpoint of the asked Service is asked."""
    _, port = case.passage.asked or (None, None)
    return next((one.port for one in port.endpoints if one.address == endpoint), asked) if port else asked


def _questions(case: Case, place: str) -> Iterator[route.Lookup]:
    """For whom it is asked by ARP, and does not answer: the kernel routes the question before it does (arp_process)."""
    for who in case.suspects:
        for seen in case.about(who).neighbours:
            near = case.link(who, seen.device)
            owner, link = case.answering(who, seen.device, seen.address)
            source = near.address if near is not None else ""
            if seen.state in FAILING and link is not None and owner is not None and owner.name == place and source:
                yield route.Lookup(seen.address, source, incoming=link.name)


def _wraps(case: Case, part: Part) -> bool:
    link = case.link(part.observation.capture.place, part.observation.capture.interface)
    return link is not None and bool(link.local)


def _tuples(case: Case, place: str) -> frozenset[Tuple]:
    """The packet as it was seen there, in either direction; where it began also as its client sent it."""
    here = {
        tuple_of(part.observation.packet)
        for part in (*case.passage.request, *case.passage.reply)
        if part.observation.capture.place == place and part.observation.packet.cause is None
    }
    if place == case.client:
        one = case.passage.exchange
        here.add(Tuple(one.protocol, one.address, one.sport, one.destination, one.dport))
    return frozenset(here)


def _about(tuples: frozenset[Tuple], entries: Iterable[Event]) -> Iterator[Event]:
    for entry in entries:
        if tuples & {entry.original, entry.reply, entry.original.reversed, entry.reply.reversed}:
            yield entry


def tuple_of(packet: Packet) -> Tuple:
    """As connection tracking knows it."""
    return Tuple(packet.protocol, packet.src, packet.sport, packet.dst, packet.dport)


def marked(case: Case, *, wrapped: bool = False) -> Mapping[str, int]:
    """The mark that the rules of each place left on the packet: an `ip rule` may ask for it. What a tunnel's packet was
    given stays when it is unwrapped; what is in it has none while it is `wrapped`.
    """
    found: dict[str, int] = {}
    for hop in case.hops:
        if hop.direction == case.direction and (hop.packet.outer is not None or not wrapped):
            for decision in hop.decisions:
                if setting := _MARK.search(decision.text):
                    value, mask, whole = setting.groups()
                    kept = found.get(hop.place, 0) & ~(int(mask, 16) if mask else _ALL_BITS)
                    found[hop.place] = kept ^ int(value or whole, 0)
    return found


def _is_turned_back(flow: Event) -> bool:
    """Whether what a place sent was sent to itself."""
    return flow.translates and flow.onward.destination in ("127.0.0.1", flow.original.source)


def _redirects(place: str) -> Iterator[tuple[str, str]]:
    for chain in iptables.chains(place, start(place, "iptables-save -t nat").result()):
        yield from ((chain.name, rule.text) for rule in chain.rules if "-j REDIRECT" in rule.text)


def _queues() -> Iterator[int]:
    """The queues that a program of the calling thread's namespace has bound: the first number of each line."""
    try:
        with open(QUEUES, encoding="ascii") as file:
            for line in file:
                yield int(line.split()[0])
    except FileNotFoundError:
        return
