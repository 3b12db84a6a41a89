"""Live objects as a person would have written them: without what the API server and the controllers fill in."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lab.api.kinds import complete
from lab.api.resources import (
    BY_KIND,
    CONFIGMAPS,
    ENDPOINTS,
    ENDPOINTSLICES,
    EVENTS,
    IPADDRESSES,
    NEW_EVENTS,
    NODES,
    RESOURCES,
    SERVICECIDRS,
    SERVICES,
    Resource,
)
from lab.network.ipv4 import number

Json = dict[str, Any]
Path = tuple[str | int, ...]

NOT_WRITTEN = (EVENTS, NEW_EVENTS, NODES, IPADDRESSES, SERVICECIDRS)
"""Told, made or given out by the lab itself."""
WRITTEN = tuple(one for one in RESOURCES if one not in NOT_WRITTEN)

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
REVISION = "deployment.kubernetes.io/revision"
_GIVEN_OUT = (
    *("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink", "generateName"),
    *("deletionTimestamp", "deletionGracePeriodSeconds", "ownerReferences"),
)
_MANAGED = "endpointslice.kubernetes.io/managed-by"
_NAMESPACE_NAME = "kubernetes.io/metadata.name"
_TRIGGER = "endpoints.kubernetes.io/last-change-trigger-time"


def is_somebodys(item: Json, services: Mapping[tuple[str, str], Json]) -> bool:
    """Whether a person made it, and no controller; `services` by namespace and name."""
    metadata = item["metadata"]
    if metadata.get("ownerReferences") or metadata.get("deletionTimestamp"):
        return False
    resource = resource_of(item)
    if resource is ENDPOINTS:
        service = services.get((metadata["namespace"], metadata["name"]))
        return service is None or not service["spec"].get("selector")
    return not (resource is ENDPOINTSLICES and (metadata.get("labels") or {}).get(_MANAGED, "").endswith(".k8s.io"))


def resource_of(item: Json) -> Resource:
    return BY_KIND[item["apiVersion"], item["kind"]]


def key_of(item: Json) -> tuple[str, str, str]:
    """Kind, namespace and name."""
    metadata = item["metadata"]
    return item["kind"], metadata.get("namespace", ""), metadata["name"]


class Cleaning:
    """It remembers what was filled in of one object, and tries that first with the next of its kind."""

    def __init__(self) -> None:
        self._known: dict[Resource, dict[Path, str]] = {}

    def written(self, item: Json) -> Json:
        """The object as its author would have it: the API makes the same of it again."""
        resource = resource_of(item)
        plain = _without_given_out(resource, item)
        whole = complete(resource, copy.deepcopy(plain))
        plain = self._as_before(resource, plain, whole)
        return _ordered(self._pruned(resource, plain, whole))

    def _as_before(self, resource: Resource, plain: Json, whole: Json) -> Json:
        """Without all at once that was filled in of the one before, where that is right."""
        tried = copy.deepcopy(plain)
        for path, text in self._known.get(resource, {}).items():
            parent = _at(tried, path[:-1])
            if isinstance(parent, dict) and json.dumps(parent.get(str(path[-1])), sort_keys=True) == text:
                del parent[str(path[-1])]
        return tried if _same(resource, tried, whole) else plain

    def _pruned(self, resource: Resource, plain: Json, whole: Json) -> Json:
        made = copy.deepcopy(plain)
        for path in list(_paths(made)):
            parent = _at(made, path[:-1])
            name = str(path[-1])
            if not isinstance(parent, dict) or name not in parent:
                continue  # went with its parent
            kept = dict(parent)
            value = parent.pop(name)
            if _same(resource, made, whole):
                self._known.setdefault(resource, {})[path] = json.dumps(value, sort_keys=True)
            else:
                parent.clear()
                parent.update(kept)
        return made


def _without_given_out(resource: Resource, item: Json) -> Json:
    made: Json = copy.deepcopy(item)
    status = made.pop("status", {}) or {}
    metadata = made["metadata"]
    for name in _GIVEN_OUT:
        metadata.pop(name, None)
    for field, names in (("annotations", (LAST_APPLIED, REVISION, _TRIGGER)), ("labels", (_NAMESPACE_NAME,))):
        kept = {name: value for name, value in (metadata.get(field) or {}).items() if name not in names}
        metadata.pop(field, None)
        if kept:
            metadata[field] = kept
    if resource is SERVICES and (status.get("loadBalancer") or {}).get("ingress"):
        made["status"] = {"loadBalancer": status["loadBalancer"]}
    if item["kind"] == "Namespace":
        made.pop("spec", None)
    return made


def _same(resource: Resource, tried: Json, whole: Json) -> bool:
    try:
        return complete(resource, copy.deepcopy(tried)) == whole
    except (KeyError, TypeError, AttributeError, IndexError):  # what it is completed by is no longer there
        return False


def _paths(value: Any, at: Path = ()) -> Iterator[Path]:  # noqa: ANN401  JSON
    """Of all fields, parents before what is in them; what an object is known by is no such field."""
    if isinstance(value, dict):
        for name, one in sorted(value.items(), key=lambda item: item[0] != "clusterIPs"):  # it follows from clusterIP
            if at in ((), ("metadata",)) and name in ("apiVersion", "kind", "metadata", "name", "namespace"):
                if name == "metadata":
                    yield from _paths(one, ("metadata",))
                continue
            yield (*at, name)
            yield from _paths(one, (*at, name))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _paths(one, (*at, number))


def _at(value: Any, path: Path) -> Any:  # noqa: ANN401  JSON
    for part in path:
        if isinstance(value, dict) and part in value:
            value = value[str(part)]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return None
    return value


def _ordered(item: Json) -> Json:
    """As manifests are usually written."""
    first = ("apiVersion", "kind", "metadata")
    return {**{name: item[name] for name in first}, **{name: one for name, one in item.items() if name not in first}}


def somebodys(items: Sequence[Json], own: frozenset[tuple[str, str, str]]) -> list[Json]:
    """Those that people made, namespaces first, pods in the order in which they were given addresses; `own` are the
    lab's, of which only an edited Corefile counts.
    """
    services = {key_of(one)[1:]: one for one in items if resource_of(one) is SERVICES}
    found = [one for one in items if is_somebodys(one, services) and (key_of(one) not in own or _is_edited(one))]
    return sorted(found, key=lambda one: (one["kind"] != "Namespace", key_of(one)[1], _address(one)))


def _address(item: Json) -> int:
    """A pod's, by which they are given again in the same order; 0 of what has none."""
    address = (item.get("status") or {}).get("podIP") if item["kind"] == "Pod" else None
    return number(address) if address else 0


def _is_edited(item: Json) -> bool:
    from lab.control.own_objects import is_as_made  # noqa: PLC0415  few labs have CoreDNS

    return resource_of(item) is CONFIGMAPS and key_of(item)[1:] == ("kube-system", "coredns") and not is_as_made(item)
