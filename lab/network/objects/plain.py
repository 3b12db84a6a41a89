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
    File,
    Interface,
    Ipip,
    IpSet,
    Listener,
    Namespace,
    Neighbour,
    NextHop,
    NftChain,
    NftElement,
    NftHook,
    NftSet,
    NftTable,
    Object,
    Offload,
    Process,
    Qdisc,
    RealServer,
    Reply,
    Route,
    RoutingRule,
    Rule,
    Symlink,
    Sysctl,
    VirtualServer,
    Vxlan,
    WireguardDevice,
    WireguardPeer,
)
from lab.network.objects.policy_rule import PolicyRule

KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        *(Namespace, Interface, Sysctl, Offload, Qdisc, Address, Route, RoutingRule, Neighbour, FdbEntry),
        *(WireguardDevice, WireguardPeer),
        *(IpSet, VirtualServer, RealServer, Chain, NftTable, NftSet, NftChain, File, Symlink, Listener, Process),
    )
}
_PARTS: dict[str, type] = {"vxlan": Vxlan, "ipip": Ipip, "reply": Reply, "hook": NftHook, "further": PolicyRule}
_INSTEAD = "instead"  # an object of the same kind
_KIND = "kind of object"  # no field has a name with blanks


def to_plain(objects: Iterable[Object], kinds: Iterable[str] = KINDS) -> list[dict[str, Any]]:
    """The objects of these kinds as dicts for json.dumps."""
    wanted = frozenset(kinds)
    return [{_KIND: type(item).__name__, **_members(item)} for item in objects if type(item).__name__ in wanted]


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
        return [one if isinstance(one, str | int) else _members(one) for one in value]
    return value if value is None or isinstance(value, str | int | float) else _members(value)


def _object(members: dict[str, Any]) -> Object:
    kind = KINDS[members.pop(_KIND)]
    for name, part in _PARTS.items():
        if members.get(name) is not None:
            members[name] = part(**_tuples(members[name]))
    if members.get(_INSTEAD) is not None:
        members[_INSTEAD] = _object({_KIND: kind.__name__, **members[_INSTEAD]})
    members = _tuples(members)
    made: Object = kind(**members)
    return made


def _tuples(members: Mapping[str, Any]) -> dict[str, Any]:
    """With tuples in place of lists, of what they are made of."""
    found = dict(members)
    for name, value in members.items():
        if isinstance(value, list):
            of = {"rules": _rule, "elements": _element, "hops": _hop}.get(name)
            found[name] = tuple(of(one) if of else one for one in value)
    return found


def _rule(told: Mapping[str, Any]) -> Rule:
    return Rule(told["text"], told.get("intent", ""), tuple(told.get("choices", ())))


def _element(told: Mapping[str, Any]) -> NftElement:
    return NftElement(**told)


def _hop(told: Mapping[str, Any]) -> NextHop:
    return NextHop(**told)
