"""Secrets. Source: kube-apiserver's defaults and validation."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

from lab.api.errors import Cause
from lab.api.kinds import names
from lab.api.kinds.filling import filled
from lab.api.kinds.violations import forbidden, immutable, invalid, required, too_long

Json = dict[str, Any]

MOST = 1024 * 1024  # bytes of all values together

_OPAQUE: Json = {"type": "Opaque"}
_TOKEN, _ACCOUNT = "kubernetes.io/service-account-token", "kubernetes.io/service-account.name"

# What each type of Secret must have, all of it; of basic-auth one is enough.
_NEEDED = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
_EITHER = {"kubernetes.io/basic-auth": ("username", "password")}
_JSON = (".dockercfg", ".dockerconfigjson")


def complete_secret(item: Json) -> Json:
    """With what stringData says among its data."""
    made = filled(_OPAQUE, item)
    said = made.pop("stringData", None)
    if said:
        encoded = {key: b64encode(value.encode()).decode() for key, value in said.items()}
        made["data"] = {**(made.get("data") or {}), **encoded}
    return made


def secret_causes(new: Json, old: Json | None) -> Iterator[Cause]:
    """`new` is completed."""
    data = new.get("data") or {}
    for key in data:
        yield from (invalid(f"data[{key}]", key, told) for told in names.config_key(key))
    if sum(len(value) * 3 // 4 for value in data.values()) > MOST:
        yield too_long("data", MOST)
    yield from _type_causes(new["type"], data, new["metadata"].get("annotations") or {})
    if old is None:
        return
    if new["type"] != old.get("type"):
        yield immutable("type", new["type"])
    if old.get("immutable"):
        told = "field is immutable when `immutable` is set"
        if not new.get("immutable"):
            yield forbidden("immutable", told)
        if data != (old.get("data") or {}):
            yield forbidden("data", told)


def _type_causes(kind: str, data: Json, annotations: Json) -> Iterator[Cause]:
    if kind == _TOKEN and not annotations.get(_ACCOUNT):
        yield required(f"metadata.annotations[{_ACCOUNT}]")
    for key in _NEEDED.get(kind, ()):
        if not data.get(key):
            yield required(f"data[{key}]")
        elif key in _JSON and not _is_object(data[key]):
            yield invalid(f"data[{key}]", "<secret contents redacted>", "it is no object of JSON")
    choice = _EITHER.get(kind, ())
    if choice and not any(key in data for key in choice):
        yield from (required(f"data[{key}]") for key in choice)


def _is_object(encoded: str) -> bool:
    try:
        return isinstance(json.loads(b64decode(encoded)), dict)
    except (ValueError, RecursionError):
        return False
