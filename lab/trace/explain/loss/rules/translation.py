"""A translation that is not the cluster's own, and leads astray: reported by netfilter while it happened."""

from __future__ import annotations

import re

from lab.network.underlay import firewall as authors
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.foreign import taken_out
from lab.trace.journey import KERNEL, REQUEST, Decision, Hop

OF_SOURCE = ("SNAT", "MASQUERADE")
_TO = re.compile(r"(?:--to-destination |\bdnat to |\b\d+ : )([0-9.]+)")


def of_the_tunnel(case: Case) -> Finding | None:
    """The source of the tunnel's packet was translated: at the other end nobody knows it."""
    for hop in case.hops:
        if hop.direction == case.direction and hop.packet.outer is not None:
            for decision in hop.decisions:
                if decision.verdict in OF_SOURCE and _is_foreign(decision):
                    whose = "the tunnel's own address" if case.place(hop.place) else "its address"
                    why = f"A rule in {hop.place} gives the tunnel's packets another source than {whose}."
                    return _finding(case, hop, decision, why)
    return None


def to_nobody(case: Case) -> Finding | None:
    """A rule, not the cluster's, gave it a destination that no endpoint of the Service has."""
    service, port = case.passage.asked or (None, None)
    for hop in case.hops:
        if hop.direction != REQUEST:
            continue
        for decision in hop.decisions:
            if not decision.chain or not _redirects(decision):
                continue
            if _is_foreign(decision) and _leads_astray(case):
                meant = f"no endpoint of Service {service.full_name}" if service and port else "not where it was sent"
                why = (
                    f"A rule in {hop.place} that {_whose(decision)} turns {case.passage.exchange.destination} into "
                    f"{_said(case, decision)}, which is {meant}."
                )
                return _finding(case, hop, decision, why)
    return None


def _whose(decision: Decision) -> str:
    """A chain of kube-proxy's may be one that it left behind."""
    return "kube-proxy would not have there now" if decision.chain.startswith("KUBE-") else "is not kube-proxy's"


def _said(case: Case, decision: Decision) -> str:
    """Where it leads; with the port where the address is an endpoint's. What was not seen afterwards the rule says."""
    endpoint, (_, port) = case.passage.endpoint, case.passage.asked or (None, None)
    if endpoint == case.passage.exchange.destination:
        return " or ".join(_TO.findall(decision.text)) or endpoint
    known = port is not None and endpoint in {one.address for one in port.endpoints}
    return f"{endpoint}:{target(case)[1]}" if known else endpoint


def _redirects(decision: Decision) -> bool:
    return decision.verdict in ("DNAT", "REDIRECT") or "-j NETMAP " in decision.text


def _leads_astray(case: Case) -> bool:
    endpoint, (_, port) = case.passage.endpoint, case.passage.asked or (None, None)
    if port is not None:
        return target(case) not in {(one.address, one.port) for one in port.endpoints}
    return endpoint != case.passage.exchange.destination


def target(case: Case) -> tuple[str, int]:
    """Address and port to which it was seen going behind the translation."""
    endpoint = case.passage.endpoint
    packets = (part.observation.packet for part in case.passage.request)
    return endpoint, next((one.dport for one in packets if one.dst == endpoint), 0)


def _is_foreign(decision: Decision) -> bool:
    """Whether the cluster's components did not make it; the topology's author may have."""
    return not decision.intent or authors.is_authors(decision.intent)


def _finding(case: Case, hop: Hop, decision: Decision, why: str) -> Finding:
    fix = taken_out(case, hop.place, decision)
    return Finding(hop.place, Cause.FOREIGN_RULE, decision.text, why, (), KERNEL, "service", "", fix)
