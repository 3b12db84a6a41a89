"""Firewalls of the topology's author: their rules among those of Calico and kube-proxy, as iptables places them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from lab.network.objects import IpSet, Rule
from lab.network.objects.saved_rule import saved_forms

if TYPE_CHECKING:
    from lab.topology.firewall.iptables_rule import FirewallRule
    from lab.topology.schema import Topology

_HELD = re.compile(r"\bfirewall of \S+(?: \(([^()]+:\d+)\))?$")


def intent(place: str, origin: str = "") -> str:
    """What a rule of the author's is for: `firewall of node-2 (two-subnet.yaml:31)`."""
    return f"firewall of {place}{f' ({origin})' if origin else ''}"


def is_authors(said: str) -> bool:
    """Whether an intent is that of a rule, chain or policy of the topology's author."""
    return _HELD.search(said) is not None


def held_by(said: str) -> str:
    """The file and line that hold the rule with this intent; "" when that is not known, or it is not the author's."""
    found = _HELD.search(said)
    return (found[1] or "") if found else ""


BuiltIn = dict[tuple[str, str], list[Rule]]


def rules_on(topology: Topology, place: str) -> Iterator[FirewallRule]:
    """All rules that the file gives a node or router, in order."""
    for firewall in topology.spec.firewalls:
        if firewall.on == place:
            yield from firewall.parsed


def sets(topology: Topology) -> Iterator[IpSet]:
    """The sets that the file gives nodes and routers; those that hold other sets last."""
    for firewall in topology.spec.firewalls:
        for one in sorted(firewall.sets, key=lambda one: one.type.startswith("list:")):
            yield IpSet(firewall.on, one.name, one.type, one.members, intent(firewall.on))


def place_rules(
    rules: Iterable[FirewallRule], place: str, chains: BuiltIn
) -> tuple[dict[tuple[str, str], FirewallRule], set[tuple[str, str]]]:
    """Put the rules into `chains`, which holds those of the components already, one after the other as iptables does.

    Gives back the policies set, and the chains made, both by (table, chain).
    """
    policies: dict[tuple[str, str], FirewallRule] = {}
    made: set[tuple[str, str]] = set()
    for rule in rules:
        where = (rule.table, rule.chain)
        if rule.action == "policy":
            policies[where] = rule
        elif rule.action == "new":
            made.add(where)
            chains.setdefault(where, [])
        else:
            held = chains.setdefault(where, [])
            texts = saved_forms(rule.text)
            start = min(rule.position - 1, len(held)) if rule.action == "insert" else len(held)
            held[start:start] = [Rule(text, intent(place, rule.origin)) for text in texts]
    return policies, made
