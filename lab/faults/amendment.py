"""What a fault changes of the API's objects: a field at a time, as `kubectl patch` does, and back again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from lab.api.registry import Registry
from lab.api.resources import Resource
from lab.api.store import Json, Key, Store

Element = tuple[tuple[str, object], ...]
Path = tuple[str | Element, ...]


@dataclass(frozen=True, slots=True)
class Edit:
    """A field of an object, and what it becomes; None is that there is none. `path` leads there: members by their
    names, an element of a list by some of its members with their values.
    """

    resource: Resource
    key: Key
    path: Path
    value: Any

    @property
    def named(self) -> str:
        """`Service namespace001/myapp`."""
        return f"{self.resource.kind} {'/'.join(self.key)}"

    @property
    def field(self) -> str:
        """`spec.ports.targetPort`."""
        return ".".join(step for step in self.path if isinstance(step, str))


@dataclass(frozen=True, slots=True)
class Edited:
    """One that was made, and what the field was before."""

    edit: Edit
    before: Any


def make(registry: Registry, edits: Iterable[Edit]) -> tuple[Edited, ...]:
    """Change the objects. ApiError for what the API refuses, and nothing is changed."""
    made: list[Edited] = []
    try:
        for one in edits:
            live = registry.get(one.resource, *one.key)
            registry.update(one.resource, _written(live, one.path, one.value))
            made.append(Edited(one, _read(live, one.path)))
    except Exception:
        take_back(registry, made)
        raise
    return tuple(made)


def take_back(registry: Registry, made: Iterable[Edited]) -> tuple[str, ...]:
    """Give the fields back what they had, the last first. What somebody has changed meanwhile stays theirs: what of it
    is not as it was before is told, in words.
    """
    told = []
    for one in reversed(tuple(made)):
        edit = one.edit
        live = registry.store.find(edit.resource, *edit.key)
        if live is None:
            told.append(f"{edit.named} is gone meanwhile")
            continue
        now = _read(live, edit.path)
        if now == edit.value:
            registry.update(edit.resource, _written(live, edit.path, one.before))
        elif now != one.before:
            told.append(f"{edit.field} of {edit.named} was changed meanwhile, and stays")
    return tuple(told)


def as_before(store: Store, made: Iterable[Edited]) -> Iterator[tuple[Resource, Json]]:
    """The objects as they would be without it; the API's own stay as they are."""
    found: dict[tuple[Resource, Key], Json] = {}
    for one in reversed(tuple(made)):
        edit = one.edit
        live = found.get((edit.resource, edit.key)) or store.find(edit.resource, *edit.key)
        if live is not None and _read(live, edit.path) == edit.value:
            found[edit.resource, edit.key] = _written(live, edit.path, one.before)
    for (resource, _), item in found.items():
        yield resource, item


def _read(value: Any, path: Path) -> Any:  # noqa: ANN401  as JSON is
    for step in path:
        if isinstance(step, str):
            value = (value or {}).get(step)
        else:
            value = next((one for one in value or () if _is_meant(one, step)), None)
    return value


def _written(value: Any, path: Path, new: Any) -> Any:  # noqa: ANN401  as JSON is
    """The value with another one at the end of the path."""
    if not path:
        return new
    step, rest = path[0], path[1:]
    if not isinstance(step, str):
        return [_written(one, rest, new) if _is_meant(one, step) else one for one in value or ()]
    inner = _written((value or {}).get(step), rest, new)
    if inner is None:
        return {name: one for name, one in (value or {}).items() if name != step}
    return {**(value or {}), step: inner}


def _is_meant(one: Json, element: Element) -> bool:
    return all(one.get(name) == value for name, value in element)
