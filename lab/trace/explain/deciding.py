"""Which of a hop's many decisions made the difference: a packet meets dozens of rules, and one of them sends it on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lab.trace.journey import REPLY, Decision, Hop

DISSENT = "not what was seen"
"""So begins the verdict of an answer that does not fit what was captured."""
REWRITING = ("SNAT", "MASQUERADE")
ENDED = ("DROP", "REJECT", "dropped")
# What is asked of each step, most important first; of a reply only what translates it back.
ASKED: dict[int, tuple[str, ...]] = {
    1: ("nat", "dns"),
    2: ("ipvs", "nat", "rule"),
    3: ("route", "nat"),
    4: ("fdb", "route"),
    5: ("rule",),
    6: ("listener", "route", "fdb"),
}
ASKED_OF_REPLY = ("nat",)


def deciding(hops: Sequence[Hop]) -> dict[int, Decision]:
    """By the hops' numbers: the deciding one of each place in each step, and whatever ended the packet or is odd."""
    found: dict[int, Decision] = {}
    told: set[tuple[str, int, str]] = set()
    for hop in hops:
        ended = [one for one in hop.decisions if is_ending(one) or one.verdict.startswith(DISSENT)]
        if ended:
            found[hop.seq] = ended[-1]
            told.add((hop.direction, hop.step, hop.place))
    for kinds in range(max(map(len, ASKED.values()))):
        for hop in hops:
            asked = ASKED_OF_REPLY if hop.direction == REPLY else ASKED[hop.step]
            where = (hop.direction, hop.step, hop.place)
            if where in told or kinds >= len(asked):
                continue
            one = strongest(decision for decision in hop.decisions if decision.kind == asked[kinds])
            if one is not None:
                found[hop.seq] = one
                told.add(where)
    return found


def strongest(decisions: Iterable[Decision]) -> Decision | None:
    """The one that weighs most; the last of those that weigh the same, for a chain ends with what decides."""
    best: Decision | None = None
    for one in decisions:
        if best is None or _weight(one) >= _weight(best):
            best = one
    return best


def rewriting(hop: Hop) -> Decision | None:
    """The rule that gave the packet another source before it was seen here."""
    return strongest(one for one in hop.decisions if one.verdict in REWRITING and one.chain)


def is_ending(decision: Decision) -> bool:
    """Whether it ended the packet."""
    return decision.verdict in ENDED


def _weight(decision: Decision) -> int:
    """A verdict weighs more than a jump, a rule more than a policy, the filter table more than another; and of a
    translation the rule that made it more than what conntrack says came of it.
    """
    if decision.kind == "nat":
        return 1 if decision.chain else 0
    if decision.kind != "rule" or not (decision.verdict.isupper() or is_ending(decision)):
        return 0
    policy = decision.text.startswith(("-P ", "policy "))
    filtering = decision.table.endswith("filter")
    return (8 if is_ending(decision) else 0) + (1 if policy else 4) + (1 if filtering else 0)
