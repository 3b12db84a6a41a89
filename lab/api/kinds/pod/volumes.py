"""A pod's volumes: their sources' defaults, and that each is one of a kind. Source: kube-apiserver."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.api.errors import Cause
from lab.api.kinds import names
from lab.api.kinds.filling import each, filled
from lab.api.kinds.violations import duplicate, forbidden, invalid, not_found, required

Json = dict[str, Any]

_MODE: Json = {"defaultMode": 0o644}
_SOURCES: dict[str, Json] = {
    "configMap": _MODE,
    "secret": _MODE,
    "downwardAPI": _MODE,
    "projected": _MODE,
    "hostPath": {"type": ""},
    "emptyDir": {},
}
_TOKEN: Json = {"expirationSeconds": 3600}


def complete_volume(volume: Json) -> Json:
    """A volume without a source is an empty directory."""
    made = filled({}, volume)
    if len(made) == 1 and "name" in made:
        made["emptyDir"] = {}
    for source, defaults in _SOURCES.items():
        if source in made:
            made[source] = filled(defaults, made[source])
    if "downwardAPI" in made:
        made["downwardAPI"] = _complete_downward(made["downwardAPI"])
    if made.get("projected", {}).get("sources"):
        made["projected"]["sources"] = each(made["projected"]["sources"], _complete_projection)
    return made


def complete_field_reference(value: Json) -> Json:
    """Of an environment variable's source, or of a file of the downward API."""
    if value.get("fieldRef") is None:
        return value
    return {**value, "fieldRef": filled({"apiVersion": "v1"}, value["fieldRef"])}


def _complete_downward(told: Json) -> Json:
    return {**told, "items": each(told["items"], complete_field_reference)} if told.get("items") else told


def _complete_projection(told: Json) -> Json:
    made = filled({}, told)
    if "serviceAccountToken" in made:
        made["serviceAccountToken"] = filled(_TOKEN, made["serviceAccountToken"])
    if "downwardAPI" in made:
        made["downwardAPI"] = _complete_downward(made["downwardAPI"])
    return made


def volume_causes(field: str, volumes: Any) -> Iterator[Cause]:  # noqa: ANN401 JSON
    """Their names, and one source each."""
    seen: set[str] = set()
    for i, volume in enumerate(volumes):
        at, name = f"{field}[{i}]", volume.get("name") or ""
        if not name:
            yield required(f"{at}.name")
        elif wrong := names.dns_label(name):
            yield from (invalid(f"{at}.name", name, told) for told in wrong)
        elif name in seen:
            yield duplicate(f"{at}.name", name)
        seen.add(name)
        sources = [key for key, value in volume.items() if key != "name" and value is not None]
        if not sources:
            yield required(at, "must specify a volume type")
        for further in sources[1:]:
            yield forbidden(f"{at}.{further}", "may not specify more than 1 volume type")


def mount_causes(field: str, mounts: Any, volumes: frozenset[str]) -> Iterator[Cause]:  # noqa: ANN401 JSON
    """`volumes` are the names of the pod's."""
    seen: set[str] = set()
    for i, mount in enumerate(mounts):
        at, name, path = f"{field}[{i}]", mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            yield required(f"{at}.name")
        elif name not in volumes:
            yield not_found(f"{at}.name", name)
        if not path:
            yield required(f"{at}.mountPath")
        elif path in seen:
            yield invalid(f"{at}.mountPath", path, "must be unique")
        seen.add(path)
