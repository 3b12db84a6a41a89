"""`trace`, `trace.diff`, `capture`, `demo`: what happens to a request."""

from __future__ import annotations

import json as json_module
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lab import printable, terminal
from lab.agent.client import calls
from lab.agent.presence import folder
from lab.errors import UsageError
from lab.tasks.commandline import inputs, into_machine, outputs
from lab.tasks.commandline.task import LAB, Context, Exit, command

if TYPE_CHECKING:
    from lab.tasks.commandline.outputs import Outputs
    from lab.trace.journey import Journey

NOT_DELIVERED = 3
MOST = 1_000_000  # requests of one --count
DIFFERENT = 1
DEMO = "two-subnet"


@command(
    help={
        **LAB,
        "from": "The place that asks: a pod, node, router, gateway or internet; deploy/NAME is a pod of it.",
        "to": "NAME, NAME.NAMESPACE, NAMESPACE/POD, svc/NAME, deploy/NAME, a node, a URL, or an address, with :PORT.",
        "protocol": "tcp (the usual), udp, icmp, or dns: a question to the DNS server that --to names.",
        "via": "The pod that the Service shall choose.",
        "size": "Bytes of payload.",
        "packet": "Instead of --to: a packet in scapy's words to send and follow, 'IP(dst=\"10.244.0.129\")/ICMP()'.",
        "count": "Ask so many times, and tell who answered how often and how soon; of --follow, end after so many.",
        "fix": "Run the commands that mend what was found, ask again, and say whether it is mended.",
        "follow": "Send nothing: tell the journeys of the pod's own new connections as they happen, until Ctrl-C.",
        "json": "Write the journey as JSON to this file; - is standard output, and nothing else is printed there.",
        "html": "Write a page with the map, the path on it, and every hop; - is standard output.",
        "pcap": "Write all captured packets to this pcapng file.",
        "minimal": "One line for each hop, the same whenever the same happens: for comparisons.",
        "verbose": "Every decision and every captured packet.",
    },
    choices={"protocol": ("tcp", "udp", "icmp", "dns")},
    enters=True,
)
def trace(
    _: Context,
    from_: str,
    to: str = "",
    protocol: str = "",
    via: str = "",
    size: int = 0,
    count: int = 0,
    json: str = "",
    html: str = "",
    pcap: str = "",
    minimal: bool = False,
    verbose: bool = False,
    fix: bool = False,
    follow: bool = False,
    packet: str = "",
    lab: str = "",
) -> None:
    """Send one real request and tell its journey. Status 0 delivered, 3 lost, refused or unresolved, 2 usage."""
    from lab.trace.trace import trace as trace_request  # noqa: PLC0415
    from lab.trace.trace import trace_packet  # noqa: PLC0415

    if follow:
        if to or via or size or fix or html or pcap or packet:
            raise UsageError(
                "--follow sends nothing and tells of whatever comes",
                "it goes with --count, --json, --minimal, --verbose",
            )
        from lab.tasks.trace.follow import follow as follow_pod  # noqa: PLC0415

        follow_pod(lab, from_, count=count, json=json, minimal=minimal, verbose=verbose)
        return
    if packet and (to or protocol or size):
        raise UsageError("--packet says itself whom it is for and what it is", "without --to, --protocol and --size")
    if not to and not packet:
        raise UsageError(
            "--to is missing: what is asked for?",
            "--to myapp.namespace001, --packet to write one yourself, or --follow to watch only",
        )

    def send(through: str = "") -> Journey:
        if packet:
            return trace_packet(lab or None, from_, packet, via=via or through or None)
        return trace_request(lab or None, from_, to, protocol=protocol, via=via or through or None, size=size)

    if count and (html or pcap or minimal or fix):
        raise UsageError("--count tells figures, not hops", "without --count: --html, --pcap, --minimal and --fix")
    with outputs.opened(json=json, html=html, pcap=pcap) as opened:
        if count:
            _repeat(send, count, opened)
            return
        journey = send()
        if not opened.on_standard:
            _tell(journey, minimal, verbose)
        if fix:
            journey = _mended(journey, send, quiet=opened.on_standard)
        _record(journey, opened)
    _end(journey)


def _tell(journey: Journey, minimal: bool, verbose: bool) -> None:
    if minimal:
        _show_minimal(journey)
    else:
        _show(journey, verbose)


def _mended(journey: Journey, again: Callable[[str], Journey], *, quiet: bool) -> Journey:
    """With `quiet`, all of it is told on standard error."""
    from lab.tasks.trace.mending import mended  # noqa: PLC0415

    say, output = (terminal.warn, sys.stderr.fileno()) if quiet else (terminal.out, sys.stdout.fileno())
    if not quiet:
        say("")
    return mended(journey, again, say, output)


def _page(journey: Journey) -> str:
    from lab.map.labmap import LabMap  # noqa: PLC0415
    from lab.trace.show.page import page  # noqa: PLC0415

    with calls.connect(journey.lab) as connected:
        return page(journey, LabMap.from_json(connected.request("read", what="map")))


def _repeat(send: Callable[[], Journey], count: int, opened: Outputs) -> None:
    from lab.trace.show.summary import summarize, tell  # noqa: PLC0415

    if not 1 <= count <= MOST:
        raise UsageError(f"{count} requests cannot be sent", f"1 to {MOST}: --count 20")
    journeys = []
    with terminal.Progress("asking") as progress:
        for number in range(count):
            journeys.append(send())
            progress.show(number + 1, count, "")
    summary = summarize(journeys)
    opened.write_text("json", _as_json(summary.to_json()))
    if not opened.on_standard:
        terminal.out("\n".join(tell(summary)))
    if summary.verdicts["delivered"] < summary.count:
        raise Exit(code=NOT_DELIVERED)


@command(
    name="trace.diff",
    positional=["before", "now"],
    help={"before": "A journey as `trace --json` wrote it.", "now": "Another one of the same request."},
)
def trace_diff(_: Context, before: str, now: str) -> None:
    """Tell the first difference between two journeys. Status 0 none, 1 there is one, 2 usage."""
    from lab.trace.show.journey_json import read_journey  # noqa: PLC0415
    from lab.trace.show.tracediff import difference  # noqa: PLC0415

    told = difference(*(read_journey(_text(file), file) for file in (before, now)))
    terminal.out("\n".join(told or ("no difference, but for times and ports",)))
    if told:
        raise Exit(code=DIFFERENT)


def _text(file: str) -> str:
    return inputs.text(file, "./inv trace … --json FILE writes a journey")


def _record(journey: Journey, opened: Outputs) -> None:
    packets = opened.of("pcap")
    if packets is not None:
        from lab.trace.show.wireshark import record  # noqa: PLC0415

        record(journey, packets)
    if opened.of("json"):
        opened.write_text("json", _as_json(journey.to_json()))
    if opened.of("html"):
        opened.write_text("html", _page(journey))


def _show(journey: Journey, verbose: bool) -> None:
    from lab.trace.show.story import show  # noqa: PLC0415

    show(journey, verbose=verbose)


def _show_minimal(journey: Journey) -> None:
    from lab.trace.show.minimal import tell  # noqa: PLC0415

    terminal.out("\n".join(map(printable.line, tell(journey))))


def _as_json(told: dict[str, Any]) -> str:
    return json_module.dumps(told, indent=1) + "\n"


def _end(journey: Journey) -> None:
    if journey.verdict != "delivered":
        raise Exit(code=NOT_DELIVERED)


@command(
    positional=["where"],
    help={
        **LAB,
        "where": "PLACE or PLACE/DEVICE: node-0, router/eth1, pod-0.",
        "filter": "In tcpdump's language: 'udp port 4789'.",
        "write": "Write a pcapng file as well.",
        "count": "End after so many packets.",
    },
    enters=True,
)
def capture(_: Context, where: str, filter_: str = "", write: str = "", count: int = 0, lab: str = "") -> None:
    """Show what passes a place, until Ctrl-C."""
    from lab.map.labmap import LabMap  # noqa: PLC0415
    from lab.trace.live_capture import watch  # noqa: PLC0415

    if count < 0:
        raise UsageError(f"{count} packets cannot be captured", "--count 20")
    with outputs.opened(write=write) as opened, calls.connect(lab or None) as connected:
        map_ = LabMap.from_json(connected.request("read", what="map"))
        say = (lambda _line: None) if opened.on_standard else _say
        packets = opened.of("write")
        number = watch(
            connected.sandbox, connected.life, map_, where, say, expression=filter_, write=packets, count=count
        )
        terminal.warn(f"{number} packets captured{f', written to {write}' if write else ''}")
        if not count or number < count:
            connected.life.require()


def _say(line: str) -> None:
    terminal.out(line)
    terminal.flush()


@command(help={"verbose": "Every captured packet.", "lab": "The lab's name; without it the topology's."})
def demo(_: Context, verbose: bool = False, lab: str = "") -> None:
    """Bring two-subnet up if it is not, and tell the journey from pod-0 to myapp through pod-3."""
    from lab.tasks import topologies  # noqa: PLC0415  no other of these tasks builds a lab
    from lab.tasks.lifetime import bring_up  # noqa: PLC0415
    from lab.trace.trace import trace as trace_request  # noqa: PLC0415

    name = lab or os.environ.get("HOPLAB_LAB") or DEMO
    if name not in folder.running():
        bring_up(name, topologies.find(DEMO), [])
        terminal.out("")
    if into_machine.is_in_machine(name):
        words = ("--from=namespace001/pod-0", "--to=myapp.namespace001", "--via=namespace001/pod-3")
        into_machine.run_inside(name, ["trace", *words, f"--lab={name}", *(["--verbose"] if verbose else [])])
    journey = trace_request(name, "namespace001/pod-0", "myapp.namespace001", via="namespace001/pod-3")
    _show(journey, verbose)
    _end(journey)
