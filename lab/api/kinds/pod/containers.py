"""A pod's containers. Source: kube-apiserver's defaults and validation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.api.errors import Cause
from lab.api.kinds import names
from lab.api.kinds.filling import each, filled
from lab.api.kinds.pod.probes import PROBES, complete_lifecycle, complete_probe, lifecycle_causes, probe_causes
from lab.api.kinds.pod.quantities import complete_resources, resource_causes
from lab.api.kinds.pod.volumes import complete_field_reference, mount_causes
from lab.api.kinds.ports import container_port_causes, host_port_causes
from lab.api.kinds.violations import duplicate, forbidden, invalid, not_supported, one_of, required

Json = dict[str, Any]

PULL_POLICIES = ("Always", "IfNotPresent", "Never")
MESSAGE_POLICIES = ("FallbackToLogsOnError", "File")

_CONTAINER: Json = {
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
_PORT: Json = {"protocol": "TCP"}


def complete_container(container: Json) -> Json:
    """A new dict."""
    made = filled(_CONTAINER, container)
    if "imagePullPolicy" not in made and "image" in made:
        made["imagePullPolicy"] = _pull_policy(made["image"])
    if "ports" in made:
        made["ports"] = [filled(_PORT, port) for port in made["ports"]]
    for kind in PROBES:
        if kind in made:
            made[kind] = complete_probe(made[kind])
    if "lifecycle" in made:
        made["lifecycle"] = complete_lifecycle(made["lifecycle"])
    if "env" in made:
        made["env"] = each(made["env"], _complete_variable)
    if made["resources"]:
        made["resources"] = complete_resources(made["resources"])
    return made


def _pull_policy(image: str) -> str:
    """A moving tag is looked up each time; without a tag it is `latest`."""
    name, _, _ = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return "Always" if tag == "latest" or (not tag and "@" not in image) else "IfNotPresent"


def _complete_variable(variable: Json) -> Json:
    if variable.get("valueFrom") is None:
        return variable
    return {**variable, "valueFrom": complete_field_reference(variable["valueFrom"])}


def containers_causes(field: str, spec: Json) -> Iterator[Cause]:
    """Of a pod's specification at `field`: containers and initContainers."""
    volumes = frozenset(volume.get("name") or "" for volume in spec.get("volumes") or ())
    containers = spec.get("containers") or ()
    if not containers:
        yield required(f"{field}.containers")
    seen: set[str] = set()
    for i, container in enumerate(containers):
        at = f"{field}.containers[{i}]"
        yield from _common_causes(at, container, volumes, seen)
        yield from _watched_causes(at, container)
        if container.get("restartPolicy"):
            yield forbidden(f"{at}.restartPolicy", "may not be set for non-init containers")
    yield from host_port_causes(f"{field}.containers", containers)
    for i, container in enumerate(spec.get("initContainers") or ()):
        at = f"{field}.initContainers[{i}]"
        yield from _common_causes(at, container, volumes, seen)
        yield from _init_causes(at, container)


def _common_causes(at: str, container: Json, volumes: frozenset[str], seen: set[str]) -> Iterator[Cause]:
    name = container.get("name") or ""
    if not name:
        yield required(f"{at}.name")
    else:
        yield from (invalid(f"{at}.name", name, told) for told in names.dns_label(name))
        if name in seen:
            yield duplicate(f"{at}.name", name)
        seen.add(name)
    if not container.get("image"):
        yield required(f"{at}.image")
    yield from one_of(f"{at}.terminationMessagePolicy", container.get("terminationMessagePolicy"), MESSAGE_POLICIES)
    if container.get("imagePullPolicy") or container.get("image"):
        yield from one_of(f"{at}.imagePullPolicy", container.get("imagePullPolicy"), PULL_POLICIES)
    yield from container_port_causes(f"{at}.ports", container.get("ports") or ())
    for i, variable in enumerate(container.get("env") or ()):
        yield from _variable_causes(f"{at}.env[{i}]", variable)
    yield from mount_causes(f"{at}.volumeMounts", container.get("volumeMounts") or (), volumes)
    yield from resource_causes(f"{at}.resources", container.get("resources") or {})


def _variable_causes(at: str, variable: Json) -> Iterator[Cause]:
    name = variable.get("name") or ""
    if not name:
        yield required(f"{at}.name")
    else:
        yield from (invalid(f"{at}.name", name, told) for told in names.variable(name))
    if variable.get("value") and variable.get("valueFrom"):
        yield invalid(f"{at}.valueFrom", "", "may not be specified when `value` is not empty")


def _watched_causes(at: str, container: Json) -> Iterator[Cause]:
    if container.get("lifecycle"):
        yield from lifecycle_causes(f"{at}.lifecycle", container["lifecycle"])
    for kind in PROBES:
        if container.get(kind) is not None:
            yield from probe_causes(f"{at}.{kind}", kind, container[kind])


def _init_causes(at: str, container: Json) -> Iterator[Cause]:
    policy = container.get("restartPolicy")
    if policy == "Always":
        yield from _watched_causes(at, container)
        return
    if policy:
        yield not_supported(f"{at}.restartPolicy", policy, ("Always",))
    for part in ("lifecycle", *PROBES):
        if container.get(part) is not None:
            yield forbidden(f"{at}.{part}", "may not be set for init containers without restartPolicy=Always")
