"""What the kernel would do with the very packet, where that is not what the design's routes say."""

from __future__ import annotations

import errno

from lab.network.ipv4 import Prefix
from lab.network.objects import Address, Route, RoutingRule
from lab.network.objects.policy_rule import PolicyRule
from lab.trace.explain.loss import remedies
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.facts import PlaceFacts
from lab.trace.explain.loss.kernel_answers import Answers, Asked
from lab.trace.explain.loss.routes.ways import REFUSING
from lab.trace.explain.queries.policy_rule import matches
from lab.trace.explain.queries.route import as_printed
from lab.trace.explain.queries.route_table import matching, prefix
from lab.trace.journey import KERNEL, QUERIED

REFUSED = {  # an `ip rule` that looks nothing up
    "blackhole": "drops it without a word",
    "unreachable": "answers that there is no way",
    "prohibit": "answers that it is not allowed",
}
THROW = "throw"
LOOKED_UP = ("local", "main")  # where all routes of a design are


def policy_routed(case: Case) -> Finding | None:
    """An `ip rule` that the design has not sends it elsewhere, or refuses it."""
    for place in case.suspects:
        facts = case.about(place)
        for asked in facts.answers.asked:
            if asked.answer.route is not None and asked.answer.route.type == "local":
                continue  # its own addresses are looked up before all other rules
            rule, route = _deciding(facts.answers, asked)
            if rule is not None and not _is_designed(facts, rule) and (rule.refuses or not _as_designed(facts, asked)):
                return _of_rule(facts, rule, route, asked)
    return None


def unruled(case: Case) -> Finding | None:
    """Nobody asks the table in which all routes are: the kernel's own `ip rule` for it is gone."""
    for place in case.suspects:
        for rule in case.about(place).answers.unruled:
            if rule.table in LOOKED_UP:
                why = f"{place} has lost the ip rule that looks up table {rule.table}: its routes there are not asked."
                fix = (f"ip rule add pref {rule.priority} {rule.selector}",)
                return Finding(place, Cause.POLICY_ROUTE, rule.text, why, fix, QUERIED, "route")
    return None


def _deciding(answers: Answers, asked: Asked) -> tuple[PolicyRule | None, Route | None]:
    """The rule that the packet matches first and that ends the search, with the route that it leads to."""
    for rule in answers.policy_rules:
        if matches(rule, asked.lookup):
            route = matching(answers.tables, rule.table, asked.lookup.destination)
            if route is not None and rule.suppressed is not None and prefix(route).length <= rule.suppressed:
                continue
            if rule.refuses or (route is not None and route.type != THROW):
                return rule, route
    return None, None


def _is_designed(facts: PlaceFacts, rule: PolicyRule) -> bool:
    """Whether it is one of the place's own: then what is wrong is a route of its table."""
    own = facts.every(facts.desired, RoutingRule)
    return any((one.priority, one.selector) == (rule.priority, rule.selector) for one in own)


def _as_designed(facts: PlaceFacts, asked: Asked) -> bool:
    """Whether the answer is the way that the design has."""
    _, desired = facts.routes(asked.lookup.destination)
    found = asked.answer.route
    return found is not None and desired is not None and (found.device, found.via) == (desired.device, desired.via)


def _of_rule(facts: PlaceFacts, rule: PolicyRule, route: Route | None, asked: Asked) -> Finding:
    place = facts.place
    fix = (f"ip rule del pref {rule.priority} {rule.selector}",)
    whom = f"{asked.lookup.source or place} to {asked.lookup.destination}"
    if rule.refuses:
        does = REFUSED[rule.refuses]
    elif route is not None and route.type in REFUSING:
        does = f"leads to table {rule.table}, whose {as_printed(route)} {REFUSING[route.type]}"
    else:
        does = f"leads to table {rule.table}, which sends it by {as_printed(route) if route else 'another route'}"
    whose = "of the topology's author" if facts.alone else "that is not of the design"
    why = f"In {place} an ip rule {whose} {does}: what goes from {whom} does not arrive."
    return Finding(place, Cause.POLICY_ROUTE, rule.text, why, fix, QUERIED, "route")


def martian(case: Case) -> Finding | None:
    """The receiving place holds the packet's source for its own address, and drops it as a martian."""
    for place in case.suspects:
        answers = case.about(place).answers
        for asked in answers.asked:
            came = asked.lookup.incoming and asked.lookup.source and not asked.lookup.is_question
            own = answers.holds(asked.lookup.source) if came else None
            if own is not None and asked.answer.route is None and asked.answer.error in (errno.EINVAL, errno.EXDEV):
                owner = case.labmap.owners.get(asked.lookup.source)
                if (owner is not None and owner[0].name == place) or own.address == remedies.LOOPBACK:
                    continue  # its own packet came back to it
                whose = f"{owner[0].name}'s" if owner and owner[0].name != place else "the sender's"
                why = (
                    f"{place} holds {asked.lookup.source} for its own, which is {whose} address: the kernel drops what "
                    "comes from there as a martian."
                )
                facts = case.about(place)
                fix = remedies.unheld(own, facts.held, facts.desired)
                return Finding(
                    place, Cause.MARTIAN_SOURCE, f"{own.address} dev {own.device}", why, fix, KERNEL, "route"
                )
    return None


def shadowed(case: Case) -> Finding | None:
    """A device that the design has not holds a subnet with the destination in it: what is for there goes to it."""
    for place in case.suspects:
        facts = case.about(place)
        for asked in facts.answers.asked:
            found = asked.answer.route
            if found is None or not _is_foreign(facts, found) or _as_designed(facts, asked):
                continue
            address = next((one for one in facts.answers.addresses if one.device == found.device), None)
            if address is None:
                continue
            owner = case.labmap.owners.get(asked.lookup.destination)
            whom = f"{owner[0].name} ({asked.lookup.destination})" if owner else asked.lookup.destination
            why = (
                f"{found.device} of {place} has the address {address.address}, whose subnet shadows the way to {whom}: "
                "what is for there goes to that device."
            )
            fix = remedies.unheld(address, facts.held, facts.desired)
            return Finding(place, Cause.WRONG_ROUTE, as_printed(found), why, fix, QUERIED, "route")
    return None


def unconnected(case: Case) -> Finding | None:
    """The route that the kernel makes of an address is gone, although the address is there."""
    for place in case.suspects:
        facts = case.about(place)
        for asked in facts.answers.asked:
            _, desired = facts.routes(asked.lookup.destination)
            found = asked.answer.route
            own = facts.answers.holds(asked.lookup.destination)
            if own is not None or desired is None or desired.proto != "kernel" or _as_designed(facts, asked):
                continue
            if found is not None and found.type == "local":
                continue
            own = next((one for one in facts.answers.addresses if _makes(one, desired)), None)
            if own is None:
                continue
            instead = f", and takes it for {as_printed(found)}" if found is not None else ""
            why = f"{place} has no route to {asked.lookup.destination}, although it has {own.address}{instead}."
            route = f"{desired.destination} dev {desired.device} proto kernel scope link"
            fix = remedies.connected(desired, facts.held)
            return Finding(place, Cause.NO_ROUTE, route, why, fix, QUERIED, "route")
    return None


def _makes(address: Address, route: Route) -> bool:
    return address.device == route.device and str(Prefix.of(address.address)) == route.destination


def _is_foreign(facts: PlaceFacts, found: Route) -> bool:
    """A connected route by a device that the design does not have."""
    _, desired = facts.interface(found.device)
    return desired is None and found.device != "lo" and found.proto == "kernel"
