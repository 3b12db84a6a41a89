"""A program that was started in a place, and whoever stays with it."""

from __future__ import annotations

import signal
import subprocess
from dataclasses import dataclass

from lab.kernel import succession
from lab.network.objects import Process

END_SECONDS = 2.0


@dataclass(slots=True)
class Started:
    process: Process
    running: subprocess.Popen[bytes]
    told: bool = False  # that it has ended

    @property
    def program(self) -> int:
        """The process id of the program itself: a container's runtime starts it and stays with it. 0 for none."""
        if not self.process.container:
            return self.running.pid
        return next(iter(succession.children(self.running.pid)), 0)

    def end(self) -> None:
        """Asked first, then killed. A container's runtime hands the signal on to the program."""
        self.running.send_signal(signal.Signals[self.process.stop_signal])
        try:
            self.running.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.running.kill()
            self.running.wait()
