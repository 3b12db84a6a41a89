"""A program that was started in a place, and whoever stays with it."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lab.kernel.cell.launch import Launch
from lab.kernel.programs import succession
from lab.network.objects import Process

END_SECONDS = 2.0


@dataclass(slots=True)
class Started:
    process: Process
    running: subprocess.Popen[bytes] | Launch
    told: bool = False  # that it has ended

    @property
    def stdin(self) -> IO[bytes]:
        """Its standard input, of one that was started with a pipe for it."""
        assert isinstance(self.running, subprocess.Popen)
        assert self.running.stdin is not None
        return self.running.stdin

    @property
    def pids(self) -> frozenset[int]:
        """All that is waited for here, by process id."""
        return self.running.pids if isinstance(self.running, Launch) else frozenset({self.running.pid})

    @property
    def pid(self) -> int:
        """The process id; of one that is still on its way into its place that of who brings it there."""
        running = self.running
        return running.begun() or running.entering if isinstance(running, Launch) else running.pid

    @property
    def is_entering(self) -> bool:
        """Whether it is still on the way into its place."""
        if isinstance(self.running, Launch):
            return not self.running.begun()
        return b"\0lab.kernel.enter\0" in Path(f"/proc/{self.running.pid}/cmdline").read_bytes()

    @property
    def refusal(self) -> str:
        """Of one that has ended: why it never began, as containers' runtimes say it; "" where it did."""
        refused = self.running.refused if isinstance(self.running, Launch) else 0
        if not refused:
            return ""
        name, why = self.process.argv[0], os.strerror(refused).lower()
        if refused == errno.ENOENT:
            why = f"stat {name}: {why}" if "/" in name else "executable file not found in $PATH"
        return f'exec: "{name}": {why}'

    @property
    def program(self) -> int:
        """The process id of the program itself: a container's runtime starts it and stays with it. 0 for none."""
        if not self.process.container:
            return self.pid
        return next(iter(succession.children(self.running.pid)), 0)

    def end(self) -> None:
        """Asked first, then killed. A container's runtime hands the signal on to the program."""
        self.running.send_signal(signal.Signals[self.process.stop_signal])
        try:
            self.running.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.running.kill()
            self.running.wait()
