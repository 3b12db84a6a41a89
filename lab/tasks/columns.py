"""kubectl's columns for the objects of `get`."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from lab import terminal
from lab.errors import UsageError

Json = dict[str, Any]
Column = tuple[str, Callable[[Json], str], bool]  # heading, cell, only with wide

_NAMES = {
    "nodes": ("node", "no"),
    "pods": ("pod", "po"),
    "services": ("service", "svc"),
    "endpointslices": ("endpointslice", "eps"),
}


def resource(name: str) -> str:
    """The resource's own name for any name kubectl takes. UsageError for others."""
    for full, others in _NAMES.items():
        if name.lower() in (full, *others):
            return full
    raise UsageError(f"no resource {name!r}", f"one of: {', '.join(_NAMES)}")


def _age(item: Json) -> str:
    created = datetime.fromisoformat(item["metadata"]["creationTimestamp"].replace("Z", "+00:00"))
    return terminal.age(time.time() - created.timestamp())


def _name(item: Json) -> str:
    return str(item["metadata"]["name"])


def _ready(item: Json) -> str:
    return f"{int(item['status']['containerStatuses'][0]['ready'])}/1"


def _node_address(item: Json) -> str:
    return str(item["status"]["addresses"][0]["address"])


def _ports(item: Json) -> str:
    told = [
        f"{p['port']}{':' + str(p['nodePort']) if 'nodePort' in p else ''}/{p['protocol']}"
        for p in item["spec"]["ports"]
    ]
    return ",".join(told) or "<none>"


def _selector(item: Json) -> str:
    return ",".join(f"{key}={value}" for key, value in item["spec"]["selector"].items()) or "<none>"


def _slice_ports(item: Json) -> str:
    return ",".join(str(port["port"]) for port in item["ports"]) or "<unset>"


def _slice_endpoints(item: Json) -> str:
    addresses = [address for endpoint in item["endpoints"] for address in endpoint["addresses"]]
    more = f" + {len(addresses) - 3} more..." if len(addresses) > 3 else ""
    return ",".join(addresses[:3]) + more or "<unset>"


_NONE: Callable[[Json], str] = lambda _item: "<none>"  # noqa: E731

_COLUMNS: dict[str, tuple[Column, ...]] = {
    "nodes": (
        ("NAME", _name, False),
        ("STATUS", lambda _: "Ready", False),
        ("ROLES", _NONE, False),
        ("AGE", _age, False),
        ("INTERNAL-IP", _node_address, True),
        ("EXTERNAL-IP", _NONE, True),
    ),
    "pods": (
        ("NAME", _name, False),
        ("READY", _ready, False),
        ("STATUS", lambda item: str(item["status"]["phase"]), False),
        ("RESTARTS", lambda item: str(item["status"]["containerStatuses"][0]["restartCount"]), False),
        ("AGE", _age, False),
        ("IP", lambda item: str(item["status"]["podIP"]), True),
        ("NODE", lambda item: str(item["spec"]["nodeName"]), True),
        ("NOMINATED NODE", _NONE, True),
        ("READINESS GATES", _NONE, True),
    ),
    "services": (
        ("NAME", _name, False),
        ("TYPE", lambda item: str(item["spec"]["type"]), False),
        ("CLUSTER-IP", lambda item: str(item["spec"].get("clusterIP", "<none>")), False),
        ("EXTERNAL-IP", lambda item: str(item["spec"].get("externalName", "<none>")), False),
        ("PORT(S)", _ports, False),
        ("AGE", _age, False),
        ("SELECTOR", _selector, True),
    ),
    "endpointslices": (
        ("NAME", _name, False),
        ("ADDRESSTYPE", lambda item: str(item["addressType"]), False),
        ("PORTS", _slice_ports, False),
        ("ENDPOINTS", _slice_endpoints, False),
        ("AGE", _age, False),
    ),
}


def table(kind: str, items: list[Json], *, wide: bool, namespaced: bool) -> str:
    """The table; with a NAMESPACE column where objects of several namespaces are shown."""
    columns = [column for column in _COLUMNS[kind] if wide or not column[2]]
    if namespaced and kind != "nodes":
        columns.insert(0, ("NAMESPACE", lambda item: str(item["metadata"]["namespace"]), False))
    rows = [[cell(item) for _, cell, _ in columns] for item in items]
    return terminal.table([heading for heading, _, _ in columns], rows)


def as_yaml(whole: Json) -> str:
    """As kubectl prints `-o yaml`."""
    import yaml  # noqa: PLC0415

    return str(yaml.safe_dump(whole, sort_keys=True)).rstrip("\n")
