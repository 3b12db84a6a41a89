"""A program of the machine at work in a place, such as `iptables-save`: text in, text out."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass

from lab.errors import KernelError
from lab.kernel.host.packages import search_path
from lab.kernel.sandbox.identity import own_root


@dataclass(slots=True)
class Running:
    """A program at work in a place. `result()` waits for it and gives what it printed; KernelError when it failed."""

    place: str
    command: str
    given: str
    process: subprocess.Popen[str]

    def result(self) -> str:
        out, err = self.process.communicate()
        if self.process.returncode:
            raise KernelError(f"{self.place}: {self.command}: {err.strip()}", self._by_hand(err))
        return out

    def _by_hand(self, err: str) -> str:
        failed = re.search(r"(?:line |stdin:)(\d+)", err)
        lines = self.given.splitlines()
        number = int(failed.group(1)) if failed else 0
        return f"it was given the line: {lines[number - 1]}" if 0 < number <= len(lines) else ""


def start(place: str, command: str, given: str = "") -> Running:
    """Start a program in the namespace that the calling thread is in, which is the place's."""
    # A file, not a pipe: a pipe that nobody empties yet would make side by side one after the other.
    with open(os.memfd_create("given"), "w+", encoding="utf-8") as source:
        source.write(given)
        source.seek(0)
        process = subprocess.Popen(
            command.split(),
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            user=own_root(),
            group=own_root(),
            env={**os.environ, "LC_ALL": "C", "PATH": search_path()},
        )
    return Running(place, command, given, process)
