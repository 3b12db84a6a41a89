"""`inspect`, `get`, `graph`: what a running lab is."""

from __future__ import annotations

import json as json_module
import time
from pathlib import Path

from invoke import Context

from lab import terminal
from lab.agent import client
from lab.errors import UsageError
from lab.tasks.command import command

_LAB = {"lab": "Which lab; without it the only one running, or HOPLAB_LAB."}


@command(help={**_LAB, "json": "The whole map as JSON."})
def inspect(_: Context, lab: str = "", json: bool = False) -> None:
    """Places, their addresses, and what differs from the file."""
    from lab.network.labmap import LabMap  # noqa: PLC0415

    with client.connect(lab or None) as connected:
        told = connected.request("read", what="map")
        if json:
            terminal.out(json_module.dumps(told, indent=1))
            return
        status = connected.request("read", what="status")
        drift = connected.request("read", what="drift")
    map_ = LabMap.from_json(told)
    terminal.out(f"lab {connected.lab}: {status['cni']} {status['encapsulation'] or ''}, from {status['file']}")
    terminal.out(f"agent: process {connected.sandbox.pid}, up for {terminal.age(time.time() - status['started'])}\n")
    rows = [
        (
            place.name,
            place.kind,
            place.node,
            ", ".join(f"{link.name} {a}" for link in place.links for a in link.addresses),
        )
        for place in map_.places
        if place.kind != "underlay"
    ]
    terminal.out(terminal.table(("PLACE", "KIND", "NODE", "ADDRESSES"), rows))
    if drift:
        terminal.out("\nnot as in the file (`up` with the same file mends it):")
    for change in drift:
        terminal.out(terminal.shortened(f"  {change['place']}: {change['object']}: {change['reason']}"))


@command(
    positional=["resource"],
    help={
        **_LAB,
        "resource": "nodes, pods, services or endpointslices, or kubectl's short names.",
        "namespace": "Only this namespace.",
        "output": "wide, json or yaml.",
    },
)
def get(_: Context, resource: str, namespace: str = "", output: str = "", lab: str = "") -> None:
    """Nodes, pods, Services, EndpointSlices, in kubectl's columns."""
    from lab.tasks import columns  # noqa: PLC0415

    kind = columns.resource(resource)
    if output not in ("", "wide", "json", "yaml"):
        raise UsageError(f"no output format {output!r}", "wide, json or yaml")
    with client.connect(lab or None) as connected:
        items = connected.request("read", what="cluster")[kind]
    if namespace:
        items = [item for item in items if item["metadata"].get("namespace") == namespace]
    if output in ("json", "yaml"):
        whole = {"apiVersion": "v1", "kind": "List", "items": items}
        terminal.out(json_module.dumps(whole, indent=2) if output == "json" else columns.as_yaml(whole))
    elif not items:
        terminal.out(f"No resources found{f' in {namespace} namespace' if namespace else ''}.")
    else:
        terminal.out(columns.table(kind, items, wide=output == "wide", namespaced=not namespace))


@command(help={**_LAB, "format": "svg, mermaid or dot.", "output": "Write to this file instead of standard output."})
def graph(_: Context, format_: str = "svg", output: str = "", lab: str = "") -> None:
    """Draw the lab."""
    from lab.network import graph as drawing  # noqa: PLC0415
    from lab.network.labmap import LabMap  # noqa: PLC0415

    writers = {"svg": drawing.to_svg, "mermaid": drawing.to_mermaid, "dot": drawing.to_dot}
    if format_ not in writers:
        raise UsageError(f"no format {format_!r}", ", ".join(writers))
    with client.connect(lab or None) as connected:
        text = writers[format_](LabMap.from_json(connected.request("read", what="map")))
    if output:
        Path(output).write_text(text, encoding="utf-8")
    else:
        terminal.out(text)
