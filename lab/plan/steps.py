"""The steps of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.network.objects import Chain, Object

Action = Literal["add", "change", "remove"]


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
        counts = {
            action: sum(change.action == action for change in self.changes) for action in ("add", "change", "remove")
        }
        told = [f"{number} to {action}" for action, number in counts.items() if number]
        return f"chains: {', '.join(told)}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in the order in which they must be carried out; empty when nothing differs."""

    steps: tuple[Step | RuleStep, ...]

    def __bool__(self) -> bool:
        return bool(self.steps)

    def __len__(self) -> int:
        return sum(len(step.changes) if isinstance(step, RuleStep) else 1 for step in self.steps)


def _reason(action: Action, item: Object, before: Object | None) -> str:
    if action == "remove":
        return f"not in the file: {item.intent}" if item.intent else "not in the file"
    if before is None:
        return item.intent or "missing"
    differs = ", ".join(_differences(before, item))
    return f"{item.intent}: {differs}" if item.intent else differs


def _differences(before: Object, after: Object) -> list[str]:
    told = []
    if isinstance(before, Chain) and isinstance(after, Chain) and before.policy == after.policy:
        have, want = [rule.text for rule in before.rules], [rule.text for rule in after.rules]
        told = [f"missing rule {text!r}" for text in want if text not in have]
        told += [f"foreign rule {text!r}" for text in have if text not in want]
        return told or ["rules in another order"]
    for name in type(after).__dataclass_fields__:
        if not type(after).__dataclass_fields__[name].compare:
            continue
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            told.append(f"{name} is {_shown(old)}, should be {_shown(new)}")
    return told


def _shown(value: object) -> str:
    written = "none" if value in ("", None) else str(value).replace("\n", "\\n")
    return written if len(written) <= 60 else f"{written[:57]}..."
