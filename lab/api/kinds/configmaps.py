"""ConfigMaps. Source: kube-apiserver's validation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.api.errors import Cause
from lab.api.kinds import names
from lab.api.kinds.violations import forbidden, invalid, too_long

Json = dict[str, Any]

MOST = 1024 * 1024  # bytes of all values together


def configmap_causes(new: Json, old: Json | None) -> Iterator[Cause]:
    data, binary = new.get("data") or {}, new.get("binaryData") or {}
    for part, values in (("data", data), ("binaryData", binary)):
        for key in values:
            yield from (invalid(f"{part}[{key}]", key, told) for told in names.config_key(key))
    for key in sorted(data.keys() & binary.keys()):
        yield invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
    if (
        sum(len(value.encode()) for value in data.values()) + sum(len(value) * 3 // 4 for value in binary.values())
        > MOST
    ):
        yield too_long("", MOST)
    if old is not None and old.get("immutable"):
        told = "field is immutable when `immutable` is set"
        if not new.get("immutable"):
            yield forbidden("immutable", told)
        for part, values in (("data", data), ("binaryData", binary)):
            if values != (old.get(part) or {}):
                yield forbidden(part, told)
