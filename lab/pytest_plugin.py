"""Labs for other people's tests: the fixture `hoplab` brings a topology up, and down when the test is over.

pytest loads this module wherever Hoplab is installed, so it imports nothing of Hoplab before a test asks for a lab.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lab.trace.journey import Journey

SECONDS = 60.0
"""A command in a place that takes longer is ended, unless the test allows more."""
# The program of this very installation, whatever else is called `lab` where the tests are run.
_PROGRAM = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r}); from lab.program import main; main()"
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class RunningLab:
    """A lab that is up. `name` is what `./inv … --lab NAME` and `hoplab … --lab NAME` know it by."""

    name: str

    def trace(self, source: str, to: str, *, protocol: str = "tcp", via: str | None = None, size: int = 0) -> Journey:
        """Send one real request from a pod and give its journey, however it ended. UsageError for unknown names."""
        from lab.trace.trace import trace  # noqa: PLC0415  only a test that traces pays for it

        return trace(self.name, source, to, protocol=protocol, via=via, size=size)

    def exec(self, place: str, *argv: str, seconds: float = SECONDS) -> subprocess.CompletedProcess[str]:
        """Run a program in a place: its exit status and what it wrote. TimeoutExpired after so many seconds."""
        return subprocess.run(
            [sys.executable, "-P", "-c", _PROGRAM, "exec", place, "--lab", self.name, "--", *argv],
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def down(self) -> None:
        """End the lab. Nothing happens if it has ended already."""
        from lab.agent import client, folder  # noqa: PLC0415

        if self.name in folder.running():
            with client.connect(self.name) as connected:
                connected.down()


@pytest.fixture
def hoplab() -> Iterator[Callable[..., RunningLab]]:
    """Makes labs: `hoplab("two-subnet")` is up when it returns, under a name of its own; all end with the test.

    The topology is a file or the name of one that comes with Hoplab; further arguments are settings, as for
    `up --set`: `hoplab("two-subnet", "cni.encapsulation=IPIP")`.
    """
    made: list[RunningLab] = []

    def make(topology: str = "two-subnet", *settings: str) -> RunningLab:
        from lab.agent import client  # noqa: PLC0415
        from lab.agent.attachments import asked  # noqa: PLC0415
        from lab.tasks import topologies  # noqa: PLC0415

        source = topologies.find(topology)
        one = RunningLab(f"pytest-{os.getpid()}-{next(_numbers)}")
        made.append(one)
        with client.connect_or_start(one.name) as connected:
            asked(
                connected,
                "up",
                lambda _event: None,
                text=source.text,
                file=source.file,
                settings=list(settings),
                pid=os.getpid(),
            )
        return one

    try:
        yield make
    finally:
        for one in made:
            one.down()
