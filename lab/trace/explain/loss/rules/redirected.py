"""A REDIRECT in a pod, as a service mesh leaves it behind: to a port where nobody listens any more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.foreign import taken_out
from lab.trace.journey import QUERIED, REQUEST, Decision

REDIRECT = "REDIRECT"
_PORT = re.compile(r"--to-ports (\d+)|redirect to :(\d+)")


@dataclass(frozen=True, slots=True)
class _Redirection:
    """A rule that met it, or that must have."""

    place: str
    rule: Decision
    port: int


def redirected(case: Case) -> Finding | None:
    """A rule of the place itself sent it to another port there."""
    for one in _redirections(case):
        if any(listening.port == one.port for listening in case.about(one.place).answers.listening):
            continue
        why = (
            f"A rule in {one.rule.chain} of {one.rule.table} sends the {case.name} to port {one.port} of {one.place} "
            "itself, where nothing listens. Rules like that are for a service mesh's proxy."
        )
        fix = taken_out(case, one.place, one.rule)
        return Finding(
            one.place, Cause.REDIRECTED, one.rule.text, why, (), one.rule.evidence, "deliver", one.place, fix
        )
    return None


def _redirections(case: Case) -> Iterator[_Redirection]:
    """As netfilter told them; where it told nothing, as connection tracking and the place's rules have them."""
    for hop in reversed(case.hops):
        for decision in hop.decisions if hop.direction == REQUEST else ():
            if decision.verdict == REDIRECT and decision.chain:
                yield _Redirection(hop.place, decision, _port(decision.text) or hop.packet.dport)
    # What a place sends to itself is routed anew behind the rule: netfilter's report fits no sighting.
    answers = case.about(case.client).answers
    for flow in answers.begun:
        for chain, text in answers.redirects:
            if flow.onward.dport == (_port(text) or flow.original.dport):
                rule = Decision("nat", f"-A {chain} {text}", QUERIED, "nat", chain, REDIRECT)
                yield _Redirection(case.client, rule, flow.onward.dport)


def _port(text: str) -> int:
    found = _PORT.search(text)
    return int(next(filter(None, found.groups()))) if found else 0
