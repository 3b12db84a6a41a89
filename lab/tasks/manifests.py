"""`get`, `apply`, `delete`, `kubectl`: the cluster's objects."""

from __future__ import annotations

import json as json_module
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invoke import Context

from lab import terminal
from lab.agent import client, folder
from lab.agent.apiserver.kubeconfig import NAME as KUBECONFIG
from lab.errors import MachineError, UsageError
from lab.tasks.command import LAB, command, remainder

if TYPE_CHECKING:
    from lab.agent.client import Client
    from lab.agent.protocol import Message
    from lab.api.resources import Resource

Json = dict[str, Any]

_FILE = {"file": "Kubernetes manifests; - reads them from standard input."}
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
HOW_TO_GET_KUBECTL = (
    "https://kubernetes.io/docs/tasks/tools has some, Debian's is apt install kubernetes-client; "
    "./inv get, apply and delete need none"
)


@command(
    positional=["resource"],
    help={
        **LAB,
        "resource": "nodes, pods, services, endpointslices, deployments … or kubectl's short names.",
        "name": "Only the object of this name.",
        "namespace": "Only this namespace; without it all of them.",
        "selector": "Only objects with these labels, as kubectl writes it: app=web,tier!=db.",
        "output": "wide, json or yaml.",
    },
)
def get(
    _: Context,
    resource: str,
    namespace: str = "",
    name: str = "",
    selector: str = "",
    output: str = "",
    lab: str = "",
) -> None:
    """Objects of the cluster in kubectl's columns: nodes, pods, Services, EndpointSlices, Deployments …"""
    from lab.api.resources import RESOURCES, by_name  # noqa: PLC0415  # other tasks start faster

    kind = by_name(resource)
    if kind is None:
        raise UsageError(f"no resource {resource!r}", f"one of: {', '.join(one.plural for one in RESOURCES)}")
    if output not in ("", "wide", "json", "yaml"):
        raise UsageError(f"no output format {output!r}", "wide, json or yaml")
    with client.connect(lab or None) as connected:
        if output in ("json", "yaml"):
            terminal.out(_written(_asked(connected, kind, name, namespace, selector, "application/json"), output))
            return
        told = _asked(connected, kind, name, namespace, selector, TABLE)
    if not told["rows"]:
        terminal.out(f"No resources found{f' in {namespace} namespace' if namespace else ''}.")
        return
    terminal.out(_table(told, wide=output == "wide", namespaced=kind.namespaced and not namespace))


def _asked(connected: Client, kind: Resource, name: str, namespace: str, selector: str, accept: str) -> Json:
    """The API's answer. UsageError with its own words when it refuses."""
    base = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    where = f"/namespaces/{namespace}" if namespace and kind.namespaced else ""
    query = {"fieldSelector": f"metadata.name={name}"} if name else {}
    query |= {"labelSelector": selector} if selector else {}
    answer = connected.request("api", path=f"{base}{where}/{kind.plural}", query=query, accept=accept)
    told: Json = answer["object"]
    if answer["code"] >= 400:
        raise UsageError(told["message"], "./inv get --help")
    if name and not told.get("rows", told.get("items")):
        raise UsageError(f'{kind.qualified} "{name}" not found', f"./inv get {kind.plural}")
    return told


def _table(told: Json, *, wide: bool, namespaced: bool) -> str:
    columns = [i for i, column in enumerate(told["columnDefinitions"]) if wide or not column["priority"]]
    headings = [told["columnDefinitions"][i]["name"].upper() for i in columns]
    rows = [[str(row["cells"][i]) for i in columns] for row in told["rows"]]
    if namespaced:
        headings.insert(0, "NAMESPACE")
        for row, one in zip(rows, told["rows"], strict=True):
            row.insert(0, one["object"]["metadata"]["namespace"])
    return terminal.table(headings, rows)


def _written(told: Json, output: str) -> str:
    """As kubectl prints a list: a List of objects that say what they are."""
    whole = {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": told["items"]}
    if output == "json":
        return json_module.dumps(whole, indent=2)
    import yaml  # noqa: PLC0415  # only this output needs it

    return str(yaml.safe_dump(whole, sort_keys=True)).rstrip("\n")


@command(help={**LAB, **_FILE})
def apply(_: Context, file: str, lab: str = "") -> None:
    """Kubernetes manifests into the running lab, as `kubectl apply` does. Ends when every node has followed."""
    _change("apply", file, lab)


@command(help={**LAB, **_FILE})
def delete(_: Context, file: str, lab: str = "") -> None:
    """The objects of these manifests out of the running lab. Ends when every node has followed."""
    _change("delete", file, lab)


def _change(operation: str, file: str, lab: str) -> None:
    text, path = _read(file)
    with client.connect(lab or None) as connected:
        for what, done in connected.request(operation, _on_warning, text=text, file=path):
            terminal.out(f"{what} {done}")


def _on_warning(event: Message) -> None:
    if event["event"] == "warning":
        terminal.warn(f"warning: {event['text']}")


def _read(file: str) -> tuple[str, str]:
    try:
        if file == "-":
            return sys.stdin.read(), "standard input"
        return Path(file).read_text(encoding="utf-8", errors="replace"), str(Path(file))
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}", "--file MANIFESTS.yaml, or - ") from error


@command(help=LAB)
def kubectl(_: Context, lab: str = "") -> None:
    """The real kubectl with the lab's kubeconfig: kubectl -- get pods -A. Its exit status is kubectl's."""
    name = folder.choose(lab or None)
    program = shutil.which("kubectl")
    if program is None:
        raise MachineError("this machine has no kubectl", HOW_TO_GET_KUBECTL)
    config = str(folder.of(name) / KUBECONFIG)
    sys.stdout.flush()
    os.execve(program, [program, *remainder()], {**os.environ, "KUBECONFIG": config})  # noqa: S606  no shell is the point
