"""Events. Source: kube-apiserver's validation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.api.errors import Cause
from lab.api.kinds.causes import invalid

Json = dict[str, Any]


def event_causes(new: Json, _old: Json | None) -> Iterator[Cause]:
    """An event is where what it is about is; what has no namespace has its events in `default`."""
    about = (new.get("involvedObject") or {}).get("namespace") or "default"
    if new["metadata"].get("namespace") != about and about != "default":
        yield invalid("involvedObject.namespace", about, "does not match event.namespace")
