"""Strategic merge patch: a merge patch that knows which lists hold things with names. Source: apimachinery's
strategicpatch; directives `$patch`, `$retainKeys`, `$deleteFromPrimitiveList/…`, `$setElementOrder/…`.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from lab.api.errors import bad_request
from lab.api.patches.merging import identity, in_order, named
from lab.api.resources import Resource
from lab.api.schema.messages import Field, Message, root

Json = dict[str, Any]

_HOW, _RETAINED = "$patch", "$retainKeys"
_ORDER, _TAKEN = "$setElementOrder/", "$deleteFromPrimitiveList/"


def strategic_patched(resource: Resource, target: Json, patch: Json) -> Json:
    """A new object. ApiError 400 for a patch that cannot be understood."""
    return _merged(root(resource.message), target, patch)


def _merged(schema: Message | None, target: Json, patch: Json) -> Json:
    how = patch.get(_HOW)
    if how == "replace":
        return _plain(schema, patch)
    if how == "delete":
        return {}
    if how not in (None, "merge"):
        raise bad_request(f"Unknown patch type found: {how}")
    made = _retained(target, patch)
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        elif not key.startswith("$"):
            made[key] = _value(schema.fields.get(key) if schema else None, made.get(key), value)
    for key, value in patch.items():
        if key.startswith(_TAKEN):
            _take(made, key.removeprefix(_TAKEN), _listed(key, value))
    for key, value in patch.items():
        if key.startswith(_ORDER) and schema:
            _order(schema, made, target, key.removeprefix(_ORDER), _listed(key, value))
    return made


def _take(made: Json, name: str, values: list[Any]) -> None:
    """Out of a list of plain values."""
    if isinstance(made.get(name), list):
        taken = set(map(named, values))
        made[name] = [one for one in made[name] if named(one) not in taken]


def _order(schema: Message, made: Json, target: Json, name: str, order: list[Any]) -> None:
    field, held = schema.fields.get(name), target.get(name)
    if field and isinstance(made.get(name), list):
        made[name] = _ordered(field, made[name], order, held if isinstance(held, list) else [])


def _retained(target: Json, patch: Json) -> Json:
    if _RETAINED not in patch:
        return dict(target)
    kept = _listed(_RETAINED, patch[_RETAINED])
    for key, value in patch.items():
        if not key.startswith("$") and value is not None and key not in kept:
            raise bad_request(f"{_RETAINED} must be a superset of the fields of the patch, and has no {key}")
    return {key: value for key, value in target.items() if key in kept}


def _listed(key: str, value: object) -> list[Any]:
    if not isinstance(value, list):
        raise bad_request(f"{key} is a list")
    return value


def _value(field: Field | None, held: object, value: Any) -> Any:  # noqa: ANN401 JSON
    if isinstance(value, dict):
        schema = field.message if field and field.is_message and field.shape == "one" else None
        return _merged(schema, held if isinstance(held, dict) else {}, value)
    if isinstance(value, list) and field:
        before = held if isinstance(held, list) else []
        if field.merge_key:
            return _merged_list(field, before, value)
        if field.is_set:
            there = set(map(named, before))
            return [*before, *{name: one for one in value if (name := named(one)) not in there}.values()]
    return value


def _merged_list(field: Field, held: list[Any], patch: list[Any]) -> list[Any]:
    schema = field.message
    elements = [one for one in patch if isinstance(one, dict)]
    if len(elements) != len(patch):
        raise bad_request(f"the elements of {field.name} are objects")
    if any(one.get(_HOW) == "replace" for one in elements):
        return [_plain(schema, one) for one in elements if _HOW not in one]
    made = _Named(field, held)
    for element in elements:
        if element.get(field.merge_key) is None:
            raise bad_request(f"an element of {field.name} does not contain the merge key: {field.merge_key}")
        if element.get(_HOW) == "delete":
            made.remove(element)
            continue
        at = made.find(element)
        if at is None:
            made.append(_merged(schema, {}, element))
        else:
            made.elements[at] = _merged(schema, made.elements[at], element)
    return [one for one in made.elements if one is not _GONE]


_GONE = object()


class _Named:
    """A list's elements, found by their merge key: merging takes no more steps than the lists are long."""

    def __init__(self, field: Field, elements: list[Any]) -> None:
        self._field = field
        self.elements: list[Any] = []
        self._places: dict[Hashable, list[int]] = {}
        for one in elements:
            self.append(one)

    def append(self, one: Any) -> None:  # noqa: ANN401 JSON
        if isinstance(one, dict):
            self._places.setdefault(named(one.get(self._field.merge_key)), []).append(len(self.elements))
        self.elements.append(one)

    def remove(self, element: Json) -> None:
        """All that are called like it."""
        for place in self._places.pop(named(element[self._field.merge_key]), ()):
            self.elements[place] = _GONE

    def find(self, element: Json) -> int | None:
        """The one with all keys that the element has, else the first with its merge key: two ports of one number."""
        called = self._places.get(named(element[self._field.merge_key]), ())
        told = [key for key in self._field.keys if key in element]
        exact = (i for i in called if all(self.elements[i].get(key) == element[key] for key in told))
        return next(exact, called[0] if called else None)


def _ordered(field: Field, made: list[Any], order: list[Any], held: list[Any]) -> list[Any]:
    if field.merge_key:
        # The order names elements by their merge key alone; each name stands for all that have it.
        called: dict[Hashable, list[Hashable]] = {}
        for one in made:
            called.setdefault(named(one.get(field.merge_key)), []).append(identity(field, one))
        names = dict.fromkeys(named(one.get(field.merge_key)) for one in order if isinstance(one, dict))
        wanted = [one for name in names for one in called.get(name, ())]
    else:
        wanted = [identity(field, one) for one in order]
    return in_order(field, made, wanted, [identity(field, one) for one in held])


def _plain(schema: Message | None, patch: Json) -> Json:
    """What the patch sets, without directives and nulls."""
    return _merged(schema, {}, {key: value for key, value in patch.items() if key != _HOW})
