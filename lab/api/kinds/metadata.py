"""Metadata of all kinds: names, labels, annotations, owners, finalizers. Source: apimachinery, api/validation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from lab.api.errors import Cause
from lab.api.kinds import names
from lab.api.kinds.service.servicecidrs import ip_name
from lab.api.kinds.violations import forbidden, immutable, invalid, required, too_long
from lab.api.resources import CONFIGMAPS, EVENTS, IPADDRESSES, NAMESPACES, NODES, SERVICES, Resource

Json = dict[str, Any]

MOST_ANNOTATIONS = 256 * 1024  # bytes, keys and values together

_NAMED: dict[Resource, Callable[[str], list[str]]] = {
    NAMESPACES: names.dns_label,
    SERVICES: names.dns_letter_label,
    EVENTS: names.dns_subdomain,
    CONFIGMAPS: names.dns_subdomain,
    NODES: names.dns_subdomain,
    IPADDRESSES: ip_name,
}


def metadata_causes(resource: Resource, new: Json, old: Json | None) -> Iterator[Cause]:
    """What is wrong with an object's metadata."""
    named = _NAMED.get(resource, names.dns_subdomain)
    prefix = new.get("generateName")
    if prefix and not new.get("name"):
        # The last character may be a dash: what is generated follows it.
        masked = f"{prefix[:-1]}a" if len(prefix) > 1 and prefix.endswith("-") else prefix
        yield from (invalid("metadata.generateName", prefix, told) for told in named(masked))
    name = new.get("name")
    if name:
        yield from (invalid("metadata.name", name, told) for told in named(name))
    else:
        yield required("metadata.name", "name or generateName is required")
    if resource.namespaced:
        yield from _namespace_causes(new.get("namespace") or "")
    elif new.get("namespace"):
        yield forbidden("metadata.namespace", "not allowed on this type")
    yield from label_causes("metadata.labels", new.get("labels"))
    yield from annotation_causes("metadata.annotations", new.get("annotations"))
    yield from _owner_causes(new.get("ownerReferences") or ())
    for finalizer in new.get("finalizers") or ():
        yield from (invalid("metadata.finalizers", finalizer, told) for told in names.label_key(finalizer))
    if old is not None:
        for field in ("name", "namespace"):
            if new.get(field) != old.get(field):
                yield immutable(f"metadata.{field}", new.get(field))


def _namespace_causes(namespace: str) -> Iterator[Cause]:
    if not namespace:
        yield required("metadata.namespace")
        return
    yield from (invalid("metadata.namespace", namespace, told) for told in names.dns_label(namespace))


def label_causes(field: str, labels: Json | None) -> Iterator[Cause]:
    """Of labels, and of selectors that are plain labels."""
    for key, value in (labels or {}).items():
        yield from (invalid(field, key, told) for told in names.label_key(key))
        yield from (invalid(field, value, told) for told in names.label_value(value or ""))


def annotation_causes(field: str, annotations: Json | None) -> Iterator[Cause]:
    size = 0
    for key, value in (annotations or {}).items():
        yield from (invalid(field, key, told) for told in names.label_key(key.lower()))
        size += len(key.encode()) + len((value or "").encode())
    if size > MOST_ANNOTATIONS:
        yield too_long(field, MOST_ANNOTATIONS)


def _owner_causes(owners: Any) -> Iterator[Cause]:  # noqa: ANN401 JSON
    field = "metadata.ownerReferences"
    controller = ""
    for owner in owners:
        if not owner.get("apiVersion"):
            yield invalid(f"{field}.apiVersion", "", "version must not be empty")
        for part in ("kind", "name", "uid"):
            if not owner.get(part):
                yield invalid(f"{field}.{part}", "", "must not be empty")
        if not owner.get("controller"):
            continue
        named = f"{owner.get('kind')}/{owner.get('name')}"
        if controller:
            told = 'Only one reference can have Controller set to true. Found "true" in references for'
            yield invalid(field, owners, f"{told} {controller} and {named}")
        controller = controller or named
