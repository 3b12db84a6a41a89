"""Which kinds the API serves, and under which names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """One kind, there once: compared by identity. `group` is "" for the core group; `subresources` are served beside
    the object itself.
    """

    group: str
    version: str
    kind: str
    plural: str
    short: tuple[str, ...] = ()
    namespaced: bool = True
    subresources: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def singular(self) -> str:
        return self.kind.lower()

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """As messages name it: `pods`, `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


_ALL = ("all",)

NAMESPACES = Resource("", "v1", "Namespace", "namespaces", ("ns",), False, ("status",))
NODES = Resource("", "v1", "Node", "nodes", ("no",), False, ("status",))
PODS = Resource("", "v1", "Pod", "pods", ("po",), True, ("status", "log", "exec", "binding"), _ALL)
SERVICES = Resource("", "v1", "Service", "services", ("svc",), True, ("status",), _ALL)
ENDPOINTS = Resource("", "v1", "Endpoints", "endpoints", ("ep",))
CONFIGMAPS = Resource("", "v1", "ConfigMap", "configmaps", ("cm",))
EVENTS = Resource("", "v1", "Event", "events", ("ev",))
DEPLOYMENTS = Resource("apps", "v1", "Deployment", "deployments", ("deploy",), True, ("status", "scale"), _ALL)
REPLICASETS = Resource("apps", "v1", "ReplicaSet", "replicasets", ("rs",), True, ("status", "scale"), _ALL)
ENDPOINTSLICES = Resource("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")

RESOURCES = (
    CONFIGMAPS,
    ENDPOINTS,
    EVENTS,
    NAMESPACES,
    NODES,
    PODS,
    SERVICES,
    DEPLOYMENTS,
    REPLICASETS,
    ENDPOINTSLICES,
)

BY_PATH = {(one.group, one.version, one.plural): one for one in RESOURCES}
"""By group, version and plural, as they stand in a path."""

BY_KIND = {(one.api_version, one.kind): one for one in RESOURCES}
"""By apiVersion and kind, as they stand in an object."""


def by_name(name: str) -> Resource | None:
    """By any name that kubectl takes: plural, singular, short, with the group behind a dot; None for others."""
    wanted = name.lower()
    for one in RESOURCES:
        if wanted in (one.plural, one.singular, one.qualified, *one.short):
            return one
    return None
