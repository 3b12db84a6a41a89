"""What a bridge does not pass on: a port without hairpin, isolated or not forwarding; and replies that it does not let
the rules see.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.map.path import OUT
from lab.network.objects import Sysctl
from lab.trace.explain.loss import remedies
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.facts import PlaceFacts
from lab.trace.explain.loss.links import devices
from lab.trace.explain.queries.bridge_port import FORWARDING, BridgePort
from lab.trace.journey import CAPTURED, QUERIED, REPLY

BRIDGE_NF = "net.bridge.bridge-nf-call-iptables"
_Crossing = tuple[BridgePort, BridgePort]


def port(case: Case) -> Finding | None:
    """A port by which it comes or by which it should leave does not let it."""
    for place in case.suspects:
        for entered, left in _crossed(case, place):
            finding = _hairpin(case, place, entered, left) or _closed(case, place, entered, left)
            if finding is not None:
                return finding
    return None


def _crossed(case: Case, place: str) -> Iterator[_Crossing]:
    """The ports by which it comes into a bridge and by which it should leave it, with at most the bridge between."""
    answers = case.about(place).answers
    entered: BridgePort | None = None
    for one in case.path.crossings:
        found = answers.port(one.interface) if one.place == place else None
        if found is not None and one.way != OUT:
            entered = found
        elif found is not None and entered is not None and entered.master == found.master:
            yield entered, found
        elif one.place != place or (entered is not None and one.interface != entered.master):
            entered = None
    if not case.path.end and case.last is not None and case.last.place == place:
        yield from _bound_for(case, place, case.last.interface)


def _bound_for(case: Case, place: str, device: str) -> Iterator[_Crossing]:
    """The same where it was not seen which endpoint was chosen: the ports of those that it may have been."""
    answers, home = case.about(place).answers, case.place(place)
    entered = answers.port(device)
    if entered is None or home is None:
        return
    targets = {owner[0].name for address in case.destinations if (owner := case.labmap.owners.get(address))}
    for link in home.links:
        found = answers.port(link.name) if link.peer_place in targets else None
        if found is not None and found.master == entered.master:
            yield entered, found


def _hairpin(case: Case, place: str, entered: BridgePort, left: BridgePort) -> Finding | None:
    if entered != left or left.hairpin:
        return None
    whose = _behind(case, place, left.device)
    why = (
        f"The {case.name} of {whose} is for itself and would have to leave by the port that it came by, {left.device} "
        f"of {left.master} in {place}, where hairpin is off: no pod there reaches itself through a Service."
    )
    fix = (f"bridge link set dev {left.device} hairpin on",)
    return Finding(place, Cause.HAIRPIN_OFF, f"{_printed(left)} hairpin off", why, fix, QUERIED, "forward")


def _closed(case: Case, place: str, entered: BridgePort, left: BridgePort) -> Finding | None:
    """Isolated from each other, or in a state in which nothing passes."""
    if (down := devices.down_device(case.about(place), entered.master)) is not None:
        return down
    for one in (entered, left):
        if one.state != FORWARDING:
            port = f"{one.device} of {place}, the port of {one.master} to {_behind(case, place, one.device)}"
            why = f"{port}, is {one.state}: nothing passes there."
            fix: tuple[str, ...] = (f"bridge link set dev {one.device} state 3",)
            return Finding(place, Cause.BRIDGE_PORT, f"{_printed(one)} state {one.state}", why, fix, QUERIED, "forward")
    if entered.isolated and left.isolated and entered != left:
        pods = f"{_behind(case, place, entered.device)} and {_behind(case, place, left.device)}"
        why = f"The ports of {pods} at {left.master} of {place} are isolated: the bridge passes nothing between them."
        fix = tuple(f"bridge link set dev {one.device} isolated off" for one in (entered, left))
        return Finding(place, Cause.BRIDGE_PORT, f"{_printed(entered)} isolated on", why, fix, QUERIED, "forward")
    if entered.locked:
        why = (
            f"{entered.device} of {place} is locked: the bridge takes nothing there from a MAC that it was not told of."
        )
        fix = (f"bridge link set dev {entered.device} locked off",)
        return Finding(place, Cause.BRIDGE_PORT, f"{_printed(entered)} locked on", why, fix, QUERIED, "forward")
    if not left.flood and not left.learning:
        why = (
            f"{left.device} of {place} neither learns MACs nor is flooded to: the bridge never finds what is behind it."
        )
        fix = (f"bridge link set dev {left.device} flood on learning on",)
        return Finding(
            place, Cause.BRIDGE_PORT, f"{_printed(left)} learning off flood off", why, fix, QUERIED, "forward"
        )
    return None


def shut(case: Case) -> Finding | None:
    """A port on the way is in a state in which nothing passes, whoever is at its other side."""
    for place in case.suspects:
        for name in case.links(place):
            one = case.about(place).answers.port(name)
            if one is not None and one.state != FORWARDING:
                return _closed(case, place, one, one)
    return None


def misdirected(case: Case) -> Finding | None:
    """A bridge was told by hand that a MAC is behind another port than it is."""
    for place in case.suspects:
        for entry in case.about(place).answers.entries:
            for owner in case.labmap.places:
                for link in owner.links:
                    here = link.peer_place == place and link.peer_name != entry.device
                    if here and link.mac == entry.mac and owner.name in (case.there.end, case.client, case.origin):
                        why = (
                            f"The bridge {entry.master} of {place} was told that {entry.mac}, {link.name} of "
                            f"{owner.name}, is behind {entry.device}; it is behind {link.peer_name}."
                        )
                        fix = (f"bridge fdb del {entry.text}",)
                        return Finding(place, Cause.BRIDGE_PORT, entry.text, why, fix, QUERIED, "forward")
    return None


def unfiltered(case: Case) -> Finding | None:
    """The reply passed a bridge without the rules that would have translated it back."""
    told = _untranslated(case)
    node = _node(case)
    facts = case.about(node)
    if not told or facts.answers.setting(BRIDGE_NF) != "0" or not _same_bridge(case, facts):
        return None
    why = (
        f"{told}: both pods are at one bridge of {node}, and while {BRIDGE_NF} is 0 there, the bridge passes the "
        "reply on without the rules that would translate it back."
    )
    fix = tuple(line.replace("-qw", "-w") for line in remedies.mended("change", Sysctl(node, BRIDGE_NF, "1")))
    return Finding(node, Cause.BRIDGE_NF_OFF, f"{BRIDGE_NF} = 0", why, fix, CAPTURED, "forward")


def untranslated(case: Case) -> Finding | None:
    """The reply was not translated back, and nothing that was looked for explains why."""
    told, packet = _untranslated(case), case.packet
    if not told or packet is None:
        return None
    node = _node(case)
    why = f"{told}: it did not come by the connection tracking of {node}, which would have translated it back."
    return Finding(node, Cause.UNTRANSLATED, f"{packet.src} > {packet.dst}", why, (), CAPTURED)


def _untranslated(case: Case) -> str:
    """That the reply reached its client with another address than the one that was asked, in words; else ""."""
    packet, last, exchange = case.packet, case.last, case.passage.exchange
    if case.direction != REPLY or packet is None or last is None or last.place != case.client:
        return ""
    if packet.cause is not None or packet.src == exchange.destination or case.passage.asked is None:
        return ""
    return (
        f"The reply came back with the address {packet.src}, not with {exchange.destination}, which was asked, and "
        f"{case.client} does not take it"
    )


def _node(case: Case) -> str:
    """The node that translated the request, and has to translate its reply."""
    if case.passage.asked_node:
        return case.passage.asked_node.name
    client = case.place(case.client)
    return client.node if client and client.node else case.client


def _same_bridge(case: Case, facts: PlaceFacts) -> bool:
    """Whether the reply came into a bridge of the place by one port and left it by another."""
    passed = [one.interface for one in case.seen if one.place == facts.place]
    masters = [found.master for name in passed if (found := facts.answers.port(name)) is not None]
    return len(masters) > 1 and len(set(masters)) == 1


def _behind(case: Case, place: str, device: str) -> str:
    link = case.link(place, device)
    return link.peer_place if link is not None and link.peer_place else device


def _printed(one: BridgePort) -> str:
    return f"{one.device} master {one.master}"
