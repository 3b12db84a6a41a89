"""What differs between the rules of one chain as they should be and as they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from lab.network.kubeproxy.difference.finding import Finding, Kind
from lab.network.kubeproxy.difference.saved import SavedRule

Rules = Sequence[SavedRule]


def rule_differences(
    service: str, chain: str, want: Rules, have: Rules, *, ordered: bool = True, beyond: Kind = "foreign"
) -> Iterator[Finding]:
    """In the order of the rules. `beyond` is what a rule is that has no counterpart in `want`.

    Of two that ask the same, or lead to the same place, one is the other's stale form.
    """
    missing, beyond_rules = without(want, have), without(have, want)
    if not missing and not beyond_rules:
        if ordered and [rule.key for rule in want] != [rule.key for rule in have]:
            yield Finding("stale", service, f"the rules of {chain} are in another order")
        return
    for rule in missing:
        counterpart = _counterpart(service, rule, beyond_rules)
        if counterpart is None:
            meaning = f" ({rule.intent})" if rule.intent else ""
            yield Finding("missing", service, f"the rule -A {chain} {rule.text}{meaning}")
        else:
            beyond_rules.remove(counterpart)
            yield Finding("stale", service, f"-A {chain} {counterpart.text}; it should be -A {chain} {rule.text}")
    for rule in beyond_rules:
        yield Finding(beyond, service, f"the rule -A {chain} {rule.text}")


def without(rules: Rules, others: Rules) -> list[SavedRule]:
    """Those that the others do not have, or not as often."""
    left = Counter(rule.key for rule in others)
    found = []
    for rule in rules:
        if left[rule.key]:
            left[rule.key] -= 1
        else:
            found.append(rule)
    return found


def _counterpart(service: str, rule: SavedRule, among: Rules) -> SavedRule | None:
    asking_alike = [other for other in among if other.conditions == rule.conditions]
    telling = bool(service) or rule.chain.startswith("KUBE-")  # a plain verdict alone makes no two rules alike
    leading_alike = [other for other in among if telling and other.target == rule.target]
    return next(iter([*asking_alike, *leading_alike]), None)
