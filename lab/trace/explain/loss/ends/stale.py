"""A node whose kube-proxy is stopped: its rules are those of an earlier state of the API."""

from __future__ import annotations

from lab.map.path import OUT
from lab.network.components import KUBE_PROXY
from lab.trace.ask import candidates
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.rules import translation
from lab.trace.journey import REQUEST


def left_behind(case: Case) -> Finding | None:
    """The node that chooses does not know the Service yet, or sends to an endpoint that went."""
    node, (service, port) = case.chooser, case.passage.asked or (None, None)
    stop = next((one for one in case.labmap.stopped if (one.component, one.place) == (KUBE_PROXY, node)), None)
    if stop is None or service is None or port is None or case.direction != REQUEST:
        return None
    whose, now = f"Service {service.full_name}:{port.port}", _endpoints(case)
    if case.untranslated and went_on(case, node):
        address = case.passage.exchange.destination
        why = f"{node} has no rules for {address}, {whose}: {stop.where} is stopped, and has not learnt of it. {now}"
        return Finding(node, Cause.RULES_MISSING, f"{whose} at {address}", why)
    address, number = translation.target(case)
    if case.untranslated or (address, number) in {(one.address, one.port) for one in port.endpoints}:
        return None
    endpoint = f"{address}:{number}" if address in {one.address for one in port.endpoints} else address
    why = f"{node}'s rules still lead {whose} to {endpoint}: {stop.where} is stopped, and has not learnt better. {now}"
    return Finding(node, Cause.STALE_RULES, f"{whose} leads to {endpoint}", why)


def went_on(case: Case, node: str) -> bool:
    """Whether the request was seen beyond the node's rules."""
    return case.last is not None and (case.last.place != node or case.last.way == OUT)


def _endpoints(case: Case) -> str:
    """Whom the API has now, in a sentence."""
    _, port = case.passage.asked or (None, None)
    found = port.preferred if port else ()
    if not found:
        return "By the API it has no endpoint."
    listed = candidates.named([f"{one.name} ({one.address}:{one.port})" for one in found])
    return f"By the API its {'endpoint is' if len(found) == 1 else 'endpoints are'} {listed}."
