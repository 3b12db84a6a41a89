"""A running lab by its name: what a program or a test does with it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.running.place import RunningPlace
    from lab.trace.expect.verification import Verification
    from lab.trace.journey import Journey

SECONDS = 60.0
"""A command in a place that takes longer is ended, unless more is allowed."""
# The program of this very installation, whatever else is called `lab` where the tests are run.
_PROGRAM = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r}); from lab.program import main; main()"


@dataclass(frozen=True, slots=True)
class RunningLab:
    """A lab that is up. `name` is what `./inv … --lab NAME` and `hoplab … --lab NAME` know it by.

    Nothing is imported or asked before it is needed.
    """

    name: str

    def place(self, name: str) -> RunningPlace:
        """A pod, node, router, the gateway or the internet, named as for `exec`. UsageError if there is no such place,
        LabError without the lab.
        """
        from lab.running.place import RunningPlace  # noqa: PLC0415

        return RunningPlace.called(self.name, name)

    def trace(self, source: str, to: str, *, protocol: str = "tcp", via: str | None = None, size: int = 0) -> Journey:
        """Send one real request from a pod and give its journey, however it ended. UsageError for unknown names."""
        from lab.trace.trace import trace  # noqa: PLC0415  only a test that traces pays for it

        return trace(self.name, source, to, protocol=protocol, via=via, size=size)

    def verify(self, file: str = "") -> Verification:
        """Ask what the lab's own file expects, or another one: what came of each in `outcomes`, those that did not come
        true in `failed`, and all of it in words by str(). UsageError where nothing is expected, FileError for a file
        that cannot be right.
        """
        from lab.agent.client import calls  # noqa: PLC0415
        from lab.topology.expect.expect_file import load_expectations  # noqa: PLC0415
        from lab.trace.expect.verify import verify  # noqa: PLC0415

        with calls.connect(self.name) as connected:
            return verify(connected, load_expectations(Path(file).read_text(encoding="utf-8"), file) if file else None)

    def trace_packet(self, source: str, packet: str, *, via: str | None = None) -> Journey:
        """Send one packet, written in scapy's words (`IP(dst="10.244.0.129")/ICMP()`), and give its journey.

        UsageError with the place of a mistake in it, MachineError without scapy.
        """
        from lab.trace.trace import trace_packet  # noqa: PLC0415

        return trace_packet(self.name, source, packet, via=via)

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
        from lab.agent.client import calls  # noqa: PLC0415
        from lab.agent.presence import folder  # noqa: PLC0415

        if self.name in folder.running():
            with calls.connect(self.name) as connected:
                connected.down()
