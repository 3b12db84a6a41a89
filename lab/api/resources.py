"""Which kinds the API serves, and under which names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """One kind, there once: compared by identity. `group` is "" for the core group; `subresources` are served beside
    the object itself. With `stored_as` its objects are another resource's, told in other words (lab.api.versions).
    `schema` names the message of its fields, its kind if "".
    """

    group: str
    version: str
    kind: str
    plural: str
    short: tuple[str, ...] = ()
    namespaced: bool = True
    subresources: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    stored_as: Resource | None = None
    schema: str = ""

    @property
    def stored(self) -> Resource:
        """The resource under which the store has its objects."""
        return self.stored_as or self

    @property
    def message(self) -> str:
        """The name of the message that describes its fields (lab.api.schema)."""
        return self.schema or self.kind

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
SECRETS = Resource("", "v1", "Secret", "secrets")
SERVICEACCOUNTS = Resource("", "v1", "ServiceAccount", "serviceaccounts", ("sa",))
DEPLOYMENTS = Resource("apps", "v1", "Deployment", "deployments", ("deploy",), True, ("status", "scale"), _ALL)
REPLICASETS = Resource("apps", "v1", "ReplicaSet", "replicasets", ("rs",), True, ("status", "scale"), _ALL)
ENDPOINTSLICES = Resource("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
NEW_EVENTS = Resource("events.k8s.io", "v1", "Event", "events", ("ev",), stored_as=EVENTS, schema="events.Event")
IPADDRESSES = Resource("networking.k8s.io", "v1", "IPAddress", "ipaddresses", ("ip",), False)
SERVICECIDRS = Resource("networking.k8s.io", "v1", "ServiceCIDR", "servicecidrs", (), False, ("status",))

RESOURCES = (
    CONFIGMAPS,
    ENDPOINTS,
    EVENTS,
    NAMESPACES,
    NODES,
    PODS,
    SECRETS,
    SERVICEACCOUNTS,
    SERVICES,
    DEPLOYMENTS,
    REPLICASETS,
    ENDPOINTSLICES,
    NEW_EVENTS,
    IPADDRESSES,
    SERVICECIDRS,
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
