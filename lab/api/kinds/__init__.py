"""What each kind's objects must look like, and what they look like once the API server has filled in what was left out.

Imports lab.api.resources, lab.api.errors, lab.api.schema and lab.cluster. Objects that are given are not changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from lab.api.errors import Cause
from lab.api.kinds.clusterwide import complete_namespace, complete_node, node_causes
from lab.api.kinds.configmaps import configmap_causes
from lab.api.kinds.events import event_causes, new_event_causes
from lab.api.kinds.filling import without_nulls
from lab.api.kinds.metadata import metadata_causes
from lab.api.kinds.pod.pods import complete_pod, pod_causes
from lab.api.kinds.secrets import complete_secret, secret_causes
from lab.api.kinds.service.endpointslices import complete_endpoints, complete_slice, endpoints_causes, slice_causes
from lab.api.kinds.service.servicechecks import service_causes
from lab.api.kinds.service.servicecidrs import ipaddress_causes, servicecidr_causes
from lab.api.kinds.service.services import carried_service, complete_service
from lab.api.kinds.workloads import complete_deployment, complete_replicaset, deployment_causes, workload_causes
from lab.api.resources import (
    CONFIGMAPS,
    DEPLOYMENTS,
    ENDPOINTS,
    ENDPOINTSLICES,
    EVENTS,
    IPADDRESSES,
    NAMESPACES,
    NEW_EVENTS,
    NODES,
    PODS,
    REPLICASETS,
    SECRETS,
    SERVICECIDRS,
    SERVICES,
    Resource,
)
from lab.api.schema.decoding import known, type_error, unknown

__all__ = ["carried", "check", "complete", "known_fields", "type_errors", "unknown_fields"]

Json = dict[str, Any]

_COMPLETED: dict[Resource, Callable[[Json], Json]] = {
    NAMESPACES: complete_namespace,
    NODES: complete_node,
    PODS: complete_pod,
    SERVICES: complete_service,
    ENDPOINTS: complete_endpoints,
    ENDPOINTSLICES: complete_slice,
    DEPLOYMENTS: complete_deployment,
    REPLICASETS: complete_replicaset,
    SECRETS: complete_secret,
}
_CHECKED: dict[Resource, Callable[[Json, Json | None], Iterator[Cause]]] = {
    NODES: node_causes,
    PODS: pod_causes,
    SERVICES: service_causes,
    ENDPOINTS: endpoints_causes,
    ENDPOINTSLICES: slice_causes,
    DEPLOYMENTS: deployment_causes,
    REPLICASETS: workload_causes,
    CONFIGMAPS: configmap_causes,
    EVENTS: event_causes,
    NEW_EVENTS: new_event_causes,
    SECRETS: secret_causes,
    IPADDRESSES: ipaddress_causes,
    SERVICECIDRS: servicecidr_causes,
}
_CARRIED: dict[Resource, Callable[[Json, Json], Json]] = {SERVICES: carried_service}


def carried(resource: Resource, new: Json, old: Json) -> Json:
    """`new`, not yet completed, as it takes the place of `old`: what was given out to the old one and nobody asks to
    change stays; what its new type no longer has goes.
    """
    carry = _CARRIED.get(resource)
    return carry(new, old) if carry else new


def complete(resource: Resource, item: Json) -> Json:
    """The object with what the API server fills in; nulls go. Completing it again changes nothing."""
    item = without_nulls(item)
    completed = _COMPLETED.get(resource)
    return completed(item) if completed else item


def check(resource: Resource, new: Json, old: Json | None) -> list[Cause]:
    """What is wrong with a completed object, or with its change from `old`; empty when nothing is. Both are as they are
    stored; `resource` is the one by which it was asked for.
    """
    causes = list(metadata_causes(resource.stored, new["metadata"], old and old["metadata"]))
    checked = _CHECKED.get(resource)
    if checked:
        causes += checked(new, old)
    return causes


def type_errors(resource: Resource, item: Json) -> str | None:
    """The first value of a wrong type, in the words of the API server's decoder; None when all can be read."""
    return type_error(resource.message, item)


def unknown_fields(resource: Resource, item: Json) -> list[str]:
    """The paths of fields that the kind does not have, such as `spec.ports[0].prot`."""
    return unknown(resource.message, item)


def known_fields(resource: Resource, item: Json) -> Json:
    """The object without them, as the API server's decoder leaves it."""
    return known(resource.message, item)
