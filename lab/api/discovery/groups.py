"""What clients are told of the API itself: its kinds, their verbs, its version, its health."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from lab.api.discovery.release import MAJOR, MINOR, VERSION
from lab.api.resources import RESOURCES, Resource
from lab.api.scale import API_VERSION as SCALE_VERSION
from lab.api.scale import KIND as SCALE

Json = dict[str, Any]

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
"""The content type of discovery in one answer; clients take exactly this text for it."""

HEALTHY = ("/healthz", "/livez", "/readyz")

_SUBRESOURCES = {
    "status": ("", ("get", "patch", "update")),
    "scale": (SCALE, ("get", "patch", "update")),
    "log": ("", ("get",)),
    "exec": ("PodExecOptions", ("create", "get")),
    "binding": ("Binding", ("create",)),
}


def document(path: str, aggregated: bool) -> Json | None:
    """The discovery document of that path, `/api` for one; None where there is none."""
    match path.strip("/").split("/"):
        case ["api"]:
            return _aggregated("") if aggregated else {"kind": "APIVersions", "versions": ["v1"], **_ADDRESSES}
        case ["apis"]:
            groups = [_group(name) for name in _groups() if name]
            return _aggregated(*filter(None, _groups())) if aggregated else {**_GROUP_LIST, "groups": groups}
        case ["apis", group] if group in _groups():
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(group)}
        case ["api", version]:
            return _resource_list("", version)
        case ["apis", group, version]:
            return _resource_list(group, version)
        case _:
            return None


def version() -> Json:
    """What `kubectl version` shows of the server."""
    return {
        "major": str(MAJOR),
        "minor": str(MINOR),
        "gitVersion": VERSION,
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "",
        "goVersion": "",
        "compiler": "",
        "platform": "linux",
    }


def paths() -> Json:
    """What there is at the root."""
    groups = [f"/apis/{name}" for name in _groups() if name]
    versions = [f"{prefix(one)}" for one in RESOURCES]
    return {"paths": sorted({"/api", "/apis", *groups, *versions, *HEALTHY, "/openapi/v2", "/openapi/v3", "/version"})}


def prefix(resource: Resource) -> str:
    """Where the paths of its group and version begin."""
    return f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"


_ADDRESSES = {"serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": ""}]}
_GROUP_LIST = {"kind": "APIGroupList", "apiVersion": "v1"}


def _groups() -> dict[str, list[str]]:
    """The versions of each group, the core group first."""
    pairs = sorted({(one.group, one.version) for one in RESOURCES})
    return {group: [one[1] for one in found] for group, found in groupby(pairs, key=lambda pair: pair[0])}


def _group(name: str) -> Json:
    versions = [{"groupVersion": f"{name}/{version}", "version": version} for version in _groups()[name]]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _resource_list(group: str, version: str) -> Json | None:
    served = [one for one in RESOURCES if (one.group, one.version) == (group, version)]
    if not served:
        return None
    found = []
    for one in served:
        found.append(
            {
                "name": one.plural,
                "singularName": one.singular,
                "namespaced": one.namespaced,
                "kind": one.kind,
                "verbs": list(VERBS),
                **_names(one),
            }
        )
        for name in one.subresources:
            kind, verbs = _SUBRESOURCES[name]
            scale = dict(zip(("group", "version"), SCALE_VERSION.split("/"), strict=True)) if kind == SCALE else {}
            about = {"singularName": "", "namespaced": one.namespaced, **scale, "kind": kind or one.kind}
            found.append({"name": f"{one.plural}/{name}", **about, "verbs": list(verbs)})
    version = served[0].api_version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": found}


def _names(one: Resource) -> Json:
    names = {"shortNames": list(one.short), "categories": list(one.categories)}
    return {key: value for key, value in names.items() if value}


def _aggregated(*groups: str) -> Json:
    head = {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}}
    return {**head, "items": [_discovered(group) for group in groups]}


def _discovered(group: str) -> Json:
    versions = [
        {
            "version": version,
            "freshness": "Current",
            "resources": [
                _discovered_resource(one) for one in RESOURCES if (one.group, one.version) == (group, version)
            ],
        }
        for version in _groups()[group]
    ]
    return {"metadata": {"name": group, "creationTimestamp": None}, "versions": versions}


def _discovered_resource(one: Resource) -> Json:
    subresources = []
    for name in one.subresources:
        kind, verbs = _SUBRESOURCES[name]
        group, _, version = (SCALE_VERSION if kind == SCALE else one.api_version).rpartition("/")
        response = {"group": group, "version": version, "kind": kind or one.kind}
        subresources.append({"subresource": name, "responseKind": response, "verbs": list(verbs)})
    return {
        "resource": one.plural,
        "responseKind": {"group": one.group, "version": one.version, "kind": one.kind},
        "scope": "Namespaced" if one.namespaced else "Cluster",
        "singularResource": one.singular,
        "verbs": list(VERBS),
        **_names(one),
        **({"subresources": subresources} if subresources else {}),
    }
