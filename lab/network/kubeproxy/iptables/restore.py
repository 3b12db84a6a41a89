"""The whole of kube-proxy's rules as a text: input of `iptables-restore --noflush`, in the form of `iptables-save`.

Chains of its own are declared, and with that emptied. Built-in chains are not: that would set their policy. What stands
in them is appended, so that the machine's other rules stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from lab.network.objects import Chain, Rule

TABLES = ("filter", "nat")
_MEANING = {
    "PREROUTING": "what arrives",
    "INPUT": "what is for the node itself",
    "FORWARD": "what passes through the node",
    "OUTPUT": "what the node itself sends",
    "POSTROUTING": "what leaves",
}


def built_in_chains(place: str, rules: Mapping[tuple[str, str], tuple[Rule, ...]]) -> tuple[Chain, ...]:
    """The built-in chains with kube-proxy's jumps, by (table, chain), and nothing else in them."""
    found = rules.items()
    return tuple(Chain(place, table, name, rules, "ACCEPT", _MEANING[name]) for (table, name), rules in found)


def restore_text(chains: Iterable[Chain], *, explained: bool = False) -> str:
    """The text; `explained` puts each chain's and each rule's meaning above it, as comments."""
    by_table: dict[str, list[Chain]] = {table: [] for table in TABLES}
    for chain in chains:
        by_table[chain.table].append(chain)
    lines: list[str] = []
    for table, own in by_table.items():
        lines.append(f"*{table}")
        lines += [f":{chain.name} - [0:0]" for chain in own if not chain.policy]
        for chain in own:
            lines += _explained(chain) if explained else [f"-A {chain.name} {rule.text}" for rule in chain.rules]
        lines.append("COMMIT")
    return "\n".join(lines) + "\n"


def _explained(chain: Chain) -> Iterator[str]:
    yield ""
    yield f"# {chain.name}: {chain.intent}{'' if chain.rules else ' (no rules)'}"
    for rule in chain.rules:
        if rule.intent and rule.intent != chain.intent:
            yield f"#   {rule.intent}"
        yield f"-A {chain.name} {rule.text}"
