"""`inspect`, `graph`: what a running lab is."""

from __future__ import annotations

import json as json_module
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lab import terminal
from lab.agent.client import calls
from lab.tasks.commandline import outputs
from lab.tasks.commandline.task import LAB, Context, command
from lab.tasks.get import TABLE

if TYPE_CHECKING:
    from lab.network.underlay.netem_device import Impaired


@command(help={**LAB, "json": "The whole map as JSON."})
def inspect(_: Context, lab: str = "", json: bool = False) -> None:
    """Places, their addresses, which pods are not ready and why, and what differs from the file."""
    from lab.map.labmap import LabMap  # noqa: PLC0415

    with calls.connect(lab or None) as connected:
        told = connected.request("read", what="map")
        if json:
            pulse = connected.request("read", what="pulse")
            terminal.data(f"{json_module.dumps({**told, 'loop': pulse}, indent=1)}\n")
            return
        status = connected.request("read", what="status")
        drift = connected.request("read", what="drift")
        troubles = connected.request("read", what="troubles")
        faults = connected.request("read", what="faults")
        pods = connected.request("api", path="/api/v1/pods", accept=TABLE)["object"]["rows"]
    map_ = LabMap.from_json(told)
    terminal.out(f"lab {connected.lab}: {status['cni']} {status['encapsulation'] or ''}, from {status['file']}")
    terminal.out(f"agent: process {connected.sandbox.pid}, up for {terminal.age(time.time() - status['started'])}\n")
    ready = {f"{row['object']['metadata']['namespace']}/{row['cells'][0]}": row["cells"][1] for row in pods}
    rows = [
        (
            place.name,
            place.kind,
            ready.get(place.name, ""),
            place.node,
            ", ".join(f"{link.name} {a}" for link in place.links for a in link.addresses),
        )
        for place in map_.places
        if place.kind != "underlay"
    ]
    terminal.out(terminal.table(("PLACE", "KIND", "READY", "NODE", "ADDRESSES"), rows))
    _tell("not ready", [f"{place.name}: {place.why}" for place in map_.places if not place.ready])
    stopped = [one.told for one in map_.stopped]
    impaired = [f"{one.where}: {one.words}, by {one.means} ({_since(one)})" for one in map_.impaired]
    broken = [f"{one['name']} on {one['place']}: {one['story']} (./inv fault.clear {one['name']})" for one in faults]
    changed, written = (
        [f"{one['place']}: {one['object']}: {one['reason']}" for one in drift if ("from" in one) is by_file]
        for by_file in (False, True)
    )
    _tell("stopped by hand (it is not healed, and outlasts `up`)", stopped)
    _tell("impaired (what leaves there)", impaired)
    _tell("broken on purpose (it outlasts `up`)", broken)
    _tell("in trouble (./inv events tells more; it is tried again)", troubles)
    _tell("changed by hand in the lab that the file was written of (its spec.drift; `up` keeps it)", written)
    _tell("not as in the file (`up` with the same file mends it)", changed)


def _since(one: Impaired) -> str:
    return one.origin or f"by hand: ./inv impair {one.where} --clear"


def _tell(title: str, lines: Sequence[str]) -> None:
    """Nothing where there are none."""
    if lines:
        terminal.out(f"\n{title}:")
    for line in lines:
        terminal.out(terminal.shortened(f"  {line}"))


@command(
    help={**LAB, "format": "What to write.", "output": "Write to this file instead of standard output."},
    choices={"format": ("svg", "mermaid", "dot")},
)
def graph(_: Context, format_: str = "svg", output: str = "", lab: str = "") -> None:
    """Draw the lab."""
    from lab.map.drawing import graph as drawing  # noqa: PLC0415
    from lab.map.labmap import LabMap  # noqa: PLC0415

    writers = {"svg": drawing.to_svg, "mermaid": drawing.to_mermaid, "dot": drawing.to_dot}
    with outputs.opened(output=output or outputs.STANDARD) as opened, calls.connect(lab or None) as connected:
        text = writers[format_](LabMap.from_json(connected.request("read", what="map")))
        opened.write_text("output", f"{text}\n")
