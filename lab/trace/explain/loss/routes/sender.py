"""The request bears an address that its sender should not have: no answer finds back."""

from __future__ import annotations

from lab.network.objects import Address, Route
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.printed import printed
from lab.trace.journey import QUERIED


def other_address(case: Case) -> Finding | None:
    """By its route, or because it holds another address besides its own, it sends from what nobody else knows."""
    place, address = case.place(case.client), case.passage.exchange.address
    if place is None or any(address == one.partition("/")[0] for link in place.links for one in link.addresses):
        return None
    drifts = case.about(place.name).drifts
    routes = [one for one in drifts if isinstance(one.held, Route) and one.held.src == address]
    held = [one for one in drifts if isinstance(one.held, Address) and one.held.address.partition("/")[0] == address]
    found = (*routes, *held)
    if not found or found[0].held is None:
        return None
    why = f"{place.name} sends from {address}, which is not its own by the design: no answer finds back to it."
    fix = tuple(line for one in found for line in one.mends)
    return Finding(place.name, Cause.WRONG_ROUTE, printed(found[0].held), why, fix, QUERIED)
