"""A client outside of the cluster: what only nodes know, and what no route leads to them."""

from __future__ import annotations

from lab.trace.ask.candidates import home
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.journey import REQUEST


def led_to_no_node(case: Case) -> Finding | None:
    """A Service's address for the outside: nodes answer for it, and somebody has to lead it to one."""
    exchange, (service, _) = case.passage.exchange, case.passage.asked or (None, None)
    if service is None or not _is_outside(case) or not case.untranslated:
        return None
    if exchange.destination not in (*service.load_balancer_ips, *service.external_ips):
        return None
    if any((place := case.place(one.place)) is not None and place.kind == "node" for one in case.seen):
        return None
    kind = "a load balancer's address" if exchange.destination in service.load_balancer_ips else "an external IP"
    why = (
        f"{exchange.destination} is {kind} of Service {service.full_name}, for which nodes answer, and nothing leads "
        f"it to a node: a lab has no load balancer. A route to a node's address does, or a node port is asked."
    )
    return Finding(_ended(case), Cause.NO_ROUTE, exchange.destination, why)


def behind_the_nodes(case: Case) -> Finding | None:
    """A place whose address others reach, and the asker has no way to by the design."""
    address = case.passage.exchange.destination
    owner, _ = case.labmap.owners.get(address, (None, None))
    if owner is None or not _is_outside(case) or case.path.end:
        return None
    if owner.kind == "pod":
        why = f"{address} of {owner.name} is known to nodes only, which wrap what is for it: nobody else has a route."
    else:
        why = f"{address} of {owner.name} is a private address, of which {_ended(case)} knows nothing."
    return Finding(_ended(case), Cause.NO_ROUTE, address, why)


def _is_outside(case: Case) -> bool:
    source = case.place(case.passage.exchange.source)
    return case.direction == REQUEST and source is not None and not home(source)


def _ended(case: Case) -> str:
    return case.last.place if case.last is not None else case.passage.exchange.source
