"""Network objects as plain JSON and back, for whoever asks the agent what a place should hold.

Values that are a field's default are left out, as in the map of a lab.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from typing import Any

from lab.network.objects import (
    Address,
    Chain,
    FdbEntry,
    Interface,
    Ipip,
    Listener,
    Namespace,
    Neighbour,
    Object,
    Reply,
    Route,
    Rule,
    Sysctl,
    Vxlan,
)

KINDS: dict[str, type] = {
    kind.__name__: kind for kind in (Namespace, Interface, Sysctl, Address, Route, Neighbour, FdbEntry, Chain, Listener)
}
_KIND = "kind of object"  # no field has a name with blanks


def to_plain(objects: Iterable[Object], kinds: Iterable[str] = KINDS) -> list[dict[str, Any]]:
    """The objects of these kinds as dicts for json.dumps; files, processes and sets are never told."""
    wanted = frozenset(kinds)
    return [
        {_KIND: type(item).__name__, **_members(item)}
        for item in objects
        if type(item).__name__ in wanted and type(item).__name__ in KINDS
    ]


def from_plain(told: Iterable[Mapping[str, Any]]) -> tuple[Object, ...]:
    """The objects that `to_plain` was given."""
    return tuple(_object(dict(one)) for one in told)


def _members(item: Any) -> dict[str, Any]:  # noqa: ANN401  any of our frozen dataclasses
    found = {}
    for member in fields(item):
        value = getattr(item, member.name)
        if member.default is MISSING or value != member.default:
            found[member.name] = _value(value)
    return found


def _value(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, tuple):
        return [_members(rule) for rule in value]
    return _members(value) if isinstance(value, Vxlan | Ipip | Reply) else value


def _object(members: dict[str, Any]) -> Object:
    kind = KINDS[members.pop(_KIND)]
    if members.get("vxlan"):
        members["vxlan"] = Vxlan(**members["vxlan"])
    if members.get("ipip") is not None:
        members["ipip"] = Ipip(**members["ipip"])
    if members.get("reply"):
        members["reply"] = Reply(**members["reply"])
    if "rules" in members:
        members["rules"] = tuple(Rule(**rule) for rule in members["rules"])
    made: Object = kind(**members)
    return made
