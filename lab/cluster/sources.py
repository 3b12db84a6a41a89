"""YAML documents to validated manifests that remember where they came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import ValidationError

from lab.cluster import manifests
from lab.cluster.kinds import CONSEQUENCES, LIST, MODELS, PASSED_OVER, known_kinds, versions_of
from lab.errors import Mistake
from lab.suggestion import did_you_mean
from lab.topology.document import Document, Mapping, Path, Sequence, shown
from lab.topology.refusals import MAX_MISTAKES, refusals

T = TypeVar("T", bound=manifests.Object)

_VALIDATED = "validated"
_SYSTEM_NAMESPACES = ("default", "kube-system")


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

    def __str__(self) -> str:
        file, line, _ = self.document.position(self.at)
        return f"{file}:{line}"


@dataclass(slots=True)
class Manifests:
    """All manifests of the documents in order, with what is wrong or passed over."""

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


def read_manifests(documents: Iterable[Document], *, alone: bool = False) -> Manifests:
    """Each manifest validated by itself, then names and namespaces among each other, unless each stands `alone`."""
    result = Manifests()
    for source in _sources(documents, result):
        _read(source, result)
        if len(result.mistakes) > MAX_MISTAKES:
            return result
    if not alone:
        _check_names(result)
    return result


def _sources(documents: Iterable[Document], result: Manifests) -> Iterator[Source]:
    """The documents, with the items of every List in its place."""
    waiting = [Source(document) for document in reversed(tuple(documents))]
    while waiting:
        source = waiting.pop()
        value = source.value
        if not isinstance(value, Mapping) or (value.get("apiVersion"), value.get("kind")) != LIST:
            yield source
            continue
        items = value.get("items")
        if items is not None and not isinstance(items, Sequence):
            result.mistakes.append(source.mistake(("items",), f"{shown(items)} is not a list"))
            continue
        waiting += [Source(source.document, (*source.at, "items", i)) for i in reversed(range(len(items or ())))]


def _read(source: Source, result: Manifests) -> None:
    value = source.value
    if not isinstance(value, dict):
        result.mistakes.append(source.mistake((), f"{shown(value)} is not a Kubernetes manifest", "one is a mapping"))
        return
    version, kind = value.get("apiVersion"), value.get("kind")
    missing = [name for name, given in (("apiVersion", version), ("kind", kind)) if given is None]
    if missing:
        example = {"apiVersion": "v1", "kind": "Pod"}
        result.mistakes += [source.mistake((name,), "is missing", f"such as {example[name]}") for name in missing]
    elif not isinstance(version, str) or not isinstance(kind, str):
        result.mistakes.append(source.mistake(("kind",), f"{shown(version)} {shown(kind)} is no kind of object"))
    elif model := MODELS.get((version, kind)):
        try:
            item = source.document.made.get((_VALIDATED, source.at)) or model.model_validate(value)
            source.document.made[_VALIDATED, source.at] = item
            result.found.append((source, item))
        except ValidationError as error:
            result.mistakes += refusals(error, source.document, model, source.at)
    elif (version, kind) in PASSED_OVER:
        consequence = f": {CONSEQUENCES[kind]}" if kind in CONSEQUENCES else ""
        result.warnings.append(source.warning(("kind",), f"{kind} is passed over{consequence}"))
    else:
        result.mistakes.append(_unknown_kind(source, version, kind))


def _unknown_kind(source: Source, version: str, kind: str) -> Mistake:
    if version == "hoplab/v1":
        return source.mistake(("kind",), "a Topology stands here", "only the first document of a file is one")
    if versions := versions_of(kind):
        problem = f"{kind} is not of apiVersion {shown(version)}"
        return source.mistake(("apiVersion",), problem, f"write 'apiVersion: {versions[0]}'")
    problem = f"{shown(version)} {shown(kind)} is not a kind of object that Hoplab knows"
    known = ", ".join(kind for _, kind in MODELS)
    return source.mistake(("kind",), problem, did_you_mean(kind, known_kinds(), f"it knows {known}"))


def _check_names(result: Manifests) -> None:
    """Every namespace is there, and no name is used twice."""
    namespaces = result.namespaces
    first: dict[tuple[type, str, str], Source] = {}
    for source, item in result.found:
        metadata = item.metadata
        inside = "" if isinstance(item, manifests.Namespace) else metadata.namespace
        if inside and inside not in namespaces:
            close = did_you_mean(inside, namespaces)
            remedy = f"add a Namespace manifest for it{f', or {close}' if close else ''}"
            result.mistakes.append(source.mistake(("metadata", "namespace"), f"there is no namespace {inside}", remedy))
        key = (type(item), inside, metadata.name)
        if key in first:
            kind = type(item).__name__
            where = f"{inside}/{metadata.name}" if inside else metadata.name
            problem = f"the {kind} {where} is already there, at {first[key]}"
            result.mistakes.append(source.mistake(("metadata", "name"), problem, "choose another name"))
        first.setdefault(key, source)
