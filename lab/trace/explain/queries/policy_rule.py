"""Which `ip rule`s a packet matches."""

from __future__ import annotations

from lab.network.ipv4 import Prefix, number
from lab.network.objects.policy_rule import PolicyRule
from lab.trace.explain.queries.route import Lookup


def matches(rule: PolicyRule, lookup: Lookup) -> bool:
    """Whether a packet with these properties may be what the rule is about: its TOS is not known."""
    said = (
        _within(rule.source, lookup.source),
        _within(rule.destination, lookup.destination),
        lookup.mark & rule.mask == rule.mark,
        rule.incoming in ("", lookup.incoming or "lo"),
        rule.outgoing in ("", lookup.outgoing),
        rule.protocol in ("", lookup.protocol),
        rule.sports is None or rule.sports[0] <= lookup.sport <= rule.sports[1],
        rule.dports is None or rule.dports[0] <= lookup.dport <= rule.dports[1],
    )
    return all(said) is not rule.inverted


def _within(prefix: str, address: str) -> bool:
    return not prefix or (bool(address) and number(address) in Prefix.of(prefix))
