"""What a topology's file asks for, as objects of the API: the manifests, or the sample where there are none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lab.api.resources import BY_KIND, NAMESPACES, PODS, SERVICES, Resource
from lab.api.store import Json, Key
from lab.cluster.file.kinds import consequence
from lab.cluster.file.servicechecks import HEADLESS
from lab.cluster.file.sources import Source, each_source, kind_mistakes
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
    known = source.document.made.get((_PLAIN, source.at))
    if known is not None:
        resource, item = known
        return Wanted(resource, item, source)
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
    asks = one.resource is SERVICES and one.item.get("spec", {}).get("clusterIP") not in (None, "", HEADLESS)
    return 1 if asks else 2


def _wanted(source: Source) -> Wanted:
    resource, item = source.document.made[_PLAIN, source.at] = _item(source.value)
    if not source.at:
        source.document.content.becomes(item)
    return Wanted(resource, item, source)


def _item(value: Json) -> tuple[Resource, Json]:
    resource = BY_KIND[value["apiVersion"], value["kind"]]
    item = _plain(value)
    if resource.namespaced:
        item["metadata"]["namespace"] = item["metadata"].get("namespace") or "default"
    return resource, item


def _sample(topology: Topology) -> Iterator[Wanted]:
    """The pods and the Service that a file without manifests means: pod-0, the client, and one pod of myapp on each
    further node; on an only node, beside the client.
    """
    nodes = [node.name for node in topology.spec.nodes]
    for index, node in enumerate(nodes if len(nodes) > 1 else nodes * 2):
        labels: Json = {"labels": {"app": "myapp"}} if index else {}
        container = {"name": "server" if index else "client", "image": "built-in"}
        metadata: Json = {"name": f"pod-{index}", "namespace": "default", **labels}
        yield Wanted(PODS, _object(PODS, metadata, {"nodeName": node, "containers": [container]}))
    spec: Json = {"selector": {"app": "myapp"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    yield Wanted(SERVICES, _object(SERVICES, {"name": "myapp", "namespace": "default"}, spec))


def _object(resource: Resource, metadata: Json, spec: Json) -> Json:
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, "spec": spec}


def _plain(value: Any) -> Any:  # noqa: ANN401
    """The value without its marks, and without the fields that are null: these count as not given."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
