"""`get`: the cluster's objects, as kubectl prints them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab import terminal
from lab.agent.client import calls
from lab.errors import UsageError
from lab.suggestion import did_you_mean
from lab.tasks.commandline.task import LAB, Context, command

if TYPE_CHECKING:
    from lab.agent.client.client import Client
    from lab.api.resources import Resource

Json = dict[str, Any]

JSON = "application/json"
TABLE = f"{JSON};as=Table;v=v1;g=meta.k8s.io"


@command(
    positional=["resource", "name"],
    help={
        **LAB,
        "resource": "nodes, pods, services, endpointslices, deployments … or kubectl's short names.",
        "name": "Only the object of this name; RESOURCE/NAME is the same.",
        "namespace": "Only this namespace.",
        "all-namespaces": "All of them, as without --namespace.",
        "selector": "Only objects with these labels, as kubectl writes it: app=web,tier!=db.",
        "output": "More columns, or the objects themselves.",
        "watch": "Then tell every change, until Ctrl-C.",
    },
    choices={"output": ("wide", "json", "yaml")},
)
def get(
    _: Context,
    resource: str,
    name: str = "",
    namespace: str = "",
    all_namespaces: bool = False,
    selector: str = "",
    output: str = "",
    watch: bool = False,
    lab: str = "",
) -> None:
    """Objects of the cluster in kubectl's columns: nodes, pods, Services, EndpointSlices, Deployments …"""
    kind, slash, named = resource.partition("/")
    if slash and name:
        raise UsageError(f"{resource} and {name} are two names", f"./inv get {kind} {name}")
    with calls.connect(lab or None) as connected:
        asked = Asked(connected, _resource(kind), name or named, "" if all_namespaces else namespace, selector)
        if output in ("json", "yaml"):
            _show_objects(asked, _to_json if output == "json" else _to_yaml, watch=watch)
        else:
            _show_table(asked, wide=output == "wide", watch=watch)


def _resource(name: str) -> Resource:
    from lab.api.resources import RESOURCES, by_name  # noqa: PLC0415  # other tasks start faster

    kind = by_name(name)
    if kind is None:
        listed = f"one of: {', '.join(one.plural for one in RESOURCES)}"
        known = [known for one in RESOURCES for known in (one.plural, one.singular)]
        raise UsageError(f"no resource {name!r}", did_you_mean(name, known, listed))
    return kind


@dataclass(frozen=True, slots=True)
class Asked:
    """Which objects are meant."""

    connected: Client
    kind: Resource
    name: str
    namespace: str
    selector: str

    def listed(self, accept: str) -> Json:
        """The API's answer. UsageError with its own words when it refuses."""
        answer = self.connected.request("api", path=self._path, query=self._query, accept=accept)
        told: Json = answer["object"]
        if answer["code"] >= 400:
            raise UsageError(told["message"], "./inv get --help")
        if self.name and not told.get("rows", told.get("items")):
            raise UsageError(f'{self.kind.qualified} "{self.name}" not found', f"./inv get {self.kind.plural}")
        return told

    def watched(self, since: Json, accept: str, tell: Callable[[Json], None]) -> None:
        """Every change after that answer, until Ctrl-C."""
        query = {**self._query, "watch": "true", "resourceVersion": since["metadata"]["resourceVersion"]}

        def hear(event: Json) -> None:
            tell(event["change"]["object"])
            terminal.flush()

        terminal.flush()
        self.connected.request("watch", hear, path=self._path, query=query, accept=accept)

    @property
    def _path(self) -> str:
        base = f"/apis/{self.kind.group}/{self.kind.version}" if self.kind.group else f"/api/{self.kind.version}"
        where = f"/namespaces/{self.namespace}" if self.namespace and self.kind.namespaced else ""
        return f"{base}{where}/{self.kind.plural}"

    @property
    def _query(self) -> dict[str, str]:
        named = {"fieldSelector": f"metadata.name={self.name}"} if self.name else {}
        return named | ({"labelSelector": self.selector} if self.selector else {})


def _show_table(asked: Asked, *, wide: bool, watch: bool) -> None:
    told = asked.listed(TABLE)
    columns = [i for i, column in enumerate(told["columnDefinitions"]) if wide or not column["priority"]]
    headings = [told["columnDefinitions"][i]["name"].upper() for i in columns]
    namespaced = asked.kind.namespaced and not asked.namespace
    if namespaced:
        headings.insert(0, "NAMESPACE")

    def cells(row: Json) -> list[str]:
        own = [str(row["cells"][i]) for i in columns]
        return [row["object"]["metadata"]["namespace"], *own] if namespaced else own

    rows = [cells(row) for row in told["rows"]]
    if rows or watch:
        terminal.data(f"{terminal.table(headings, rows)}\n")
    else:
        where = f" in {asked.namespace} namespace" if asked.namespace else ""
        terminal.warn(f"No resources found{where}.")
    if watch:
        widths = terminal.widths((headings, *rows))

        def tell(table: Json) -> None:
            for row in table["rows"]:
                terminal.data(f"{terminal.row(cells(row), widths)}\n")

        asked.watched(told, TABLE, tell)


def _show_objects(asked: Asked, write: Callable[[Json], str], *, watch: bool) -> None:
    """As kubectl prints them: the one that was named, or a List of objects that say what they are."""
    told = asked.listed(JSON)
    whole = {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": told["items"]}
    alone = asked.name and len(told["items"]) == 1
    terminal.data(write(told["items"][0] if alone else whole))
    if watch:
        between = "---\n" if write is _to_yaml else ""
        asked.watched(told, JSON, lambda changed: terminal.data(f"{between}{write(changed)}"))


def _to_json(told: Json) -> str:
    return f"{json.dumps(told, indent=2)}\n"


def _to_yaml(told: Json) -> str:
    import yaml  # noqa: PLC0415  # only this output needs it

    return str(yaml.safe_dump(told, sort_keys=True))
