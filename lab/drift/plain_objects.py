"""Objects of a network as a person reads them in a file (`{kind: Route, destination: …}`), judged field by field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from ipaddress import IPv4Address, IPv4Interface
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lab.network.objects import (
    Address,
    FdbEntry,
    File,
    Interface,
    Key,
    Listener,
    Neighbour,
    NftChain,
    NftSet,
    NftTable,
    Object,
    Offload,
    Qdisc,
    RealServer,
    Route,
    RoutingRule,
    Sysctl,
    VirtualServer,
    WireguardPeer,
)
from lab.network.objects.plain import to_plain
from lab.suggestion import did_you_mean
from lab.topology.machine.route import HELD_TYPES

KINDS: dict[str, type] = {
    one.__name__: one
    for one in (
        *(Interface, Sysctl, Offload, Qdisc, Address, Route, RoutingRule, Neighbour, FdbEntry, WireguardPeer),
        *(VirtualServer, RealServer, NftTable, NftSet, NftChain, File, Listener),
    )
}
"""Of what else a place has, programs are the agent's to keep, and chains and sets have words of their own."""

MOST_TEXT = 65_536
_UNTOLD = ("place", "intent", "instead", "choices", "comment")
_DEVICE = re.compile(r"[^\s/\x00-\x1f]{1,15}")
_SYSCTL = re.compile(r"net(?:\.[-A-Za-z0-9_]+)+")
_PATTERNS = {
    **dict.fromkeys(("device", "master", "incoming", "outgoing", "peer_name"), _DEVICE),
    "mac": re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}"),
    "value": re.compile(r"[-0-9\t ]{1,64}"),
    **dict.fromkeys(
        ("proto", "table", "scope", "type", "kind", "protocol", "scheduler", "df"), re.compile(r"[^\n;{}]{1,200}")
    ),
}
_ADDRESSES = ("via", "src", "local", "remote", "address", "destination", "source")
_PREFIXES = ((Address, "address"), (Route, "destination"), (RoutingRule, "source"), (RoutingRule, "destination"))
_NO_ADDRESS = ("", "default", "all")


class UnfitError(ValueError):
    """No such object: str() is the problem, `remedy` what would be right."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.remedy = remedy


def told(item: Object, *, designed: bool) -> dict[str, Any]:
    """All that the kernel has of it, without its place and what it is for; of one that is `designed` nothing else."""
    members = _without_intents(to_plain([item])[0])
    for one in fields(item) if designed else ():
        if not one.compare:
            members.pop(one.name, None)
    members.pop("kind of object")
    name = type(item).__name__
    # Interface and Qdisc have a kind of their own.
    own = {"of": members.pop("kind")} if "kind" in members else {}
    return {"kind": name, **own, **members}


def _without_intents(value: Any) -> Any:  # noqa: ANN401  JSON
    if isinstance(value, dict):
        return {name: _without_intents(one) for name, one in value.items() if name not in _UNTOLD}
    return [_without_intents(one) for one in value] if isinstance(value, list) else value


def read(place: str, said: Mapping[str, Any]) -> Object:
    """The object. UnfitError."""
    kind = KINDS.get(str(said.get("kind", "")))
    if kind is None:
        raise UnfitError(f"there is no kind {str(said.get('kind'))[:40]!r}", f"one of: {', '.join(KINDS)}")
    members = {("kind" if name == "of" else name): value for name, value in said.items() if name != "kind"}
    known = {one.name for one in fields(kind)} - {*_UNTOLD}
    for name in members:
        if name not in known:
            told = sorted("of" if one == "kind" else one for one in known)
            raise UnfitError(
                f"a {kind.__name__} has no {name[:40]!r}", did_you_mean(name, told, f"it has {', '.join(told)}")
            )
    try:
        made: Object = _adapter(kind).validate_json(json.dumps({**members, "place": place}), strict=True)
    except (ValidationError, TypeError, ValueError) as error:
        raise UnfitError(_first(error), f"a {kind.__name__} as `export` writes it") from None
    for name, text in _texts(made):
        _require_possible(kind, name, text)
    return made


def key(place: str, words: tuple[str, ...]) -> Key:
    """The key of an object of the place, of which `words` are all but the place."""
    kind, *rest = words
    return (kind, *rest) if kind in ("file", "symlink") else (kind, place, *rest)


def words(one: Key) -> list[str]:
    """The key without its place."""
    kind, *rest = one
    return [kind, *rest] if kind in ("file", "symlink") else [kind, *rest[1:]]


def beside(made: Object, designed: Object | None) -> Object:
    """The object with what the kernel does not tell of it as it was designed."""
    if designed is None or type(designed) is not type(made):
        return made
    kernels = {one.name: getattr(made, one.name) for one in fields(made) if one.compare}
    return replace(designed, **kernels)


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        return f"{where}: {first['msg'][:100]}"
    return "it cannot be read"


def _texts(item: Any, name: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401  any of our frozen dataclasses
    """Every text in it, with the field that has it."""
    if isinstance(item, str):
        yield name, item
    elif isinstance(item, tuple):
        for one in item:
            yield from _texts(one, name)
    elif is_dataclass(item) and not isinstance(item, type):
        for one in fields(item):
            yield from _texts(getattr(item, one.name), one.name)


def _require_possible(kind: type, name: str, text: str) -> None:
    if len(text) > MOST_TEXT:
        raise UnfitError(f"{name}: the text is too long", f"at most {MOST_TEXT} characters")
    if kind is File and name == "content":
        return
    if not text.isprintable() and name not in ("value", "headers", "body"):
        raise UnfitError(f"{name}: there is something in it that is not printed", "such as a line break")
    if kind is Interface and name == "name":
        pattern: re.Pattern[str] | None = _DEVICE
    elif kind is Sysctl and name == "name":
        pattern = _SYSCTL
    else:
        pattern = _PATTERNS.get(name)
    if text and pattern is not None and not pattern.fullmatch(text):
        raise UnfitError(f"{name}: {text[:40]!r} cannot be one")
    if kind is Route and name == "type" and text not in HELD_TYPES:
        raise UnfitError(f"type: {text[:40]!r} is no type of a route", f"one of: {', '.join(HELD_TYPES)}")
    if name in _ADDRESSES and text not in _NO_ADDRESS:
        try:
            read = IPv4Interface if (kind, name) in _PREFIXES else IPv4Address
            read(text)
            if kind is Address and "/" not in text:
                raise ValueError
        except ValueError:
            raise UnfitError(f"{name}: {text[:40]!r} is no IPv4 address or prefix") from None
