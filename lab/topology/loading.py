"""A topology's text to a checked Topology and the manifests that follow it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from pydantic import ValidationError

from lab.errors import FileError, Mistake
from lab.topology.consistency import check
from lab.topology.defaults import complete
from lab.topology.field_errors import MAX_MISTAKES, file_error, refusals
from lab.topology.firewall.rule_files import load_firewalls
from lab.topology.real_machines import Machine
from lab.topology.remarks import remarks
from lab.topology.schema import Topology
from lab.topology.yaml.document import Document, Mapping, Path, shown
from lab.topology.yaml.settings import apply_settings
from lab.topology.yaml.standing import Stood
from lab.topology.yaml.text import read_documents

API_VERSION, KIND = "hoplab/v1", "Topology"
S = TypeVar("S", bound=Stood)

_FIRST = f"one begins with 'apiVersion: {API_VERSION}', 'kind: {KIND}' and 'metadata: {{name: …}}'"


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """A topology with every default filled in, and the Kubernetes manifests that stand after it."""

    topology: Topology
    manifests: tuple[Document, ...]
    warnings: tuple[str, ...] = ()
    written: Mapping = field(default_factory=Mapping)
    """the topology's own document as it stands, with the settings made"""
    beside: dict[str, str] = field(default_factory=dict)
    """the texts of the files that it names, by their names"""


def load_topology(
    text: str,
    file: str,
    read_file: Callable[[str], str],
    settings: Sequence[str] = (),
    read: Callable[[str, str], tuple[Document, ...]] = read_documents,
) -> LoadedFile:
    """The whole file, with `settings` (`cni.encapsulation=VXLAN`) made first.

    `read` gives the documents of a text and a file's name. `read_file` gives the text of a file that this one names
    (`rulesFile`, `routesFile`, …) and has not itself (`spec.files`), and raises OSError when it cannot. What they hold
    is in the Firewall's `rules` and `sets`, and in the Machine's `saved`, afterwards. Raises FileError with every
    mistake that can be told at once.
    """
    documents = read(text, file)
    first = apply_settings(_topology_document(documents, file), settings)
    try:
        topology = Topology.model_validate(first.value, by_alias=True, by_name=False)
    except ValidationError as error:
        raise file_error(refusals(error, first, Topology)) from None
    topology = complete(topology)
    mistakes = [first.mistake(*objection) for objection in islice(check(topology.spec), MAX_MISTAKES + 1)]
    warnings = [first.warning(*remark) for remark in remarks(topology.spec)]
    beside: dict[str, str] = {}

    def read_beside(name: str) -> str:
        beside[name] = topology.spec.files[name] if name in topology.spec.files else read_file(name)
        return beside[name]

    loaded = load_firewalls(topology.spec, first, read_beside)
    mistakes += loaded.mistakes
    machines: tuple[Machine, ...] = ()
    if topology.spec.machines:
        from lab.topology.machine.machine_files import load_machines  # noqa: PLC0415  few files have some

        found = load_machines(topology.spec, first, read_beside)
        machines = tuple(found.machines)
        mistakes += found.mistakes
        warnings += found.warnings
    if mistakes:
        raise file_error(mistakes)
    links = tuple(
        link.standing(_origin(first, ("spec", "links", number))) for number, link in enumerate(topology.spec.links)
    )
    given = {
        "firewalls": tuple(loaded.firewalls),
        "machines": machines,
        "links": links,
        "expect": _stood(first, "expect", topology.spec.expect),
        "faults": _stood(first, "faults", topology.spec.faults),
        "drift": _stood(first, "drift", topology.spec.drift),
    }
    spec = topology.spec.model_copy(update=given)
    told = (*warnings, *loaded.warnings)
    return LoadedFile(topology.model_copy(update={"spec": spec}), documents[1:], told, first.value, beside)


def _stood(document: Document, field: str, found: Iterable[S]) -> tuple[S, ...]:
    return tuple(one.stood(document, ("spec", field, number)) for number, one in enumerate(found))


def _origin(document: Document, path: Path) -> str:
    """`two-subnet.yaml:31`."""
    file, line, _ = document.position(path)
    return f"{file.rpartition('/')[2]}:{line}"


def load_manifests(text: str, file: str) -> tuple[Document, ...]:
    """A file of Kubernetes manifests alone, as `kubectl apply` takes it. Raises FileError."""
    return read_documents(text, file)


def _topology_document(documents: tuple[Document, ...], file: str) -> Document:
    """The first document, which must be ours."""
    if not documents:
        raise FileError((Mistake(file, 1, 1, "", "there is no topology in the file", _FIRST),))
    first = documents[0]
    if not isinstance(first.value, Mapping):
        raise FileError((first.mistake((), f"the first document is {shown(first.value)}, not a topology", _FIRST),))
    version, kind = first.value.get("apiVersion"), first.value.get("kind")
    if kind != KIND and not str(version).startswith("hoplab/"):
        problem = (
            f"the first document is {shown(kind)}, not a topology" if kind else "the first document is no topology"
        )
        raise FileError((first.mistake(("kind",), problem, _FIRST),))
    mistakes = [
        first.mistake((field,), "is missing", f"write '{field}: {expected}'")
        if field not in first.value
        else first.mistake((field,), f"{shown(first.value[field])} is not a topology's", f"write '{field}: {expected}'")
        for field, expected in (("apiVersion", API_VERSION), ("kind", KIND))
        if first.value.get(field) != expected
    ]
    if mistakes:
        raise FileError(tuple(mistakes))
    return first
