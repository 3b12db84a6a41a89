"""JSON merge patch (RFC 7386): what the patch has is set, what is null in it goes, lists are replaced."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def merge_patched(target: Json, patch: Json) -> Json:
    """A new object."""
    made = dict(target)
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        elif isinstance(value, dict):
            held = made.get(key)
            made[key] = merge_patched(held if isinstance(held, dict) else {}, value)
        else:
            made[key] = value
    return made
