"""YAML documents to validated manifests that remember where they came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import ValidationError

from lab.cluster.file import manifests
from lab.cluster.file.kinds import LIST, MODELS, STORED_ONLY, consequence, groups, known_kinds, versions_of
from lab.errors import Mistake
from lab.suggestion import did_you_mean
from lab.topology.field_errors import MAX_MISTAKES, refusals
from lab.topology.yaml.document import Document, Mapping, Path, Sequence, shown

T = TypeVar("T", bound=manifests.Object)

_VALIDATED = "validated"
_SYSTEM_NAMESPACES = ("default", "kube-system")
_CLUSTER_WIDE = (manifests.Namespace, manifests.StoredClusterWide)


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Where a manifest stands: a document, or an item of a List in it."""

    document: Document
    at: Path = ()

    @property
    def value(self) -> Any:  # noqa: ANN401  whatever YAML holds
        """The manifest as it stands there."""
        value = self.document.value
        for part in self.at:
            value = value[part]
        return value

    def mistake(self, path: Path, problem: str, remedy: str = "", *, key: bool = False) -> Mistake:
        return self.document.mistake(self.at + path, problem, remedy, key=key)

    def warning(self, path: Path, text: str) -> str:
        return self.document.warning(self.at + path, text)

    @property
    def kind(self) -> tuple[str, str]:
        """The apiVersion and kind that it says, "" for what it does not say in words."""
        value = self.value
        if not isinstance(value, dict):
            return "", ""
        version, kind = value.get("apiVersion"), value.get("kind")
        return version if isinstance(version, str) else "", kind if isinstance(kind, str) else ""

    @property
    def named(self) -> str:
        """`NetworkPolicy shop/deny`, as far as it says so."""
        value = self.value
        metadata = value.get("metadata") if isinstance(value, dict) else None
        said = metadata if isinstance(metadata, dict) else {}
        place = "/".join(str(said[part]) for part in ("namespace", "name") if isinstance(said.get(part), str))
        return " ".join(filter(None, (self.kind[1] or "object", shown(place)[1:-1] if place else "")))

    def __str__(self) -> str:
        file, line, _ = self.document.position(self.at)
        return f"{file}:{line}"


def left_out(source: Source, meant: str) -> str:
    """The warning of an object that the lab does not store: which one, where, and what it would have meant."""
    told = f": {meant}" if meant else "; it means nothing to this network"
    return source.warning(("kind",), f"{source.named} is left out{told}")


def kind_mistakes(source: Source) -> list[Mistake]:
    """What is wrong with its apiVersion and kind; nothing when they are stored or left out."""
    value = source.value
    if not isinstance(value, dict):
        return [source.mistake((), f"{shown(value)} is not a Kubernetes manifest", "one is a mapping")]
    said = {name: value.get(name) for name in ("apiVersion", "kind")}
    missing = [name for name, given in said.items() if given is None]
    if missing:
        example = {"apiVersion": "v1", "kind": "Pod"}
        return [source.mistake((name,), "is missing", f"such as {example[name]}") for name in missing]
    version, kind = source.kind
    if not version or not kind:
        return [source.mistake(("kind",), f"{shown(said['apiVersion'])} {shown(said['kind'])} is no kind of object")]
    if (version, kind) in MODELS or consequence(version, kind) is not None:
        return []
    return [_unknown_kind(source, version, kind)]


@dataclass(slots=True)
class Manifests:
    """All manifests of the documents in order, with what is wrong or left out."""

    found: list[tuple[Source, manifests.Object]] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def of(self, kind: type[T]) -> Iterator[tuple[Source, T]]:
        """The manifests of one kind."""
        return ((source, item) for source, item in self.found if isinstance(item, kind))

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces there are: Kubernetes' own, then the files'."""
        own = dict.fromkeys(_SYSTEM_NAMESPACES)
        return tuple(own | dict.fromkeys(item.metadata.name for _, item in self.of(manifests.Namespace)))


def read_manifests(documents: Iterable[Document]) -> Manifests:
    """Each manifest validated by itself, then names and namespaces among each other."""
    result = Manifests()
    for source in each_source(documents, result.mistakes):
        _read(source, result)
        if len(result.mistakes) > MAX_MISTAKES:
            return result
    _check_names(result)
    return result


def each_source(documents: Iterable[Document], mistakes: list[Mistake]) -> Iterator[Source]:
    """The documents, with the items of every List in its place. Lists without any go to `mistakes`."""
    waiting = [Source(document) for document in reversed(tuple(documents))]
    while waiting:
        source = waiting.pop()
        value = source.value
        if not isinstance(value, Mapping) or (value.get("apiVersion"), value.get("kind")) != LIST:
            yield source
            continue
        items = value.get("items")
        if items is not None and not isinstance(items, Sequence):
            mistakes.append(source.mistake(("items",), f"{shown(items)} is not a list"))
            continue
        waiting += [Source(source.document, (*source.at, "items", i)) for i in reversed(range(len(items or ())))]


def _read(source: Source, result: Manifests) -> None:
    known = source.document.made.get((_VALIDATED, source.at))
    if known is not None:
        result.found.append((source, known))
        return
    result.mistakes += (mistakes := kind_mistakes(source))
    if mistakes:
        return
    model = MODELS.get(source.kind)
    if model is None:
        result.warnings.append(left_out(source, consequence(*source.kind) or ""))
        return
    try:
        item = model.model_validate(source.value)
        source.document.made[_VALIDATED, source.at] = item
        result.found.append((source, item))
    except ValidationError as error:
        result.mistakes += refusals(error, source.document, model, source.at)


def _unknown_kind(source: Source, version: str, kind: str) -> Mistake:
    if version == "hoplab/v1":
        return source.mistake(("kind",), "a Topology stands here", "only the first document of a file is one")
    if versions := versions_of(kind):
        problem = f"{kind} is not of apiVersion {shown(version)}"
        return source.mistake(("apiVersion",), problem, f"write 'apiVersion: {versions[0]}'")
    problem = f"{shown(version)} {shown(kind)} is not a kind of object that Hoplab knows"
    known = ", ".join(kind for one, kind in MODELS if (one, kind) not in STORED_ONLY)
    # In a group that nobody here knows, a name that is like one of ours is like it by chance.
    alike = known_kinds() if version.rpartition("/")[0] in groups() else ()
    return source.mistake(("kind",), problem, did_you_mean(kind, alike, f"it knows {known}"))


def _check_names(result: Manifests) -> None:
    """Every namespace is there, and no name is used twice."""
    namespaces = result.namespaces
    first: dict[tuple[str, str, str, str], Source] = {}
    for source, item in result.found:
        metadata = item.metadata
        inside = "" if isinstance(item, _CLUSTER_WIDE) else metadata.namespace
        if inside and inside not in namespaces:
            close = did_you_mean(inside, namespaces)
            remedy = f"add a Namespace manifest for it{f', or {close}' if close else ''}"
            result.mistakes.append(source.mistake(("metadata", "namespace"), f"there is no namespace {inside}", remedy))
        key = (*source.kind, inside, metadata.name)
        if key in first:
            kind = source.kind[1]
            where = f"{inside}/{metadata.name}" if inside else metadata.name
            problem = f"the {kind} {where} is already there, at {first[key]}"
            result.mistakes.append(source.mistake(("metadata", "name"), problem, "choose another name"))
        first.setdefault(key, source)
