"""What is lost while a lab changes: questions to its DNS, and connections to a Service, asked at a steady rate."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from bench import labs
from bench.api import Api
from bench.changes import (
    CLIENT,
    COREDNS,
    DNS_ADDRESS,
    DNSMASQ,
    SERVICE,
    SERVICE_ADDRESS,
    Kind,
    Subject,
    kinds,
    topology,
)
from bench.figures import Figure
from lab.agent.client import calls
from lab.agent.presence import folder
from lab.errors import LabError
from lab.kernel.host import coredns

RATE = 200  # questions a second
RATES = {"dns": RATE, "dns-tcp": 20, "http": 50}
STREAMS = {"dns": "questions", "dns-tcp": "questions over TCP", "http": "connections"}
SERVERS = (1, 2)
CHANGES, QUICK_CHANGES = 100, 10
LET_GO_SECONDS = 30.0

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Count:
    """Of one stream: how many were asked, those that were lost (when, and why), and the slowest that was answered."""

    asked: int
    lost: tuple[tuple[float, str], ...]
    slowest_ms: float


class Stream:
    """A program in the client's place that asks until it is told to count."""

    def __init__(self, lab: str, kind: str) -> None:
        address, what = (SERVICE_ADDRESS, "80") if kind == "http" else (DNS_ADDRESS, SERVICE)
        # Its text: a place shows nothing of this checkout.
        script = (
            Path(__file__).with_name("inside").joinpath("asking.py").read_text(encoding="utf-8"),
            kind,
            address,
            what,
        )
        command = [*labs.command(), "exec", CLIENT, "--lab", lab, "--", "python3", "-S", "-c", *script]
        command.append(str(RATES[kind]))
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.kind = kind

    def begin(self) -> None:
        """Until it has been answered. LabError when it never is."""
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"answered\n":
            raise LabError(f"nobody answers {STREAMS[self.kind]}", "see `./inv events`")

    def count(self) -> Count:
        """It ends, and tells."""
        told = json.loads(self._process.communicate(timeout=LET_GO_SECONDS)[0])
        return Count(told["asked"], tuple((when, why) for when, why in told["lost"]), told["slowest_ms"])

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def changing(name: str, server: str, servers: int) -> Iterator[Subject]:
    """A lab of that name with so many DNS servers, up for the block."""

    def file(more: int) -> str:
        return topology(server, servers, more)

    with labs.ended(name), calls.connect_or_start(name) as connected:
        connected.request("up", text=file(0), file=str(Path("/continuity.yaml")), settings=[], pid=os.getpid())
        with Api(folder.of(name) / "kubeconfig") as api:
            yield Subject(name, api, file)


def losses(lab: Subject, kind: Kind, changes: int, streams: Sequence[str] = tuple(STREAMS)) -> dict[str, Count]:
    """So many changes of that kind, each as soon as the kernel has followed the one before: what was lost meanwhile."""
    with ExitStack() as stack:
        running = []
        for one in streams:
            running.append(Stream(lab.name, one))
            stack.callback(running[-1].end)
        for stream in running:
            stream.begin()
        for _, change in zip(range(changes), cycle((kind.there, kind.back)), strict=False):
            change(lab)
            lab.settle()
        return {stream.kind: stream.count() for stream in running}


def figures(name: Callable[[], str], changes: int, tell: Tell) -> Iterator[Figure]:
    """For each DNS server, one and two of it: every kind of change, and how much of each stream was lost."""
    for server in (DNSMASQ, COREDNS):
        for servers in SERVERS:
            group = f"lost in {changes} changes, {servers} {server}"
            if server == COREDNS and coredns.find() is None:
                yield Figure(group, "", "", note="no CoreDNS on this machine: ./inv setup --coredns makes it")
                continue
            with changing(name(), server, servers) as lab:
                for kind in kinds(server):
                    tell(f"{group}: {kind.name}")
                    yield from _rows(group, kind, losses(lab, kind, changes))


def _rows(group: str, kind: Kind, counts: dict[str, Count]) -> Iterator[Figure]:
    for stream, count in counts.items():
        note = f"of {count.asked:,}; slowest {count.slowest_ms:.0f} ms"
        if count.lost:
            note += f"; {', '.join(sorted({why for _, why in count.lost}))}"
        yield Figure(group, f"{kind.name}: {STREAMS[stream]}", "lost", (float(len(count.lost)),), 0.0, note)
