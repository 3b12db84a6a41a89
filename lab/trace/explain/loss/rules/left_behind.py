"""A rule that a kube-proxy of another mode has left behind: not the rule alone is too many, but all that it left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lab.network.kubeproxy.leftovers import NFT, OWN, SERVICES
from lab.network.kubeproxy.nftables.fixed import TABLE
from lab.plan.drift import Drift
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.rules.foreign_rules import met
from lab.trace.journey import QUERIED, Decision

NOT_OURS = "that is not kube-proxy's"
LEFT = "that a kube-proxy of another mode has left"


def left_behind(case: Case, found: Finding) -> Finding:
    """The finding, or if it is of such a rule what was left there."""
    if found.cause != Cause.FOREIGN_RULE:
        return found
    decision = next((one for place, one in met(case, case.direction) if _is(one, place, found)), None)
    drifts = case.about(found.place).drifts
    if decision is None or not (left := _left(drifts, found.place, decision)):
        return found
    lines = tuple(dict.fromkeys(line for one in left for line in one.mends))
    why = found.why.replace(NOT_OURS, LEFT)
    what = NFT if decision.table == f"ip {TABLE}" else SERVICES
    return replace(
        found, cause=Cause.LEFTOVERS, object=what, why=why, fix=lines, evidence=QUERIED, stage="service", elsewhere=()
    )


def _is(one: Decision, place: str, found: Finding) -> bool:
    return (place, one.text) == (found.place, found.object)


def _left(drifts: Iterable[Drift], place: str, decision: Decision) -> list[Drift]:
    """What of its table no design has: none unless all of it was left."""
    if decision.table == f"ip {TABLE}":
        return [one for one in drifts if one.key == ("nft-table", place, TABLE) and one.wanted is None]
    table = decision.table or "filter"
    mine = [one for one in drifts if one.table == table and one.wanted is None]
    whole = any(one.key == ("chain", place, table, SERVICES) for one in mine)
    return mine if whole and decision.chain.startswith(OWN) else []
