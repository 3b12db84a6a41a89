"""What a topology's file asks for, as objects of the API: the manifests, or the sample where there are none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lab.api.resources import BY_KIND, NAMESPACES, PODS, SERVICES, Resource
from lab.api.store import Json, Key
from lab.cluster.sources import Source, read_manifests
from lab.cluster.system import sample_pods, sample_service
from lab.topology.document import Document
from lab.topology.refusals import file_error
from lab.topology.schema import Topology

_PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One object that a file asks for. `source` says where it stands; None for the sample's."""

    resource: Resource
    item: Json
    source: Source | None = None

    @property
    def key(self) -> Key:
        metadata = self.item["metadata"]
        return metadata.get("namespace", "") if self.resource.namespaced else "", metadata["name"]


def wanted(topology: Topology, documents: Sequence[Document]) -> list[Wanted]:
    """In the order in which they are made: namespaces first, then Services that ask for their address, then the rest.

    Kinds that change nothing in the network are left out; the documents are known to be right.
    """
    return wanted_of(documents) if documents else list(_sample(topology))


def wanted_of(documents: Sequence[Document]) -> list[Wanted]:
    """The same without a sample, each document judged by itself: what it refers to may be in the API already.

    FileError for what cannot be right.
    """
    read = read_manifests(documents, alone=True)
    if read.mistakes:
        raise file_error(read.mistakes)
    return sorted((_wanted(source) for source, _ in read.found), key=_turn)


def _turn(one: Wanted) -> int:
    if one.resource is NAMESPACES:
        return 0
    return 1 if one.resource is SERVICES and one.item.get("spec", {}).get("clusterIP") else 2


def _wanted(source: Source) -> Wanted:
    made = source.document.made
    if (_PLAIN, source.at) not in made:
        made[_PLAIN, source.at] = _item(source.value)
    resource, item = made[_PLAIN, source.at]
    return Wanted(resource, item, source)


def _item(value: Json) -> tuple[Resource, Json]:
    resource = BY_KIND[value["apiVersion"], value["kind"]]
    item = _plain(value)
    if resource.namespaced:
        item["metadata"].setdefault("namespace", "default")
    return resource, item


def _sample(topology: Topology) -> Iterator[Wanted]:
    """The pods and the Service that a file without manifests means, as manifests."""
    for name, template in sample_pods(topology):
        (node,) = template.among
        metadata: Json = {"name": name, "namespace": template.namespace}
        if template.labels:
            metadata["labels"] = dict(template.labels)
        container = {"name": "server" if template.labels else "client", "image": "built-in"}
        yield Wanted(PODS, _object(PODS, metadata, {"nodeName": node, "containers": [container]}))
    service = sample_service()
    ports = [{"name": port.name, "port": port.port, "targetPort": port.target_port} for port in service.ports]
    metadata = {"name": service.name, "namespace": service.namespace}
    yield Wanted(SERVICES, _object(SERVICES, metadata, {"selector": dict(service.selector), "ports": ports}))


def _object(resource: Resource, metadata: Json, spec: Json) -> Json:
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, "spec": spec}


def _plain(value: Any) -> Any:  # noqa: ANN401
    """The value without its marks, and without the fields that are null: these count as not given."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
