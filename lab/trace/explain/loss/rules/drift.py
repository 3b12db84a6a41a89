"""What a place on the way holds otherwise than its design, and whether that can have touched the packet.

`up` knows the same differences. Here they are suspects: each kind of object says how near it comes to the packet, and
the nearest is named, with the plan's own step as its cure. What others proved of the packet comes before.
"""

from __future__ import annotations

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
    Route,
    Symlink,
    Sysctl,
)
from lab.plan.commands import sysctl_name
from lab.plan.drift import Drift
from lab.trace.explain.loss import remedies
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.printed import printed
from lab.trace.explain.loss.rules import suspects
from lab.trace.journey import KERNEL, QUERIED


def drifted(case: Case, *, within: str = "", farthest: int = suspects.FAR) -> Finding | None:
    """The drift that comes nearest to the packet; of one place only, if `within` names it."""
    found = [one for one in suspects.of(case) if within in ("", one.drift.place) and one.distance <= farthest]
    nearest = min(found, key=lambda one: one.distance, default=None)
    return finding(case, nearest.drift) if nearest else None


def beside_the_rule(case: Case, place: str) -> Finding | None:
    """Why a rule of the cluster's own caught it there: a member or a rule that would have let it pass is missing."""
    found = [
        suspects.Suspect(distance, one)
        for one in case.about(place).drifts
        if one.missing and (distance := {IpSet: 1, NftSet: 1, Chain: 2, NftChain: 2}.get(type(one.wanted), 0))
    ]
    nearest = min(found, key=lambda one: one.distance, default=None)
    return finding(case, nearest.drift) if nearest else None


def finding(case: Case, drift: Drift) -> Finding:
    """The drift in words."""
    item = drift.wanted or drift.held
    assert item is not None, "one of the two differs from the other"
    if isinstance(item, suspects.RULES):
        return _rules_finding(case, drift, item)
    cause = _CAUSES.get(type(item), Cause.DRIFT)
    if isinstance(item, Address) and drift.wanted is None:
        cause = Cause.ADDRESS_TAKEN if item.address.partition("/")[0] in suspects.ends(case) else Cause.WRONG_ROUTE
    why = f"{drift.place} {_difference(drift)}{_purpose(item)}{_taken(case, drift)}."
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
        return f"has {sysctl_name(held.name)} = {held.value}, not {wanted.value}"
    if isinstance(held, File | Symlink):
        return f"has another {held.path} than designed"
    if isinstance(held, Interface) and isinstance(wanted, Interface):
        names = ("mac", "mtu", "master", "hairpin", "up", "vxlan", "kind")
        differs = [(name, getattr(held, name), getattr(wanted, name)) for name in names]
        told = ", ".join(f"{name} is {has or 'none'}, not {is_} " for name, has, is_ in differs if has != is_)
        return f"has another {held.name} than designed: {told.strip()}"
    assert held is not None and wanted is not None
    return f"has {printed(held)}, not {printed(wanted)}"


def _taken(case: Case, drift: Drift) -> str:
    """What follows from an address that a place has, and another one should have alone."""
    if drift.wanted is not None or not isinstance(drift.held, Address):
        return ""
    address = drift.held.address.partition("/")[0]
    owner, _ = case.labmap.owners.get(address, (None, None))
    if owner is None or owner.name == drift.place:
        return ""
    sources = {part.observation.packet.src for part in case.leg}
    sources |= {part.observation.packet.outer.src for part in case.leg if part.observation.packet.outer}
    if address in sources:
        return f": it takes what comes from {owner.name} for a forgery of its own address"
    return f": it keeps for itself what is meant for {owner.name}"


def _purpose(item: Object) -> str:
    return f" ({item.intent})" if item.intent else ""


def _whole(case: Case, drift: Drift) -> tuple[str, ...]:
    """Its own lines; of an interface also those of what hangs on it and differs as well."""
    if not isinstance(drift.wanted, Interface):
        return drift.mends
    name = drift.wanted.name
    others = (one for one in case.about(drift.place).drifts if one is not drift)
    bound = (one for one in others if one.wanted is not None and remedies.hangs_on(one.wanted, name))
    return (*drift.mends, *(line for one in bound for line in one.mends))


def _rules_finding(case: Case, drift: Drift, item: Object) -> Finding:
    met = next((rule for rule in drift.foreign if rule in case.met(drift.place) and not suspects.lets_pass(rule)), "")
    if met:
        why = f"A rule that is not the cluster's decides about the {case.name} in {drift.place}."
        return Finding(drift.place, Cause.FOREIGN_RULE, met, why, drift.mends, KERNEL, "firewall")
    if isinstance(item, IpSet | NftSet):
        return _of_set(case, drift, item)
    if isinstance(item, NftTable) and drift.held is None:
        why = f"{drift.place} has no nft table {drift.table} any more{_consequence(case, drift)}."
        return Finding(drift.place, Cause.RULES_MISSING, f"table {drift.table}", why, drift.mends, QUERIED, "service")
    rule = _relevant(case, drift.missing)
    of = f"table {drift.table}"
    if not rule:
        what = f"chain {getattr(item, 'name', '')}"
        why = f"{drift.place} has another {what} of {of} than designed{_consequence(case, drift)}."
        return Finding(drift.place, Cause.RULES_MISSING, what, why, drift.mends, QUERIED, "service")
    number = sum(len(one.missing) for one in case.about(drift.place).drifts if one.table == drift.table)
    several = "a rule" if number == 1 else f"{number} rules"
    why = f"{drift.place} lacks {several} of {of}{_consequence(case, drift)}."
    # A rule of iptables says itself which chain it is of.
    said = f"chain {item.name} lacks {rule}" if isinstance(item, NftChain) else rule
    return Finding(drift.place, Cause.RULES_MISSING, said, why, drift.mends, QUERIED, "service")


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
    ends = suspects.ends(case)
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
