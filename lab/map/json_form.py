"""What a lab's map is made of, as JSON and back: commands read it from the agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar

from lab.map.names import Dns
from lab.map.place import Link, Place, Way, Written
from lab.map.services import Endpoint, Service, ServicePort
from lab.network.dns.resolver import HostsEntry, Resolver

T = TypeVar("T")

_LISTS: dict[type, dict[str, type | None]] = {  # of what a field's list is made; None for scalars
    Place: {"subnets": None, "links": Link, "routes": Way, "hosts": HostsEntry, "unobeyed": None, "written": Written},
    HostsEntry: {"names": None},
    Resolver: {"nameservers": None, "search": None, "options": None},
    Link: {"addresses": None},
    Service: {"ports": ServicePort, "external_ips": None, "load_balancer_ips": None},
    ServicePort: {"endpoints": Endpoint, "mends": None},
    Endpoint: {"for_nodes": None, "for_zones": None},
    Dns: {"pods": None},
}
_PARTS: dict[type, dict[str, type]] = {Place: {"resolver": Resolver}}  # those that are no lists


def plain(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """`value` as JSON has it; members that have their default value are left out."""
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    kind: object = type(value)
    defaults = _defaults(kind)
    if defaults is None:
        return value
    return {name: plain(member) for name, default in defaults if (member := getattr(value, name)) != default}


def build(kind: type[T], data: Mapping[str, Any]) -> T:
    """An object of `kind`; its lists become tuples, its parts objects."""
    lists = _LISTS.get(kind)
    if lists is None:
        return kind(**data)
    values = dict(data)
    for name, member in lists.items():
        if found := values.get(name):
            values[name] = tuple(found if member is None else [build(member, item) for item in found])
    for name, part in _PARTS.get(kind, {}).items():
        if name in values:
            values[name] = build(part, values[name])
    return kind(**values)


@cache
def _defaults(kind: object) -> tuple[tuple[str, Any], ...] | None:
    """Of a dataclass: its members, and what each is when nothing is said of it."""
    return tuple((item.name, item.default) for item in fields(kind)) if is_dataclass(kind) else None
