"""The input of `iptables-restore --noflush` that makes chains what they should be, and touches nothing else.

A chain that exists is edited, not written anew: rules that stay keep their counters, and traffic never meets an empty
chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.network.objects import Chain
from lab.plan.edits import edits
from lab.plan.steps import ChainChange

_TABLES = ("raw", "mangle", "filter", "security", "nat")
# iptables-nft sends what stands before one COMMIT as one netlink message. An ordinary user's socket takes 208 KiB
# (net.core.wmem_default) and a rule up to 860 bytes; as root, long ones take time that grows with their square.
LINES = 200


def restore_input(changes: Iterable[ChainChange]) -> str:
    """The text, table by table. A table's changes are one transaction, unless they are more than LINES lines.

    Then chains are filled before those that jump to them, so that at every moment what is reachable is complete.
    """
    by_table: dict[str, list[ChainChange]] = {}
    for change in changes:
        by_table.setdefault(change.chain.table, []).append(change)
    parts = []
    for table in _TABLES:
        lines = list(_lines(by_table.get(table, ())))
        for start in range(0, len(lines), LINES):
            parts += [f"*{table}\n", *lines[start : start + LINES], "COMMIT\n"]
    return "".join(parts)


def _lines(changes: Iterable[ChainChange]) -> Iterator[str]:
    """Declarations, then rules, callees first, then what goes."""
    kept = [change for change in changes if change.action != "remove"]
    removed = [change.chain.name for change in changes if change.action == "remove"]
    for change in kept:
        # Declaring empties a chain that is not built in, so it is for new ones; of a built-in one it sets the policy.
        if change.before is None or change.before.policy != change.chain.policy:
            yield f":{change.chain.name} {change.chain.policy or '-'} [0:0]\n"
    for change in _callees_first(kept):
        yield from _edits(change)
    for name in removed:
        yield f"-F {name}\n"
    for name in removed:
        yield f"-X {name}\n"


def _edits(change: ChainChange) -> Iterable[str]:
    """From the rules that are there to those that should be."""
    name = change.chain.name
    if change.before is None:
        return [f"-A {name} {rule.text}\n" for rule in change.chain.rules]
    return edits(name, [rule.text for rule in change.before.rules], [rule.text for rule in change.chain.rules])


def _callees_first(changes: list[ChainChange]) -> list[ChainChange]:
    """Depth first over jumps; the kernel refuses rules that loop."""
    by_name = {change.chain.name: change for change in changes}
    order: dict[str, ChainChange] = {}
    for root in changes:
        stack: list[tuple[ChainChange, bool]] = [(root, False)]
        while stack:
            change, done = stack.pop()
            if change.chain.name in order:
                continue
            if done:
                order[change.chain.name] = change
                continue
            stack.append((change, True))
            stack += [(by_name[target], False) for target in _targets(change.chain) if target in by_name]
    return list(order.values())


def _targets(chain: Chain) -> list[str]:
    """Where its rules lead: what follows the last -j or -g, chains and plain verdicts alike."""
    texts = [rule.text for rule in chain.rules]
    return [text[max(text.rfind("-j "), text.rfind("-g ")) + 3 :].partition(" ")[0] for text in texts]
