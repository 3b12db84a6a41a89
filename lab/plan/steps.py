"""The steps of a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from lab.network.objects import (
    Chain,
    Interface,
    Key,
    Namespace,
    NextHop,
    NftChain,
    NftSet,
    Object,
    Qdisc,
    Rule,
    VirtualServer,
)
from lab.network.objects.nft_text import element_text
from lab.network.objects.policy_rule import PolicyRule

Action = Literal["add", "change", "remove"]
ACTIONS: tuple[Action, ...] = ("add", "change", "remove")


@dataclass(frozen=True, slots=True)
class Step:
    """One object to add, change or remove. `before` is what is there now, when something is."""

    action: Action
    object: Object
    before: Object | None = None

    @property
    def place(self) -> str:
        return self.object.place

    @property
    def reason(self) -> str:
        """Why: what the object is for, and what is the matter with what is there."""
        return _reason(self.action, self.object, self.before)


@dataclass(frozen=True, slots=True)
class ChainChange:
    """One chain of a rule step; `before` is None for a new one."""

    action: Action
    chain: Chain
    before: Chain | None = None

    @property
    def reason(self) -> str:
        return _reason(self.action, self.chain, self.before)


@dataclass(frozen=True, slots=True)
class RuleStep:
    """All chains of one place that differ: one `iptables-restore --noflush`."""

    place: str
    changes: tuple[ChainChange, ...]

    @property
    def reason(self) -> str:
        return f"chains: {_counted(change.action for change in self.changes)}"


@dataclass(frozen=True, slots=True)
class NftStep:
    """All objects of one place's nft tables that differ: one `nft -f -`, or several when they are many."""

    place: str
    changes: tuple[Step, ...]

    @property
    def reason(self) -> str:
        return f"nftables: {_counted(change.action for change in self.changes)}"


AnyStep = Step | RuleStep | NftStep


def takes_more_away(step: AnyStep) -> bool:
    """Whether more goes with it than is said of it: what is in a place, hangs on a link, or stands behind a virtual
    server.
    """
    going = step.object if isinstance(step, Step) and step.action == "remove" else None
    return isinstance(going, Namespace | Interface | VirtualServer)


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in the order in which they must be carried out; empty when nothing differs."""

    steps: tuple[AnyStep, ...]

    def __bool__(self) -> bool:
        return bool(self.steps)

    @property
    def keys(self) -> frozenset[Key]:
        """Of all objects that it changes."""
        return frozenset(key for step in self.steps for key in _keys(step))

    def about(self, keys: Container[Key]) -> Plan:
        """What of it changes these objects."""
        return Plan(tuple(left for step in self.steps if (left := _about(step, keys)) is not None))

    def without(self, keys: Container[Key]) -> Plan:
        """What of it changes none of these objects."""
        return self.about(self.keys - frozenset(key for key in self.keys if key in keys))

    def __len__(self) -> int:
        return sum(1 if isinstance(step, Step) else len(step.changes) for step in self.steps)


def _keys(step: AnyStep) -> Iterator[Key]:
    match step:
        case Step():
            yield step.object.key
        case RuleStep():
            yield from (change.chain.key for change in step.changes)
        case NftStep():
            yield from (change.object.key for change in step.changes)


def _about(step: AnyStep, keys: Container[Key]) -> AnyStep | None:
    match step:
        case Step():
            return step if step.object.key in keys else None
        case RuleStep():
            chains = tuple(one for one in step.changes if one.chain.key in keys)
            return replace(step, changes=chains) if chains else None
        case NftStep():
            changes = tuple(one for one in step.changes if one.object.key in keys)
            return replace(step, changes=changes) if changes else None


def _counted(actions: Iterable[Action]) -> str:
    """`3 to add, 1 to remove`."""
    counts = Counter(actions)
    return ", ".join(f"{counts[action]} to {action}" for action in ACTIONS if counts[action])


def _reason(action: Action, item: Object, before: Object | None) -> str:
    if action == "remove":
        return f"not in the file: {item.intent}" if item.intent else "not in the file"
    if before is None:
        return item.intent or "missing"
    differs = ", ".join(_differences(before, item))
    return f"{item.intent}: {differs}" if item.intent else differs


# Fields that are digests of what a program reads: to a person they say nothing.
_DIGESTS = {
    "private_key": "has another private key",
    "config": "is to read another configuration",
    "reload": "is to read its changed configuration again",
}
_HEXADECIMAL = ("mark", "mask")


def _differences(before: Object, after: Object) -> list[str]:
    told = []
    if isinstance(before, Qdisc) and isinstance(after, Qdisc):
        return [f"is {before.words}, should be {after.words}"]
    if isinstance(before, Chain) and isinstance(after, Chain) and before.policy == after.policy:
        return _of_rules(before.rules, after.rules) or ["rules in another order"]
    if isinstance(before, NftChain) and isinstance(after, NftChain) and before.hook == after.hook:
        told = _of_rules(before.rules, after.rules)
        return told or ["written again with the set that it names" if before == after else "rules in another order"]
    if isinstance(before, NftSet) and isinstance(after, NftSet) and before.elements != after.elements:
        have, want = {*before.elements}, {*after.elements}
        told = [f"missing element {element_text(one)!r}" for one in after.elements if one not in have]
        return told + [f"foreign element {element_text(one)!r}" for one in before.elements if one not in want]
    for name in type(after).__dataclass_fields__:
        if not type(after).__dataclass_fields__[name].compare:
            continue
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            told.append(_DIGESTS.get(name) or f"{name} is {_shown(name, old)}, should be {_shown(name, new)}")
    return told


def _of_rules(before: Iterable[Rule], after: Iterable[Rule]) -> list[str]:
    have, want = [rule.text for rule in before], [rule.text for rule in after]
    told = [f"missing rule {text!r}" for text in want if text not in have]
    return told + [f"foreign rule {text!r}" for text in have if text not in want]


def _shown(name: str, value: object) -> str:
    written = "none" if value in ("", None) else str(value).replace("\n", "\\n")
    if isinstance(value, PolicyRule):
        written = value.text
    if name in _HEXADECIMAL and isinstance(value, int):
        written = hex(value)
    elif isinstance(value, tuple) and all(isinstance(one, str | NextHop) for one in value):
        written = ", ".join(one if isinstance(one, str) else one.words for one in value) or "none"
    return written if len(written) <= 60 else f"{written[:57]}..."
