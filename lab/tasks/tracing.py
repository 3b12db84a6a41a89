"""`trace`, `capture`, `demo`: what happens to a request."""

from __future__ import annotations

import json as json_module
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from invoke import Context, Exit

from lab import terminal
from lab.agent import client, folder
from lab.tasks import topologies
from lab.tasks.command import command
from lab.tasks.lifetime import bring_up

if TYPE_CHECKING:
    from lab.trace.journey import Journey

NOT_DELIVERED = 3
DEMO = "two-subnet"

_LAB = {"lab": "Which lab; without it the only one running, or HOPLAB_LAB."}


@command(
    help={
        **_LAB,
        "from": "The pod that asks.",
        "to": "A Service, pod, node, address or outside name, with :PORT if it is not the usual one.",
        "protocol": "tcp, udp or icmp.",
        "via": "The pod that the Service shall choose.",
        "size": "Bytes of payload.",
        "json": "Write the journey as JSON to this file; - is standard output, and nothing else is printed there.",
        "pcap": "Write all captured packets to this pcapng file.",
        "verbose": "Every captured packet.",
    }
)
def trace(
    _: Context,
    from_: str,
    to: str,
    protocol: str = "tcp",
    via: str = "",
    size: int = 0,
    json: str = "",
    pcap: str = "",
    verbose: bool = False,
    lab: str = "",
) -> None:
    """Send one real request and tell its journey. Status 0 delivered, 3 lost, refused or unresolved, 2 usage."""
    from lab.trace.trace import trace as trace_request  # noqa: PLC0415

    journey = trace_request(lab or None, from_, to, protocol=protocol, via=via or None, size=size)
    _record(journey, pcap)
    if json == "-":
        sys.stdout.write(_as_json(journey))
    else:
        _show(journey, verbose)
        if json:
            Path(json).write_text(_as_json(journey), encoding="utf-8")
    _end(journey)


def _record(journey: Journey, pcap: str) -> None:
    if pcap:
        from lab.trace.recording import record  # noqa: PLC0415

        with open(pcap, "wb") as stream:
            record(journey, stream)


def _show(journey: Journey, verbose: bool) -> None:
    from lab.trace.story import show  # noqa: PLC0415

    show(journey, verbose=verbose)


def _as_json(journey: Journey) -> str:
    return json_module.dumps(journey.to_json(), indent=1) + "\n"


def _end(journey: Journey) -> None:
    if journey.verdict != "delivered":
        raise Exit(code=NOT_DELIVERED)


@command(
    positional=["where"],
    help={
        **_LAB,
        "where": "PLACE or PLACE/DEVICE: node-0, router/eth1, pod-0.",
        "filter": "In tcpdump's language: 'udp port 4789'.",
        "write": "Write a pcapng file as well.",
        "count": "End after so many packets.",
    },
)
def capture(_: Context, where: str, filter_: str = "", write: str = "", count: int = 0, lab: str = "") -> None:
    """Show what passes a place, until Ctrl-C."""
    from lab.network.labmap import LabMap  # noqa: PLC0415
    from lab.trace.watch import watch  # noqa: PLC0415

    with client.connect(lab or None) as connected:
        map_ = LabMap.from_json(connected.request("read", what="map"))
        number = watch(connected.sandbox, map_, where, _say, expression=filter_, write=write, count=count)
    terminal.warn(f"{number} packets captured{f', written to {write}' if write else ''}")


def _say(line: str) -> None:
    terminal.out(line)
    sys.stdout.flush()


@command(help={"verbose": "Every captured packet."})
def demo(_: Context, verbose: bool = False) -> None:
    """Bring two-subnet up if it is not, and tell the journey from pod-0 to myapp through pod-3."""
    from lab.trace.trace import trace as trace_request  # noqa: PLC0415

    if DEMO not in folder.running():
        bring_up(DEMO, topologies.find(DEMO), [])
        terminal.out("")
    journey = trace_request(DEMO, "namespace001/pod-0", "myapp.namespace001", via="namespace001/pod-3")
    _show(journey, verbose)
    _end(journey)
