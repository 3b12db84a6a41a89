"""What a place on the way holds otherwise than its design, and whether that can have touched the packet.

`up` knows the same differences. Here they are suspects: each kind of object says how near it comes to the packet, and
the nearest is named, with the plan's own step as its cure. What others proved of the packet comes before.
"""

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
    Symlink,
    Sysctl,
)
from lab.plan.drift import Drift
from lab.trace.journey import KERNEL, QUERIED
from lab.trace.loss.case import Case
from lab.trace.loss.cause import Cause, Finding
from lab.trace.loss.printed import printed, sysctl

FAR = 90
RULES = (Chain, IpSet, NftTable, NftSet, NftChain)


@dataclass(frozen=True, slots=True)
class Suspect:
    """A drift, and how near it comes to the packet: less is nearer."""

    distance: int
    drift: Drift


def drifted(case: Case, *, within: str = "") -> Finding | None:
    """The drift that comes nearest to the packet; of one place only, if `within` names it."""
    suspects = [one for one in _suspects(case) if within in ("", one.drift.place)]
    nearest = min(suspects, key=lambda one: one.distance, default=None)
    return finding(case, nearest.drift) if nearest else None


def beside_the_rule(case: Case, place: str) -> Finding | None:
    """Why a rule of the cluster's own caught it there: a member or a rule that would have let it pass is missing."""
    found = [
        Suspect(distance, one)
        for one in case.about(place).drifts
        if one.missing and (distance := {IpSet: 1, NftSet: 1, Chain: 2, NftChain: 2}.get(type(one.wanted), 0))
    ]
    nearest = min(found, key=lambda one: one.distance, default=None)
    return finding(case, nearest.drift) if nearest else None


def _suspects(case: Case) -> Iterator[Suspect]:
    for place in case.suspects:
        for one in case.about(place).drifts:
            distance = _distance(case, one)
            if distance < FAR:
                yield Suspect(distance, one)


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
        return 12 if item.device in _devices(case, drift.place) else FAR
    if address in _ends(case):
        return 6
    connected = Prefix.of(item.address)
    return 14 if any(number(one) in connected for one in case.routed(drift.place)) else FAR


def _of_route(case: Case, drift: Drift, item: Route) -> int:
    prefix = Prefix(0, 0) if item.destination == "default" else Prefix.of(item.destination)
    if any(number(one) in prefix for one in case.routed(drift.place)):
        return 16 - prefix.length // 32
    return 40 if any(number(one) in prefix for one in _ends(case)) else FAR


def _of_sysctl(case: Case, drift: Drift, item: Sysctl) -> int:
    for family in ("net.ipv4.conf.", "net.ipv4.neigh."):
        if item.name.startswith(family):
            device = item.name[len(family) :].rpartition(".")[0]
            return 22 if device in ("all", *_devices(case, drift.place)) else FAR
    return FAR if item.name.startswith("net.ipv6.") else 22


def _of_entry(case: Case, drift: Drift, item: Neighbour | FdbEntry) -> int:
    return 18 if item.device in _devices(case, drift.place) else FAR


def _of_rules(case: Case, drift: Drift, _item: Object) -> int:
    """Rules that it met are near; of what is missing nobody can tell that it would have met it, unless it is at a
    place that should have translated it and did not.
    """
    if any(rule in case.met(drift.place) and not _lets_pass(rule) for rule in drift.foreign):
        return 4
    if not drift.missing and drift.wanted is not None:
        return FAR
    return 30 if drift.place == case.chooser and case.untranslated else 60


def _of_server(case: Case, drift: Drift, _item: Object) -> int:
    return 24 if drift.place in (case.there.end, case.origin) else FAR


def _of_file(case: Case, drift: Drift, _item: Object) -> int:
    return 26 if drift.place in (case.there.end, case.origin) else FAR


_DISTANCES: dict[type, Callable[[Case, Drift, Any], int]] = {
    Interface: _of_interface,
    Address: _of_address,
    Route: _of_route,
    Sysctl: _of_sysctl,
    Neighbour: _of_entry,
    FdbEntry: _of_entry,
    **dict.fromkeys(RULES, _of_rules),
    **dict.fromkeys((Listener, Process), _of_server),
    **dict.fromkeys((File, Symlink), _of_file),
}


def _lets_pass(rule: str) -> bool:
    return rule.endswith((" -j ACCEPT", " -j RETURN", " accept", " return"))


def _devices(case: Case, place: str) -> tuple[str, ...]:
    """The interfaces of a place that the packet passes, and what its tunnels are bound to."""
    bound = (tunnel.vxlan.device for tunnel in case.tunnels(place) if tunnel.vxlan)
    return (*case.links(place), *bound)


def _ends(case: Case) -> tuple[str, ...]:
    """All addresses that the packet bears on its way, its wrapping's too."""
    found = [*case.destinations, *case.first_destinations, *case.ends]
    for part in (*case.asked, *case.leg):
        packet = part.observation.packet
        found += [packet.src, packet.dst]
        found += [packet.outer.src, packet.outer.dst] if packet.outer else []
    return tuple(dict.fromkeys(one for one in found if one))


def finding(case: Case, drift: Drift) -> Finding:
    """The drift in words."""
    item = drift.wanted or drift.held
    assert item is not None, "one of the two differs from the other"
    if isinstance(item, RULES):
        return _rules_finding(case, drift, item)
    cause = _CAUSES.get(type(item), Cause.DRIFT)
    if isinstance(item, Address) and drift.wanted is None:
        cause = Cause.ADDRESS_TAKEN if item.address.partition("/")[0] in _ends(case) else Cause.WRONG_ROUTE
    why = f"{drift.place} {_difference(drift)}{_purpose(item)}."
    return Finding(drift.place, cause, printed(drift.held or item), why, _whole(case, drift), QUERIED, "route")


_CAUSES: dict[type, Cause] = {
    Interface: Cause.DRIFT,
    Address: Cause.ADDRESS_MISSING,
    Route: Cause.WRONG_ROUTE,
    Sysctl: Cause.WRONG_SETTING,
    Neighbour: Cause.WRONG_NEIGHBOUR,
    FdbEntry: Cause.WRONG_VTEP,
    Listener: Cause.NOBODY_LISTENS,
}


def _difference(drift: Drift) -> str:
    """What is the matter, as the end of a sentence whose subject is the place."""
    wanted, held = drift.wanted, drift.held
    if wanted is None and held is not None:
        return f"has {printed(held)}, which nobody designed"
    if held is None and wanted is not None:
        return f"lacks {printed(wanted)}"
    if isinstance(held, Sysctl) and isinstance(wanted, Sysctl):
        return f"has {sysctl(held.name)} = {held.value}, not {wanted.value}"
    if isinstance(held, Interface) and isinstance(wanted, Interface):
        names = ("mac", "mtu", "master", "hairpin", "up", "vxlan", "kind")
        differs = [(name, getattr(held, name), getattr(wanted, name)) for name in names]
        told = ", ".join(f"{name} is {has or 'none'}, not {is_} " for name, has, is_ in differs if has != is_)
        return f"has another {held.name} than designed: {told.strip()}"
    assert held is not None and wanted is not None
    return f"has {printed(held)}, not {printed(wanted)}"


def _purpose(item: Object) -> str:
    return f" ({item.intent})" if item.intent else ""


def _whole(case: Case, drift: Drift) -> tuple[str, ...]:
    """Its own lines; of an interface also those of what hangs on it and differs as well."""
    if not isinstance(drift.wanted, Interface):
        return drift.mends
    name = drift.wanted.name
    bound = (one for one in case.about(drift.place).drifts if one is not drift and _hangs_on(one.wanted, name))
    return (*drift.mends, *(line for one in bound for line in one.mends))


def _hangs_on(item: Object | None, device: str) -> bool:
    if isinstance(item, Sysctl):
        return f".{device}." in item.name
    return isinstance(item, Address | Route | Neighbour | FdbEntry) and item.device == device


def _rules_finding(case: Case, drift: Drift, item: Object) -> Finding:
    met = next((rule for rule in drift.foreign if rule in case.met(drift.place) and not _lets_pass(rule)), "")
    if met:
        why = f"A rule that is not the cluster's decides about the {case.name} in {drift.place}."
        return Finding(drift.place, Cause.FOREIGN_RULE, met, why, drift.mends, KERNEL, "firewall")
    if isinstance(item, IpSet | NftSet):
        return _of_set(case, drift, item)
    if isinstance(item, NftTable) and drift.held is None:
        why = f"{drift.place} has no nft table {drift.table} any more{_consequence(case, drift)}."
        return Finding(drift.place, Cause.RULES_MISSING, f"table {drift.table}", why, drift.mends, QUERIED, "service")
    rule = _relevant(case, drift.missing)
    of = f"table {drift.table}" if drift.table else "its rules"
    several = f" and {len(drift.missing) - 1} more" if len(drift.missing) > 1 else ""
    if not rule:
        what = f"chain {getattr(item, 'name', '')}"
        why = f"{drift.place} has another {what} of {of} than designed{_consequence(case, drift)}."
        return Finding(drift.place, Cause.RULES_MISSING, what, why, drift.mends, QUERIED, "service")
    why = f"{drift.place} lacks a rule of {of}{several}{_consequence(case, drift)}."
    return Finding(drift.place, Cause.RULES_MISSING, rule, why, drift.mends, QUERIED, "service")


def _of_set(case: Case, drift: Drift, item: IpSet | NftSet) -> Finding:
    kind = f"{item.kind} {drift.table}" if isinstance(item, NftSet) else "set"
    if drift.held is None:
        said, what = f"{kind} {item.name}", f"has no {kind} {item.name}"
    elif drift.missing:
        one = _relevant(case, drift.missing)
        said, what = f"{kind} {item.name} lacks {one}", f"has a {kind} {item.name} that lacks {one}"
    else:
        said = f"{kind} {item.name} has {drift.foreign[0] if drift.foreign else 'other settings'}"
        what = f"has a {said}, which nobody designed"
    why = f"{drift.place} {what}{_purpose(item)}{_consequence(case, drift)}."
    return Finding(drift.place, Cause.SET_DIFFERS, said, why, drift.mends, QUERIED, "firewall")


def _relevant(case: Case, texts: tuple[str, ...]) -> str:
    """The text that names one of the packet's addresses, or leads to what does; else the first."""
    ends = _ends(case)
    named = (text for text in texts if any(f"{end}/32" in text or end in text.split() for end in ends))
    leads = (text for text in texts if text.endswith(("-j KUBE-SERVICES", "jump services")))
    return next(leads, "") or next(named, "") or next(iter(texts), "")


def _consequence(case: Case, drift: Drift) -> str:
    """What follows from it for a request to a Service that nobody translated."""
    service, _ = case.passage.asked or (None, None)
    if service is not None and case.untranslated and drift.place == case.chooser:
        return (
            f": nothing turns {case.passage.exchange.destination} of Service {service.full_name} into a pod's address"
        )
    return ""
