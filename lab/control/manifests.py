"""What a topology's file asks for, as objects of the API: the manifests, or the sample where there are none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lab.api.resources import BY_KIND, NAMESPACES, PODS, SERVICES, Resource
from lab.api.store import Json, Key
from lab.cluster.kinds import consequence
from lab.cluster.sources import Source, each_source, kind_mistakes
from lab.cluster.system import sample_pods, sample_service
from lab.errors import Mistake
from lab.topology.schema import Topology
from lab.topology.yaml.document import Document, shown

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


@dataclass(frozen=True, slots=True)
class Refused:
    """A manifest that no API takes, whatever it holds: what it is, or which, cannot be told."""

    source: Source
    mistakes: tuple[Mistake, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A manifest of a kind that the API does not store; `meant` is what it would have meant for traffic, or ""."""

    source: Source
    meant: str


Asked = Wanted | Refused | LeftOut


def wanted(topology: Topology, documents: Sequence[Document]) -> list[Wanted]:
    """In the order in which they are made: namespaces first, then Services that ask for their address, then the rest.

    Kinds that are not stored are left out; the documents are known to be right.
    """
    if not documents:
        return list(_sample(topology))
    return sorted((one for one in asked(documents) if isinstance(one, Wanted)), key=_turn)


def asked(documents: Sequence[Document]) -> Iterator[Asked]:
    """What manifests ask for, each judged by itself, in their order."""
    lists: list[Mistake] = []
    for source in each_source(documents, lists):
        yield ask(source)
    if lists:
        yield Refused(Source(documents[0]), tuple(lists))


def ask(source: Source) -> Asked:
    """What one manifest asks for."""
    mistakes = kind_mistakes(source)
    if not mistakes and source.kind not in BY_KIND:
        return LeftOut(source, consequence(*source.kind) or "")
    mistakes = mistakes or _name_mistakes(source)
    return Refused(source, tuple(mistakes)) if mistakes else _wanted(source)


def _name_mistakes(source: Source) -> list[Mistake]:
    """What keeps one from telling which object is meant."""
    metadata = source.value.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        return [source.mistake(("metadata",), f"{shown(metadata)} is not a mapping", "such as {name: web}")]
    said = metadata or {}
    wrong = [part for part in ("name", "namespace") if not isinstance(said.get(part) or "", str)]
    mistakes = [
        source.mistake(("metadata", part), f"{shown(said[part])} is not text", "put it in quotes") for part in wrong
    ]
    if not said.get("name") and "name" not in wrong:
        remedy = "apply takes no generateName" if said.get("generateName") else "it must be given"
        mistakes.append(source.mistake(("metadata", "name"), "is missing", remedy))
    return mistakes


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
        item["metadata"]["namespace"] = item["metadata"].get("namespace") or "default"
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
