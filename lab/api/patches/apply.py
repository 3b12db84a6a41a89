"""Client-side apply, as kubectl does it: of what was applied last, what is wanted now, and what is there."""

from __future__ import annotations

import json
from typing import Any

from lab.api.patches.merging import identity, in_order
from lab.api.resources import Resource
from lab.api.schema.messages import Field, Message, root

Json = dict[str, Any]

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""The annotation in which kubectl keeps what it applied."""


def last_applied(live: Json) -> Json | None:
    """What was applied last, None if nothing was or it cannot be read."""
    text = ((live.get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED)
    try:
        told = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def remembering(wanted: Json) -> Json:
    """The object to apply with the annotation that holds it, written as kubectl writes it."""
    metadata = wanted.get("metadata") or {}
    said = {key: value for key, value in (metadata.get("annotations") or {}).items() if key != LAST_APPLIED}
    plain = {**wanted, "metadata": {**metadata, "annotations": said}}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
    return {**wanted, "metadata": {**metadata, "annotations": {**said, LAST_APPLIED: text}}}


def three_way(resource: Resource, last_applied: Json | None, wanted: Json, live: Json) -> Json:
    """The live object with what is wanted, and without what was applied last and is no longer wanted. What others have
    put there stays. An unchanged result equals `live`.
    """
    return _merged(root(resource.message), last_applied or {}, wanted, live)


def _merged(schema: Message | None, last: Json, wanted: Json, live: Json) -> Json:
    made = {key: value for key, value in live.items() if wanted.get(key) is not None or key not in {**last, **wanted}}
    for key, value in wanted.items():
        if value is not None:
            field = schema.fields.get(key) if schema else None
            made[key] = _value(field, last.get(key), value, live.get(key))
    return made


def _value(field: Field | None, last: object, wanted: Any, live: object) -> Any:  # noqa: ANN401 JSON
    if isinstance(wanted, dict):
        schema = field.message if field and field.is_message and field.shape == "one" else None
        there = live if isinstance(live, dict) else {}
        made = _merged(schema, last if isinstance(last, dict) else {}, wanted, there)
        if field and field.retains and made != live:
            return _retained(made, wanted)
        return made
    if isinstance(wanted, list) and isinstance(live, list) and field and (field.merge_key or field.is_set):
        return _list(field, last if isinstance(last, list) else [], wanted, live)
    return wanted


def _retained(made: Json, wanted: Json) -> Json:
    """Of a choice between fields, such as a strategy's, what is wanted alone: the other's fields do not fit it."""
    return {key: value for key, value in made.items() if wanted.get(key) is not None}


def _list(field: Field, last: list[Any], wanted: list[Any], live: list[Any]) -> list[Any]:
    before = {identity(field, one): one for one in last}
    asked = {identity(field, one): one for one in wanted}
    there = {identity(field, one): one for one in live}
    gone = before.keys() - asked.keys()
    made = [one for name, one in there.items() if name not in gone and name not in asked]
    for name, one in asked.items():
        if isinstance(one, dict):
            merged = _merged(field.message, before.get(name) or {}, one, there.get(name) or {})
            changed = field.retains and name in there and merged != there[name]
            made.append(_retained(merged, one) if changed else merged)
        else:
            made.append(one)
    # Those that stay keep their order among each other: in_order looks at where they stood.
    return in_order(field, made, list(asked), list(there))
