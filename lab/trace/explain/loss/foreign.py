"""The commands that take out a rule that is not the cluster's own, and leave what the cluster's components made."""

from __future__ import annotations

from lab.network.underlay import firewall as authors
from lab.plan.drift import Drift
from lab.trace.explain.loss import remedies
from lab.trace.explain.loss.examination import Case
from lab.trace.journey import Decision, Mending

COMPONENTS = ("KUBE-", "cali-", "FLANNEL-")
"""How the names of the chains begin that components make in tables which they share."""


def taken_out(case: Case, place: str, decision: Decision) -> tuple[Mending, ...]:
    """None for a rule of the cluster's own. One that stands in a chain of its own several times is taken out as often;
    of a component's table that lacks what it had there, that is brought back.
    """
    if decision.intent and not authors.is_authors(decision.intent):
        return ()
    # The author's own belongs there by the design: what restores a chain leaves it.
    restored = () if decision.intent else _restored(case, place, decision)
    if restored:
        return tuple(Mending(place, line) for line in restored)
    lines = remedies.without(decision) * _times(case, place, decision)
    return tuple(Mending(place, line, authors.held_by(decision.intent)) for line in lines)


def _restored(case: Case, place: str, decision: Decision) -> tuple[str, ...]:
    """What brings back the component's own where the rule stands: its chain, or what leads elsewhere than to it."""
    lacking = [one for one in _of_table(case, place, decision) if one.wanted is not None and one.missing]
    there = [one for one in lacking if getattr(one.wanted, "name", "") == decision.chain]
    designed = any(
        getattr(one.wanted, "name", "") == decision.chain for one in _of_table(case, place, decision) if one.wanted
    )
    made_up = not designed and (decision.table.startswith("ip ") or decision.chain.startswith(COMPONENTS))
    return tuple(dict.fromkeys(line for one in (there or (lacking if made_up else ())) for line in one.mends))


def _times(case: Case, place: str, decision: Decision) -> int:
    """How often it stands in its chain, as far as that is known; nft's have a handle each."""
    if not decision.text.startswith("-A "):
        return 1
    return max(1, sum(one.foreign.count(decision.text) for one in _of_table(case, place, decision)))


def _of_table(case: Case, place: str, decision: Decision) -> list[Drift]:
    table = decision.table or "filter"
    return [one for one in case.about(place).drifts if one.table == table]
