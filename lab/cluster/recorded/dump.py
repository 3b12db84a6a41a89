"""A file of a cluster's objects, as `kubectl get services,endpointslices,nodes -A -o yaml` (or json) prints it.

Such a file has 40 MB for 10,000 Services, most of which nobody here looks at. JSON is read without positions, which is
the fastest; only when something in it cannot be right is it read once more, as the YAML that it also is, to say where.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import ValidationError

from lab.cluster.file.sources import Source
from lab.cluster.objects import PROXY_NAME
from lab.cluster.recorded.fields import EndpointSlice, Node, Object, Service, ServiceCidr
from lab.errors import FileError, Mistake
from lab.topology.field_errors import MAX_MISTAKES, file_error, refusals
from lab.topology.schema import ZONE
from lab.topology.yaml.document import Content, Document, shown
from lab.topology.yaml.text import read_documents

T = TypeVar("T", bound=Object)

MAX_CHARACTERS = 512 * 1024 * 1024
MAX_VALUES = 50_000_000

_MODELS: dict[tuple[str, str], type[Object]] = {
    ("v1", "Service"): Service,
    ("v1", "Node"): Node,
    ("discovery.k8s.io/v1", "EndpointSlice"): EndpointSlice,
    ("networking.k8s.io/v1", "ServiceCIDR"): ServiceCidr,
}
SERVICE_NAME = "kubernetes.io/service-name"
HEADLESS = "service.kubernetes.io/headless"

# Every key that a model has, and the labels above: the rest of a file is passed over while it is parsed.
_FIELDS = (
    "apiVersion kind items metadata name namespace labels spec status type clusterIP clusterIPs ports protocol port "
    "nodePort externalIPs loadBalancerSourceRanges sessionAffinity sessionAffinityConfig clientIP timeoutSeconds "
    "internalTrafficPolicy externalTrafficPolicy healthCheckNodePort loadBalancer ingress ip ipMode addressType "
    "endpoints addresses conditions ready serving terminating nodeName hints forZones forNodes address cidrs"
)
_KEYS = frozenset((*_FIELDS.split(), SERVICE_NAME, PROXY_NAME, HEADLESS, ZONE))


@dataclass(slots=True)
class Dump:
    """The objects that kube-proxy looks at, in the file's order, and how many others there are of each kind."""

    found: list[tuple[Source, Object]] = field(default_factory=list)
    others: dict[str, int] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def of(self, kind: type[T]) -> Iterator[tuple[Source, T]]:
        """The objects of one kind."""
        return ((source, item) for source, item in self.found if isinstance(item, kind))


def read_dump(text: str, file: str) -> Dump:
    """All objects of the text: YAML or JSON, one or many documents, Lists among them. Raises FileError."""
    documents = _json_documents(text, file)
    if documents is not None:
        dump = _dump(documents)
        if not dump.mistakes:
            return dump
    dump = _dump(_yaml_documents(text, file))
    if dump.mistakes:
        raise file_error(dump.mistakes)
    return dump


def _json_documents(text: str, file: str) -> list[Document] | None:
    """The values of a text of JSON, one after the other; None where it is something else, or no right JSON."""
    if not text.startswith("{", _space(text, 0)) or len(text) > MAX_CHARACTERS:
        return None
    decoder = json.JSONDecoder()
    documents: list[Document] = []
    try:
        position = _space(text, 0)
        while position < len(text):
            value, position = decoder.raw_decode(text, position)
            documents.append(Document(file, Content(value)))
            position = _space(text, position)
    except (ValueError, RecursionError):
        return None
    return documents


def _space(text: str, position: int) -> int:
    """Where the space that begins at `position` ends; a byte order mark is some."""
    while position < len(text) and text[position] in "\ufeff \t\r\n":
        position += 1
    return position


def _yaml_documents(text: str, file: str) -> Sequence[Document]:
    try:
        return read_documents(text, file, _KEYS, MAX_CHARACTERS, MAX_VALUES)
    except FileError:
        # An alias may stand for something that was passed over: read whole, the file is right, or all is told.
        return read_documents(text, file, None, MAX_CHARACTERS, MAX_VALUES)


def _dump(documents: Sequence[Document]) -> Dump:
    dump = Dump()
    for document in documents:
        for source, value, listed in _items(document, dump):
            _take(dump, source, value, listed)
            if len(dump.mistakes) > MAX_MISTAKES:
                return dump
    _refuse_doubles(dump)
    return dump


def _items(document: Document, dump: Dump) -> Iterator[tuple[Source, object, tuple[str, str]]]:
    """Each object, with the apiVersion and kind that it has from its list where it does not say them itself."""
    value = document.value
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or not kind.endswith("List"):
        yield Source(document), value, ("", "")
        return
    items = value.get("items")
    if items is not None and not isinstance(items, list):
        dump.mistakes.append(document.mistake(("items",), f"{shown(items)} is not a list"))
        return
    listed = (str(value.get("apiVersion")), kind.removesuffix("List")) if kind != "List" else ("", "")
    for index, item in enumerate(items or ()):
        yield Source(document, ("items", index)), item, listed


def _take(dump: Dump, source: Source, value: object, listed: tuple[str, str]) -> None:
    if not isinstance(value, dict):
        remedy = "kubectl get services,endpointslices,nodes -A -o yaml prints some"
        dump.mistakes.append(source.mistake((), f"{shown(value)} is not a Kubernetes object", remedy))
        return
    version, kind = value.get("apiVersion") or listed[0], value.get("kind") or listed[1]
    if not isinstance(version, str) or not isinstance(kind, str) or not version or not kind:
        field_ = "kind" if version else "apiVersion"
        dump.mistakes.append(source.mistake((field_,), "is missing", "every object says its apiVersion and its kind"))
        return
    model = _MODELS.get((version, kind))
    if model is None:
        dump.others[kind] = dump.others.get(kind, 0) + 1
        return
    try:
        dump.found.append((source, model.model_validate(value)))
    except ValidationError as error:
        dump.mistakes += refusals(error, source.document, model, source.at)


def _refuse_doubles(dump: Dump) -> None:
    """No object is there twice: of two, nobody could say which one counts."""
    first: dict[tuple[str, ...], Source] = {}
    for source, item in dump.found:
        metadata = item.metadata
        inside = () if isinstance(item, Node | ServiceCidr) else (item.metadata.namespace,)
        key = (type(item).__name__, *inside, metadata.name)
        if key in first:
            problem = f"the {key[0]} {'/'.join(key[1:])} is already there, at {first[key]}"
            dump.mistakes.append(source.mistake(("metadata", "name"), problem, "keep one of the two"))
        first.setdefault(key, source)
