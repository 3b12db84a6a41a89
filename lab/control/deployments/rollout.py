"""How far a Deployment's ReplicaSets are scaled in one step of a rolling update. Pure arithmetic.

Source: kube-controller-manager's deployment controller: rolling.go, and deploymentutil's bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

from lab.api.store import Json


@dataclass(frozen=True, slots=True)
class Scale:
    """One ReplicaSet: what is asked of it, and how many of its pods are available."""

    name: str
    replicas: int
    available: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many pods there may be above those wanted, and how many of those wanted may be unavailable."""

    surge: int
    unavailable: int

    @classmethod
    def of(cls, deployment: Json) -> Bounds:
        """For Recreate, none above; all may be missing at once."""
        spec = deployment["spec"]
        replicas = int(spec.get("replicas", 1))
        strategy = spec.get("strategy") or {}
        if strategy.get("type") == "Recreate":
            return cls(0, replicas)
        rolling = strategy.get("rollingUpdate") or {}
        surge = _share(rolling.get("maxSurge", "25%"), replicas, up=True)
        unavailable = _share(rolling.get("maxUnavailable", "25%"), replicas, up=False)
        return cls(surge, min(unavailable, replicas) if surge or unavailable else 1)


def _share(value: int | str, of: int, *, up: bool) -> int:
    if isinstance(value, str) and value.endswith("%"):
        part = of * int(value[:-1]) / 100
        return ceil(part) if up else floor(part)
    return int(value)


def new_replicas(wanted: int, new: int, olds: Sequence[Scale], bounds: Bounds) -> int:
    """The replicas of the ReplicaSet of the present template, which has `new` now."""
    if new >= wanted:
        return wanted
    room = wanted + bounds.surge - new - sum(old.replicas for old in olds)
    return new + max(0, min(room, wanted - new))


def old_replicas(wanted: int, new: Scale, olds: Sequence[Scale], bounds: Bounds) -> dict[str, int]:
    """The replicas of those of former templates that lose some, oldest first. Pods that are not available go first:
    nobody misses them.
    """
    left = {old.name: old.replicas for old in olds if old.replicas}
    least = wanted - bounds.unavailable
    unavailable = max(0, new.replicas - new.available)
    spare = sum(left.values()) + new.replicas - least - unavailable
    if not left or spare <= 0:
        return {}
    for old in olds:
        broken = min(spare, max(0, old.replicas - old.available))
        if broken:
            left[old.name] -= broken
            spare -= broken
    available = new.available + sum(min(old.available, old.replicas) for old in olds)
    spare = min(spare, available - least)
    for old in olds:
        taken = min(max(0, spare), left.get(old.name, 0))
        if taken:
            left[old.name] -= taken
            spare -= taken
    return {old.name: left[old.name] for old in olds if left.get(old.name, old.replicas) != old.replicas}
