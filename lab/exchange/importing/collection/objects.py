"""A cluster's objects, as far as its network is made of them. Whatever else a dump says is passed over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address
from typing import Any

from lab.exchange.importing.collection.archive import Collected
from lab.exchange.importing.collection.notes import Notes
from lab.exchange.importing.collection.text import Json, items
from lab.topology.schema import ZONE

_ENDED = ("Succeeded", "Failed")
_KEPT = ("projectcalico.org/", "flannel.alpha.coreos.com/", "k3s.io/")


@dataclass(frozen=True, slots=True)
class Node:
    """`address` is its InternalIP of IPv4."""

    name: str
    address: str
    zone: str = ""
    pod_cidrs: tuple[str, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()

    def annotation(self, name: str) -> str:
        return next((value for key, value in self.annotations if key == name), "")


@dataclass(frozen=True, slots=True)
class Port:
    name: str
    protocol: str
    number: int


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod that has an address. `words` are its containers' arguments, as far as the control plane's own say what the
    cluster is like.
    """

    namespace: str
    name: str
    node: str
    address: str
    labels: tuple[tuple[str, str], ...] = ()
    host: bool = False
    ready: bool = True
    ports: tuple[Port, ...] = ()
    hostname: str = ""
    subdomain: str = ""
    words: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Kept:
    """A Service or an EndpointSlice, as it was, with the fields that the lab looks at."""

    namespace: str
    name: str
    labels: Json
    spec: Json
    status: Json = field(default_factory=dict)

    @property
    def place(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(slots=True)
class Objects:
    """All of a cluster's."""

    nodes: list[Node] = field(default_factory=list)
    pods: list[Pod] = field(default_factory=list)
    services: list[Kept] = field(default_factory=list)
    slices: list[Kept] = field(default_factory=list)
    policies: int = 0
    pools: list[Json] = field(default_factory=list)
    affinities: list[tuple[str, str]] = field(default_factory=list)
    """node and block"""
    service_cidrs: list[str] = field(default_factory=list)


def read_objects(one: Collected, notes: Notes) -> Objects:
    """All that the archive of a cluster has. Objects that cannot be understood are left out, with a note."""
    found = Objects()
    for item in _some(one, "nodes.json", notes):
        found.nodes.append(_node(item))
    for item in _some(one, "pods.json", notes):
        pod = _pod(item)
        if pod:
            found.pods.append(pod)
    one.files.pop("pods.json", None)  # a hundred megabytes of a large cluster
    for item in _some(one, "services.json", notes):
        found.services.append(_service(item))
    for item in _some(one, "endpointslices.json", notes):
        found.slices.append(_slice(item))
    found.policies = sum(1 for _ in _some(one, "networkpolicies.json", notes))
    found.pools = [_map(item, "spec") for item in _some(one, "ippools.json", notes)]
    for item in _some(one, "blockaffinities.json", notes):
        spec = _map(item, "spec")
        if spec.get("state") == "confirmed" and str(spec.get("deleted")).lower() != "true":
            found.affinities.append((str(spec.get("node")), str(spec.get("cidr"))))
    for item in _some(one, "servicecidrs.json", notes):
        found.service_cidrs += _texts(_map(item, "spec"), "cidrs")
    return found


def cluster_uid(one: Collected) -> str:
    """What tells one cluster from another: the identity of its namespace kube-system."""
    found = {item["metadata"]["name"]: item["metadata"] for item in _some(one, "namespaces.json", Notes())}
    return str(found.get("kube-system", {}).get("uid", ""))


def _some(one: Collected, file: str, notes: Notes) -> Iterator[Json]:
    """Objects that have a name; what goes wrong with one of them in the reader's hands ends there."""
    for number, item in enumerate(items(one, file, notes), 1):
        metadata = item.get("metadata")
        if isinstance(metadata, dict) and isinstance(metadata.get("name"), str):
            yield item
        else:
            notes.add(f"{one.called(file)}: object {number} has no name: it is left out", "objects without a name")


def ipv4(value: Any) -> str:  # noqa: ANN401  whatever stands there
    """The address, "" for anything else."""
    try:
        return str(IPv4Address(value)) if isinstance(value, str) else ""
    except AddressValueError:
        return ""


def _node(item: Json) -> Node:
    metadata, spec, status = item["metadata"], _map(item, "spec"), _map(item, "status")
    addresses = [one for one in _list(status, "addresses") if one.get("type") == "InternalIP"]
    annotations = {str(key): str(value) for key, value in _map(metadata, "annotations").items()}
    return Node(
        metadata["name"],
        next((found for one in addresses if (found := ipv4(one.get("address")))), ""),
        str(_map(metadata, "labels").get(ZONE, "")),
        tuple(
            text for text in _texts(spec, "podCIDRs") or [str(spec.get("podCIDR") or "")] if text and ":" not in text
        ),
        tuple((key, value) for key, value in annotations.items() if key.startswith(_KEPT)),
    )


def _pod(item: Json) -> Pod | None:
    metadata, spec, status = item["metadata"], _map(item, "spec"), _map(item, "status")
    addresses = [status.get("podIP"), *(one.get("ip") for one in _list(status, "podIPs"))]
    address = next((found for one in addresses if (found := ipv4(one))), "")
    if status.get("phase") in _ENDED or not spec.get("nodeName") or not address:
        return None
    ready = [one.get("status") == "True" for one in _list(status, "conditions") if one.get("type") == "Ready"]
    containers = _list(spec, "containers")
    ports = [
        Port(str(port.get("name") or ""), str(port.get("protocol") or "TCP"), int(port["containerPort"]))
        for container in containers
        for port in _list(container, "ports")
        if isinstance(port.get("containerPort"), int)
    ]
    namespace = str(metadata.get("namespace") or "default")
    words = [word for container in containers for key in ("command", "args") for word in _texts(container, key)]
    return Pod(
        namespace,
        metadata["name"],
        str(spec["nodeName"]),
        address,
        tuple((str(key), str(value)) for key, value in _map(metadata, "labels").items()),
        spec.get("hostNetwork") is True,
        any(ready),
        tuple(dict.fromkeys(ports)),
        str(spec.get("hostname") or ""),
        str(spec.get("subdomain") or ""),
        tuple(words) if namespace == "kube-system" else (),
    )


def _service(item: Json) -> Kept:
    spec, balancer = _map(item, "spec"), _map(_map(item, "status"), "loadBalancer")
    clean = {**spec, "ports": _list(spec, "ports"), "selector": _map(spec, "selector")}
    return _kept(item, clean, {"loadBalancer": {"ingress": _list(balancer, "ingress")}})


def _slice(item: Json) -> Kept:
    endpoints = [
        {
            "addresses": _texts(one, "addresses"),
            "conditions": _map(one, "conditions"),
            "nodeName": str(one.get("nodeName") or ""),
        }
        for one in _list(item, "endpoints")
    ]
    spec = {"addressType": item.get("addressType"), "endpoints": endpoints, "ports": _list(item, "ports")}
    return _kept(item, spec, {})


def _kept(item: Json, spec: Json, status: Json) -> Kept:
    metadata = item["metadata"]
    labels = {str(key): str(value) for key, value in _map(metadata, "labels").items()}
    return Kept(str(metadata.get("namespace") or "default"), metadata["name"], labels, spec, status)


def _texts(item: Json, name: str) -> list[str]:
    value = item.get(name)
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _map(item: Json, name: str) -> Json:
    value = item.get(name)
    return value if isinstance(value, dict) else {}


def _list(item: Json, name: str) -> list[Json]:
    value = item.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
