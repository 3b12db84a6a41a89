"""`calicoctl get`: pools, nodes and workload endpoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lab.calicoctl import objects, tables
from lab.calicoctl.answers import Answer, failed, refused
from lab.calicoctl.kinds import KINDS, Absent, Kind, found
from lab.calicoctl.options import Given, Options
from lab.calicoctl.seen import Json, Seen
from lab.suggestion import nearest

OPTIONS = Options(
    {"output": "o", "namespace": "n", "filename": "f", "config": "c", "context": ""},
    {
        "all-namespaces": "A",
        "recursive": "R",
        "skip-empty": "",
        "export": "",
        "allow-version-mismatch": "",
        "help": "h",
    },
)
DEFAULT = "default"
_PODS = ("pod", "pods", "po")
_COLUMNS, _TEMPLATES = "custom-columns", ("go-template", "go-template-file")

_AS_TEXT = {"json": objects.to_json, "yaml": objects.to_yaml, "yml": objects.to_yaml}

Write = Callable[[Kind, list[Json], bool], str]
"""Of objects of a kind, and whether their namespaces are told."""


class _WrongError(Exception):
    """What was asked for cannot be, in calicoctl's words."""


def get(given: Given, seen: Seen) -> Answer:
    """Of what kind, and which of it."""
    output = given.value("output", "ps")
    if output.partition("=")[0] in _TEMPLATES:
        return refused(
            f"-o {output.partition('=')[0]} is Go's own language, which is not spoken here",
            "-o json has all fields, for jq; -o custom-columns=NAME,… chooses columns",
        )
    if given.has("filename"):
        return refused("-f FILE reads Calico's objects, which nobody needs here", "name the kind: get ippools")
    try:
        write = _printer(output)
        return _got(given, seen, write)
    except _WrongError as wrong:
        return failed(str(wrong))


def _got(given: Given, seen: Seen, write: Write) -> Answer:
    """_WrongError where nothing is printed at all."""
    typed, *names = given.words
    kind = found(typed)
    if kind is None:
        raise _WrongError(f"failed to get resources: resource type '{typed}' is not supported{_meant(typed)}")
    if isinstance(kind, Absent):
        return refused(f"the lab has no object of kind {kind.kind}", kind.instead)
    if "" in names:
        raise _WrongError("failed to get resources: resource name may not be empty")
    made: list[Json] = []
    missing: list[str] = []
    for name in names or [""]:
        try:
            made.append(_one(kind, name, given, seen) if name else _all(kind, given, seen))
        except _WrongError as why:
            missing.append(str(why))
    printed = write(kind, made, _is_namespace_told(given))
    return failed("\n".join(missing), printed) if missing else Answer(printed)


def _meant(typed: str) -> str:
    if typed.lower() in _PODS:
        return "\nhint: what Calico has of pods are workloadendpoints; Kubernetes' own: ./inv get pods"
    likely = nearest(typed, [name for one in KINDS for name in one.names[:2]])
    known = ", ".join(one.names[1] for one in KINDS)
    return f"\nhint: did you mean '{likely}'?" if likely else f"\nhint: the lab has {known}"


def _is_namespace_told(given: Given) -> bool:
    return given.has("all-namespaces") or bool(given.value("namespace"))


def _namespace(kind: Kind, given: Given) -> str:
    """The namespace that is meant, "" for all. _WrongError."""
    everywhere, named = given.has("all-namespaces"), given.value("namespace")
    if not kind.namespaced:
        if everywhere or named:
            raise _WrongError(f"{kind.kind} is not namespaced")
        return ""
    if everywhere and named:
        raise _WrongError("cannot use both --namespace and --all-namespaces flags at the same time")
    return "" if everywhere else named or DEFAULT


def _all(kind: Kind, given: Given, seen: Seen) -> Json:
    namespace = _namespace(kind, given)
    items = [one for one in kind.items(seen) if not namespace or one["metadata"]["namespace"] == namespace]
    revision = seen.revision if kind.items is not objects.pools else ""
    return objects.listed(kind.kind, items, revision)


def _one(kind: Kind, name: str, given: Given, seen: Seen) -> Json:
    namespace = _namespace(kind, given)
    if kind.namespaced and not namespace:
        raise _WrongError("cannot use --all-namespace flag for getting a single resource")
    for one in kind.items(seen):
        if one["metadata"]["name"] == name and (not namespace or one["metadata"]["namespace"] == namespace):
            return objects.exported(one) if given.has("export") else one
    key = f"{kind.kind}({namespace}/{name})" if namespace else f"{kind.kind}({name})"
    raise _WrongError(f"resource does not exist: {key} with error: {_why(kind, name, namespace, seen)}")


def _why(kind: Kind, name: str, namespace: str, seen: Seen) -> str:
    if not kind.namespaced:
        return kind.missing.format(name)
    parts = objects.endpoint_parts(name)
    if len(parts) < 3:
        return "malformed WorkloadEndpoint name - unable to determine Pod name"
    there = any((one["metadata"]["namespace"], one["metadata"]["name"]) == (namespace, parts[2]) for one in seen.pods)
    return "<nil>" if there else kind.missing.format(parts[2])


def _printer(output: str) -> Write:
    """_WrongError for a form that there is not."""
    form, _, value = output.partition("=")
    if output in _AS_TEXT:
        text = _AS_TEXT[output]
        return lambda _kind, made, _told: text(made[0] if len(made) == 1 else made or None)
    if output in ("ps", "wide"):
        return lambda kind, made, told: _tables(kind, made, kind.wide if output == "wide" else kind.shown, told)
    if form != _COLUMNS:
        raise _WrongError(f"unrecognized output format '{output}'")
    if not value:
        raise _WrongError("need to specify at least one column")
    headings = value.split(",")
    return lambda kind, made, told: _tables(kind, made, headings, told)


def _tables(kind: Kind, made: list[Json], headings: Sequence[str], namespace_told: bool) -> str:
    """One for the list, or for each object that was named, with an empty line after it."""
    if namespace_told and kind.namespaced:
        headings = ("NAMESPACE", *headings)
    unknown = next((one for one in headings if one not in kind.cells), None)
    if unknown is not None:
        raise _WrongError(f"unknown heading {unknown}, valid values are: {', '.join(kind.cells)}")
    cells = [kind.cells[one] for one in headings]
    told = ""
    for one in made:
        rows = [[cell(item) for cell in cells] for item in one.get("items", [one])]
        told += f"{tables.columns(headings, rows)}\n"
    return told
