"""Reading back: what the kernel really holds, as the same dataclasses in which it was asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lab.kernel import files, sysctl
from lab.kernel.holdings import RULE_KINDS, Holdings
from lab.kernel.netlink import offload
from lab.kernel.netlink.rtnetlink import address, device_settings, interface, ip_rule, neighbour, qdisc, route
from lab.kernel.netlink.transport import RouteSocket
from lab.kernel.rules import iptables, nft
from lab.network.objects import Interface, Network, Object, Sysctl
from lab.network.place_names import UNDERLAY
from lab.network.tunnels import SEALED


def observe(holdings: Holdings, desired: Network, only: frozenset[str] | None = None) -> Network:
    """The actual network: all of it in our places, plus the values of the settings, files and programs that `desired`
    names.

    With `only`, those places and no others.
    """
    namespaces = holdings.namespaces
    places = tuple(place for place in namespaces.places if only is None or place in only)
    settings = _settings_by_place(desired)
    rule_places = [place for place in places if holdings.kinds[place].kind in RULE_KINDS]
    saving = [iptables.start_save(namespaces, place) for place in rule_places]
    nodes = [place for place in rule_places if holdings.kinds[place].kind == "node"]
    listing = [running for place in nodes if (running := nft.start_list(namespaces, place))]
    saving_sets = [iptables.start_ipset_save(namespaces, place) for place in rule_places if place in holdings.with_sets]
    found: list[Object] = [holdings.kinds[place] for place in places if namespaces.is_named(place)]
    for place in (UNDERLAY, *places) if only is None or UNDERLAY in only else places:
        found += read_place(holdings, place, settings.get(place, ()))
    found += files.read(item for item in holdings.files.values() if only is None or item.place in only)
    for several in (holdings.listeners.read(), holdings.processes.read()):
        found += (item for item in several if only is None or item.place in only)
    for place in places:
        if place in holdings.balancing.places:
            found += holdings.balancing.read(place)
    for running in saving:
        found += iptables.chains(running.place, running.result())
    for running in listing:
        found += nft.objects(running.place, running.result())
    for running in saving_sets:
        found += iptables.ip_sets(running.place, running.result())
    return Network(tuple(found))


def _settings_by_place(desired: Network) -> dict[str, list[str]]:
    by_place: dict[str, list[str]] = {}
    for item in desired:
        if isinstance(item, Sysctl):
            by_place.setdefault(item.place, []).append(item.name)
    return by_place


def read_place(holdings: Holdings, place: str, settings: Iterable[str]) -> list[Object]:
    """One place's links, addresses, routes, entries and named settings."""
    kind = holdings.kinds[place].kind if place in holdings.kinds else UNDERLAY
    found: list[Object] = []
    asked = tuple(settings)
    with holdings.namespaces.entered(place):
        with RouteSocket() as netlink:
            links = interface.read(netlink, place, asked)
            names = {index: name for name, index in links.indexes.items()}
            found += (_with_peer(holdings, item) for item in links.interfaces)
            found += links.settings
            if links.queueing:
                ours = {links.indexes[item.name]: item.name for item in links.interfaces}
                found += qdisc.read(netlink, place, ours)
            found += address.read(netlink, place, names)
            found += route.read(netlink, place, names)
            found += neighbour.read(netlink, place, names)
            if kind in RULE_KINDS:
                found += ip_rule.read(netlink, place)
            if kind == "node":
                found += neighbour.read_fdb(netlink, place, names)
                found += device_settings.read_proxy_delays(netlink, place, names)
        tunnels = [item.name for item in links.interfaces if item.kind == SEALED]
        if tunnels:
            from lab.kernel.netlink import wireguard  # noqa: PLC0415  pyroute2 for these devices alone

            found += wireguard.read(place, tunnels)
        found += offload.read(item for item in holdings.offloads.values() if item.place == place)
        found += sysctl.read(place, (name for name in asked if device_settings.device_of(name) is None))
    holdings.indexes[place] = links.indexes
    return found


def _with_peer(holdings: Holdings, item: Interface) -> Interface:
    peer = holdings.peers.get((item.place, item.name))
    return replace(item, peer_place=peer[0], peer_name=peer[1]) if peer and item.kind == "veth" else item
