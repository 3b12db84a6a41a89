"""The specification of a pod, its own or in a template. Source: kube-apiserver's defaults and validation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.api.errors import Cause
from lab.api.kinds import names
from lab.api.kinds.filling import each, filled
from lab.api.kinds.metadata import annotation_causes, label_causes
from lab.api.kinds.pod.containers import complete_container, containers_causes
from lab.api.kinds.pod.dns_config import resolver_causes
from lab.api.kinds.pod.volumes import complete_volume, volume_causes
from lab.api.kinds.violations import forbidden, invalid, not_supported, one_of

Json = dict[str, Any]

RESTART_POLICIES = ("Always", "OnFailure", "Never")
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")

_SPEC: Json = {
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "securityContext": {},
    "terminationGracePeriodSeconds": 30,
}


def complete_spec(spec: Json) -> Json:
    """A new dict."""
    made = filled(_SPEC, spec)
    for part in ("containers", "initContainers"):
        if part in made:
            made[part] = each(made[part], complete_container)
    if "volumes" in made:
        made["volumes"] = each(made["volumes"], complete_volume)
    account = made.get("serviceAccountName") or made.pop("serviceAccount", None)
    if account:
        made["serviceAccountName"] = made["serviceAccount"] = account
    return made


def complete_template(template: Json) -> Json:
    """Of a Deployment or ReplicaSet."""
    return {**template, "spec": complete_spec(template.get("spec") or {})}


def template_causes(field: str, template: Json) -> Iterator[Cause]:
    """Of a Deployment's or ReplicaSet's template, whose pods always start again."""
    metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
    yield from label_causes(f"{field}.metadata.labels", metadata.get("labels"))
    yield from annotation_causes(f"{field}.metadata.annotations", metadata.get("annotations"))
    yield from spec_causes(f"{field}.spec", spec)
    if spec.get("restartPolicy") in ("OnFailure", "Never"):
        yield not_supported(f"{field}.spec.restartPolicy", spec["restartPolicy"], ("Always",))
    if spec.get("activeDeadlineSeconds") is not None:
        yield forbidden(f"{field}.spec.activeDeadlineSeconds", "activeDeadlineSeconds in ReplicaSet is not Supported")
    if spec.get("ephemeralContainers"):
        yield forbidden(f"{field}.spec.ephemeralContainers", "ephemeral containers not allowed in pod template")


def spec_causes(field: str, spec: Json) -> Iterator[Cause]:
    """What is wrong with a completed specification."""
    yield from volume_causes(f"{field}.volumes", spec.get("volumes") or ())
    yield from containers_causes(field, spec)
    yield from one_of(f"{field}.restartPolicy", spec.get("restartPolicy"), RESTART_POLICIES)
    yield from resolver_causes(field, spec)
    yield from label_causes(f"{field}.nodeSelector", spec.get("nodeSelector"))
    yield from _name_causes(field, spec)
    for i, toleration in enumerate(spec.get("tolerations") or ()):
        yield from _toleration_causes(f"{field}.tolerations[{i}]", toleration)
    for part in ("activeDeadlineSeconds", "terminationGracePeriodSeconds"):
        value = spec.get(part)
        if isinstance(value, int) and value < 0:
            yield invalid(f"{field}.{part}", value, "must be greater than or equal to 0")


_NAMES = {
    "hostname": names.dns_label,
    "subdomain": names.dns_label,
    "nodeName": names.dns_subdomain,
    "serviceAccountName": names.dns_subdomain,
    "priorityClassName": names.dns_subdomain,
}


def _name_causes(field: str, spec: Json) -> Iterator[Cause]:
    for part, judge in _NAMES.items():
        value = spec.get(part)
        if value:
            yield from (invalid(f"{field}.{part}", value, told) for told in judge(value))


def _toleration_causes(at: str, toleration: Json) -> Iterator[Cause]:
    key, operator, effect = (toleration.get(part) or "" for part in ("key", "operator", "effect"))
    if key:
        yield from (invalid(f"{at}.key", key, told) for told in names.label_key(key))
    elif operator != "Exists":
        told = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        yield invalid(f"{at}.operator", operator, told)
    if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
        yield invalid(f"{at}.effect", effect, "effect must be 'NoExecute' when `tolerationSeconds` is set")
    if operator not in ("", "Equal", "Exists"):
        yield not_supported(f"{at}.operator", operator, ("Equal", "Exists"))
    elif operator == "Exists" and toleration.get("value"):
        yield invalid(f"{at}.operator", toleration, "value must be empty when `operator` is 'Exists'")
    if effect and effect not in EFFECTS:
        yield not_supported(f"{at}.effect", effect, EFFECTS)
