"""What `trace --follow` costs a pod that begins connections as fast as it can, and what it tells of them."""

from __future__ import annotations

import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench import ROOT, labs
from bench.figures import Figure

CLIENT, ENDPOINT, PORT = "namespace001/pod-0", "10.244.0.129", 8080
MOST_LOST = 10.0  # per cent
SECONDS, SETTLING_SECONDS = 3.0, 4.0
PAIRS_OF_A_RUN = 3
GROUP = "clients of a pod that is followed"


def figures(name: str, runs: int) -> Iterator[Figure]:
    """With two-subnet standing: connections a second alone and followed, in turns, and what is told meanwhile."""
    alone: list[float] = []
    followed: list[float] = []
    told: list[float] = []
    for _ in range(PAIRS_OF_A_RUN * runs):
        alone.append(_answered(name, SECONDS))
        with _following(name) as journeys:
            _answered(name, SETTLING_SECONDS)
            before = journeys()
            followed.append(_answered(name, SECONDS))
            told.append((journeys() - before) / SECONDS)
    yield Figure(GROUP, "connections, alone", "1/s", tuple(alone))
    yield Figure(GROUP, "connections, followed", "1/s", tuple(followed))
    yield Figure(GROUP, "journeys told", "1/s", tuple(told))
    lost = (1 - median(followed) / median(alone)) * 100
    yield Figure(GROUP, "fewer connections", "%", (lost,), MOST_LOST)


def _answered(name: str, seconds: float) -> float:
    """How many connections a second the pod has answered in that time."""
    program = Path(__file__).with_name("inside").joinpath("knocking.py").read_text(encoding="utf-8")
    argv = [*labs.command(), "exec", CLIENT, "--lab", name, "--", "python3", "-", ENDPOINT, str(PORT), str(seconds)]
    done = subprocess.run(argv, input=program, capture_output=True, text=True, check=True, cwd=ROOT)
    return float(done.stdout)


@contextmanager
def _following(name: str) -> Iterator[Callable[[], int]]:
    """The command, from when it listens on; gives how many journeys it has told so far."""
    argv = [*labs.command(), "trace", "--follow", "--from", CLIENT, "--lab", name, "--json"]
    with tempfile.NamedTemporaryFile(prefix="hoplab-bench-") as file:
        words = subprocess.DEVNULL
        with subprocess.Popen([*argv, file.name], stdout=words, stderr=subprocess.PIPE, cwd=ROOT) as process:
            assert process.stderr is not None
            process.stderr.readline()
            try:
                yield lambda: Path(file.name).read_bytes().count(b"\n")
            finally:
                process.send_signal(signal.SIGTERM)
                process.communicate()
