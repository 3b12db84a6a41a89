"""Asks the kernel and the agent what the places hold and should hold, once something was lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lab.kernel import sysctl
from lab.kernel.netlink.rtnetlink import address, interface, ip_rule, neighbour, route
from lab.kernel.sandbox.sandbox import Sandbox
from lab.network.objects import Network, Object
from lab.network.objects.plain import from_plain
from lab.network.place_names import UNDERLAY
from lab.network.tunnels import SEALED
from lab.plan.drift import Drift
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.facts import Facts, PlaceFacts
from lab.trace.explain.loss.onward import onward
from lab.trace.explain.passage import Passage
from lab.trace.explain.queries.inquiry import asking
from lab.trace.explain.queries.neighbour import Neighbour as Seen
from lab.trace.explain.queries.neighbour import read_all
from lab.trace.witness.counters import Counters

Desired = Callable[[tuple[str, ...], tuple[str, ...]], Any]
Differences = Callable[[tuple[str, ...]], Callable[[], Any]]

KINDS = (
    *("Interface", "Sysctl", "Address", "Route", "RoutingRule", "Neighbour", "FdbEntry", "Listener"),
    *("WireguardDevice", "WireguardPeer"),
)
SETTINGS = ("net.ipv4.ip_forward", "net.ipv4.conf.all.rp_filter")


def gather(sandbox: Sandbox, passage: Passage, counters: Counters, desired: Desired, differences: Differences) -> Facts:
    """The facts about every place that the lost packet passed or should have passed, and about the wires between them.

    `desired` asks the agent for the objects of these kinds that these places should hold, as JSON; `differences` for
    what they hold otherwise, and gives what waits for that.
    """
    case = Case(passage, (), Facts())
    behind = onward(case)
    cases = (case, behind) if behind else (case,)
    places = tuple(dict.fromkeys((*(place for one in cases for place in one.suspects), UNDERLAY)))
    wanted = Network(tuple(from_plain(desired(places, KINDS)))).by_place()
    comparing = differences(places)
    held, names, seen = {}, {}, {}
    for place in places:
        held[place], names[place], seen[place] = _read(sandbox, place)
    drifts: dict[str, list[Drift]] = {}
    for one in comparing():
        drifts.setdefault(one["place"], []).append(drift_told(one))
    counted = counters.grown(names)
    return Facts(
        {
            place: PlaceFacts(
                place,
                Network(tuple(held[place])),
                Network(tuple(wanted.get(place, ()))),
                seen[place],
                tuple(drifts.get(place, ())),
                counted[place] if place in counted else PlaceFacts(place).counted,
            )
            for place in places
        }
    )


def drift_told(told: Mapping[str, Any]) -> Drift:
    """One of the agent's answers to `differences`."""
    wanted, held = (next(iter(from_plain(told[name])), None) for name in ("wanted", "held"))
    texts = {name: tuple(told[name]) for name in ("key", "mends", "missing", "foreign")}
    return Drift(told["place"], wanted=wanted, held=held, table=told["table"], **texts)


def _read(sandbox: Sandbox, place: str) -> tuple[list[Object], Mapping[int, str], tuple[Seen, ...]]:
    """What the place holds, its interfaces by number, and all of its neighbours."""
    found: list[Object] = []
    with asking(sandbox, place) as inquiry:
        netlink = inquiry.netlink
        links = interface.read(netlink, place)
        names = {index: name for name, index in links.indexes.items()}
        found += links.interfaces
        found += links.settings
        found += address.read(netlink, place, names)
        found += route.read(netlink, place, names)
        found += ip_rule.read(netlink, place)
        found += neighbour.read(netlink, place, names)
        found += neighbour.read_fdb(netlink, place, names)
        found += sysctl.read(place, SETTINGS)
        if encrypting := [item.name for item in links.interfaces if item.kind == SEALED]:
            from lab.kernel.netlink import wireguard  # noqa: PLC0415  pyroute2 for these devices alone

            found += wireguard.read(place, encrypting)
        seen = tuple(read_all(netlink, names))
    return found, names, seen
