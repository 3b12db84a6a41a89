"""The input of `nft -f -` that makes the objects of nft tables what they should be, and touches nothing else.

What is reachable is complete at every moment: chains are filled before anything leads to them, and what is no longer
wanted goes when nothing leads there any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lab.network.kubeproxy.nftables.sources import as_loaded
from lab.network.objects import NftChain, NftElement, NftSet, NftTable
from lab.network.objects.nft_text import DYNAMIC_SIZE, element_text
from lab.plan.steps import Step

# An ordinary user's netlink socket takes 208 KiB at a time (net.core.wmem_default), and that is one transaction. What a
# line takes of it was measured: a rule is an attribute for each of its expressions, all others little more than names.
ROOM = 200_000
# With more room, as the machine's own root has it, more than some megabytes at a time are slower again: for each set
# that a rule names the kernel goes through all that the transaction has done so far.
ROOM_OF_ROOT = 3_000_000
_RULE = "add rule "
_RULE_BYTES, _RULE_FACTOR = 350, 1.6
_OTHER_BYTES, _OTHER_FACTOR = 40, 2.0
_ELEMENTS = 100  # of a line


@dataclass(frozen=True, slots=True)
class Transactions:
    """`removals` come after all `changes` are done.

    Before Linux 6.2 a chain is in use for a moment longer than the element of a map that led to it.
    """

    changes: tuple[str, ...]
    removals: tuple[str, ...]


def transactions(steps: Iterable[Step], room: int = ROOM) -> Transactions:
    """What brings one place from each step's `before` to its object, in transactions of so many bytes of netlink."""
    kept = [step for step in steps if step.action != "remove"]
    removed = [step for step in steps if step.action == "remove"]
    return Transactions(_split(_changes(kept, removed), room), _split(_removals(removed), room))


def _split(units: Iterable[str], room: int) -> tuple[str, ...]:
    """Units joined as long as there is room."""
    parts: list[list[str]] = []
    left = 0.0
    for unit in units:
        weight = _weight(unit)
        if weight > left:
            parts.append([])
            left = room
        parts[-1].append(unit)
        left -= weight
    return tuple("".join(part) for part in parts)


def _weight(unit: str) -> float:
    """Bytes of netlink that the lines take at most."""
    lines, rules = unit.count("\n"), unit.count(_RULE)
    if not rules:
        return _OTHER_BYTES * lines + _OTHER_FACTOR * len(unit)
    return _RULE_BYTES * lines + _RULE_FACTOR * len(unit)


def _changes(steps: Sequence[Step], removed: Sequence[Step]) -> Iterator[str]:
    """Each unit must not be cut in two."""
    for step in steps:
        if isinstance(step.object, NftTable):
            yield f"add table ip {step.object.name}{_comment(step.object.comment)}\n"
    sets = [(step.object, step.before) for step in steps if isinstance(step.object, NftSet)]
    chains = [(step.object, step.before) for step in steps if isinstance(step.object, NftChain)]
    going = [step.object for step in removed if isinstance(step.object, NftChain)]
    yield from _remade(sets, chains, going)
    for item, before in sets:
        if before is None:
            yield _declared_set(item)
    for chain, old in chains:
        if old is None:
            yield _declared_chain(chain)
    yield from (_rules(chain) for chain, old in chains if old is None and not chain.hook)
    yield from (_rules(chain, anew=True) for chain, old in chains if old is not None)
    for item, before in sets:
        assert before is None or isinstance(before, NftSet)
        yield from _elements(item, () if before is None or must_be_remade(item, before) else before.elements)
    yield from (_rules(chain) for chain, old in chains if old is None and chain.hook)


def must_be_remade(item: NftSet, before: NftSet) -> bool:
    """A set of another type cannot be changed: it goes, and with it the rules that name it; then both come again."""
    return (item.type, item.timeout) != (before.type, before.timeout)


def _remade(
    sets: Sequence[tuple[NftSet, object]],
    chains: Sequence[tuple[NftChain, object]],
    going: Iterable[NftChain],
) -> Iterator[str]:
    """Sets of another type and base chains at another hook, emptied of whatever keeps them, made anew."""
    again = [item for item, before in sets if isinstance(before, NftSet) and must_be_remade(item, before)]
    if again:
        naming = [*(chain for chain, before in chains if isinstance(before, NftChain)), *going]
        flushed = "".join(f"flush chain {_name(chain)}\n" for chain in naming)
        yield flushed + "".join(f"delete {item.kind} {_name(item)}\n{_declared_set(item)}" for item in again)
    for chain, before in chains:
        if isinstance(before, NftChain) and before.hook != chain.hook:
            yield f"flush chain {_name(chain)}\ndelete chain {_name(chain)}\n{_declared_chain(chain)}"


def _declared_set(item: NftSet) -> str:
    told = f" size {DYNAMIC_SIZE} ; flags dynamic,timeout ; timeout {item.timeout}s ;" if item.timeout else ""
    comment = f' comment "{item.comment}" ;' if item.comment else ""
    return f"add {item.kind} {_name(item)} {{ type {item.type} ;{told}{comment} }}\n"


def _declared_chain(item: NftChain) -> str:
    if item.hook is None:
        return f"add chain {_name(item)}{_comment(item.comment)}\n"
    hook = f"type {item.hook.type} hook {item.hook.hook} priority {item.hook.priority} ; policy {item.hook.policy} ;"
    return f"add chain {_name(item)} {{ {hook} }}\n"


def _comment(text: str) -> str:
    return f' {{ comment "{text}" ; }}' if text else ""


def _rules(item: NftChain, *, anew: bool = False) -> str:
    name = _name(item)
    first = f"flush chain {name}\n" if anew else ""
    return first + "".join([f"add rule {name} {as_loaded(rule.text)}\n" for rule in item.rules])


def _elements(item: NftSet, before: tuple[NftElement, ...]) -> Iterator[str]:
    """Only those that differ; one that leads elsewhere goes and comes in the same transaction."""
    have, want = {one.key: one for one in before}, {one.key: one for one in item.elements}
    changed = [key for key, one in want.items() if key in have and have[key] != one]
    for some in _batches([key for key in have if key not in want]):
        yield _deleted(item, some)
    for some in _batches(changed):
        yield _deleted(item, some) + _added(item, [want[key] for key in some])
    for some in _batches([key for key in want if key not in have]):
        yield _added(item, [want[key] for key in some])


def _batches(keys: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(keys), _ELEMENTS):
        yield keys[start : start + _ELEMENTS]


def _deleted(item: NftSet, keys: Iterable[str]) -> str:
    return f"delete element {_name(item)} {{ {', '.join(keys)} }}\n"


def _added(item: NftSet, elements: Iterable[NftElement]) -> str:
    return f"add element {_name(item)} {{ {', '.join([element_text(one) for one in elements])} }}\n"


def _removals(removed: Sequence[Step]) -> Iterator[str]:
    """Chains are emptied first: what goes may lead to what goes as well."""
    tables = [step.object.name for step in removed if isinstance(step.object, NftTable)]
    yield from (f"delete table ip {name}\n" for name in tables)
    chains = [step.object for step in removed if isinstance(step.object, NftChain) and step.object.table not in tables]
    sets = [step.object for step in removed if isinstance(step.object, NftSet) and step.object.table not in tables]
    yield from (f"flush chain {_name(item)}\n" for item in chains)
    yield from (f"delete chain {_name(item)}\n" for item in chains)
    yield from (f"delete {item.kind} {_name(item)}\n" for item in sets)


def _name(item: NftSet | NftChain) -> str:
    return f"ip {item.table} {item.name}"
