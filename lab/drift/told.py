"""What places hold otherwise than a network has it, as entries of a file's `spec.drift`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from lab.drift import plain_objects, rule_edits, set_edits
from lab.network.objects import Chain, IpSet, Network, Object, Sysctl

T = TypeVar("T", bound=Object)


def told(designed: Network, held: Network) -> list[dict[str, Any]]:
    """An entry for each place in which something differs, in the design's order."""
    places = dict.fromkeys(item.place for item in (*designed, *held))
    was, now = designed.by_place(), held.by_place()
    entries = ({"on": place, **_of_place(was.get(place, ()), now.get(place, ()))} for place in places)
    return [entry for entry in entries if len(entry) > 1]


def _of_place(was: Iterable[Object], now: Iterable[Object]) -> dict[str, Any]:
    before, after = {item.key: item for item in was}, {item.key: item for item in now}
    kinds = tuple(plain_objects.KINDS.values())
    objects = [
        plain_objects.told(item, designed=key in before)
        for key, item in sorted(after.items(), key=lambda one: (one[1].rank, one[0]))
        if isinstance(item, kinds) and before.get(key) != item
        if key in before or not isinstance(item, Sysctl)  # a setting that nobody designed is always there
    ]
    gone = [
        plain_objects.words(key)
        for key, item in sorted(before.items(), key=lambda one: (one[1].rank, one[0]))
        if isinstance(item, kinds) and key not in after and not isinstance(item, Sysctl)
    ]
    found: dict[str, Any] = {
        "rules": rule_edits.written(_of(before.values(), Chain), _of(after.values(), Chain)),
        "sets": set_edits.written(_of(before.values(), IpSet), _of(after.values(), IpSet)),
        "objects": objects,
        "gone": gone,
    }
    return {name: value for name, value in found.items() if value}


def _of(items: Iterable[Object], kind: type[T]) -> list[T]:
    return [item for item in items if isinstance(item, kind)]
