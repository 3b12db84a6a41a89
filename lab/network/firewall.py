"""Firewalls of the topology's author: their rules among those of Calico and kube-proxy, as iptables places them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from lab.network.objects import Rule
from lab.network.saved_rule import saved_forms

if TYPE_CHECKING:
    from lab.topology.firewall import FirewallRule
    from lab.topology.schema import Topology

BuiltIn = dict[tuple[str, str], list[Rule]]


def rules_on(topology: Topology, place: str) -> Iterator[FirewallRule]:
    """All rules that the file gives a node or router, in order."""
    for firewall in topology.spec.firewalls:
        if firewall.on == place:
            yield from firewall.parsed


def place_rules(
    rules: Iterable[FirewallRule], place: str, chains: BuiltIn
) -> tuple[dict[tuple[str, str], str], set[tuple[str, str]]]:
    """Put the rules into `chains`, which holds those of the components already, one after the other as iptables does.

    Gives back the policies set, and the chains made, both by (table, chain).
    """
    policies: dict[tuple[str, str], str] = {}
    made: set[tuple[str, str]] = set()
    for rule in rules:
        where = (rule.table, rule.chain)
        if rule.action == "policy":
            policies[where] = rule.text
        elif rule.action == "new":
            made.add(where)
            chains.setdefault(where, [])
        else:
            held = chains.setdefault(where, [])
            texts = saved_forms(rule.text)
            start = min(rule.position - 1, len(held)) if rule.action == "insert" else len(held)
            held[start:start] = [Rule(text, f"firewall of {place}") for text in texts]
    return policies, made
