"""Tables: what clients print of objects without knowing their kinds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lab.api.resources import (
    CONFIGMAPS,
    DEPLOYMENTS,
    ENDPOINTS,
    ENDPOINTSLICES,
    EVENTS,
    IPADDRESSES,
    NAMESPACES,
    NODES,
    PODS,
    REPLICASETS,
    SECRETS,
    SERVICEACCOUNTS,
    SERVICECIDRS,
    SERVICES,
    Resource,
)
from lab.api.tables import others, pods, servicecidrs, services
from lab.api.tables.column import Cells, Column
from lab.api.versions import outward

Json = dict[str, Any]

_TABLES: dict[Resource, tuple[tuple[Column, ...], Cells]] = {
    CONFIGMAPS: (others.CONFIGMAPS, others.configmap_cells),
    DEPLOYMENTS: (pods.DEPLOYMENTS, pods.deployment_cells),
    ENDPOINTS: (services.ENDPOINTS, services.endpoints_cells),
    ENDPOINTSLICES: (services.ENDPOINTSLICES, services.slice_cells),
    EVENTS: (others.EVENTS, others.event_cells),
    IPADDRESSES: (servicecidrs.IPADDRESSES, servicecidrs.ipaddress_cells),
    NAMESPACES: (others.NAMESPACES, others.namespace_cells),
    NODES: (others.NODES, others.node_cells),
    PODS: (pods.PODS, pods.pod_cells),
    REPLICASETS: (pods.REPLICASETS, pods.replicaset_cells),
    SECRETS: (others.SECRETS, others.secret_cells),
    SERVICEACCOUNTS: (others.SERVICEACCOUNTS, others.serviceaccount_cells),
    SERVICECIDRS: (servicecidrs.SERVICECIDRS, servicecidrs.servicecidr_cells),
    SERVICES: (services.SERVICES, services.service_cells),
}


def table(resource: Resource, items: Sequence[Json], now: str, *, include_object: str = "Metadata") -> Json:
    """A Table (meta.k8s.io/v1) of objects of one kind, at the time `now`. `include_object` is None, Metadata or Object:
    how much of each object is in its row.
    """
    columns, cells = _TABLES[resource.stored]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {},
        "columnDefinitions": [column.definition() for column in columns],
        "rows": [_row(resource, item, cells(item, now), include_object) for item in items],
    }


def _row(resource: Resource, item: Json, cells: list[Any], include_object: str) -> Json:
    row: Json = {"cells": cells}
    conditions = pods.pod_conditions(item) if resource is PODS else []
    if conditions:
        row["conditions"] = conditions
    if include_object == "Object":
        row["object"] = outward(resource, {"apiVersion": resource.api_version, "kind": resource.kind, **item})
    elif include_object != "None":
        told = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
        row["object"] = {**told, "metadata": item["metadata"]}
    return row
