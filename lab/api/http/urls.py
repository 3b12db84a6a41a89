"""Which object, or which collection of them, a path means."""

from __future__ import annotations

from dataclasses import dataclass

from lab.api.resources import BY_PATH, NAMESPACES, Resource


@dataclass(frozen=True, slots=True)
class Route:
    """`namespace` is "" for all; `name` is "" for a collection."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def route(path: str) -> Route | None:
    """None for a path that is no object's."""
    match path.strip("/").split("/"):
        case ["api", version, *rest]:
            return _within("", version, rest)
        case ["apis", group, version, *rest] if group:
            return _within(group, version, rest)
        case _:
            return None


def _within(group: str, version: str, rest: list[str]) -> Route | None:
    if "" in rest:
        return None
    if len(rest) > 2 and rest[0] == "namespaces":
        found = BY_PATH.get((group, version, rest[2]))
        if found:
            return _of(found, rest[1], rest[3:]) if found.namespaced else None
        return _of(NAMESPACES, "", rest[1:]) if not group else None
    found = BY_PATH.get((group, version, rest[0])) if rest else None
    if not found or (found.namespaced and len(rest) > 1):
        return None
    return _of(found, "", rest[1:])


def _of(resource: Resource, namespace: str, rest: list[str]) -> Route | None:
    match rest:
        case []:
            return Route(resource, namespace)
        case [name]:
            return Route(resource, namespace, name)
        case [name, subresource]:
            return Route(resource, namespace, name, subresource)
        case _:
            return None
