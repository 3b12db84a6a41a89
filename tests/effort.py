"""How much work something is, whatever else the machine does: beside a fixed piece of work that is measured with it.

A thread's own CPU time leaves out what others are given, but not that everything is slower beside them (shared caches,
threads of one core, a hypervisor's other guests). That slows the piece down just as much.
"""

from __future__ import annotations

import subprocess
import sys
import time
from types import TracebackType
from typing import Self

QUIET_MS = 1.85
"""What the piece takes on a machine of 2 cores that does nothing else; limits of tests are written for that one."""
_PIECES = 3


def piece() -> float:
    """Milliseconds of CPU time that the piece takes now: texts, dicts and lists, as most of what is tested."""
    began = time.thread_time()
    held = {f"name-{number}": [number, str(number)] for number in range(6_000)}
    sorted((value[1], key) for key, value in held.items())
    return (time.thread_time() - began) * 1000


class Effort:
    """A context manager; `ms` is then what the block would have taken on that quiet machine."""

    def __init__(self) -> None:
        self.ms = 0.0

    def __enter__(self) -> Self:
        self._before = min(piece() for _ in range(_PIECES))
        self._began = time.thread_time()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        spent = (time.thread_time() - self._began) * 1000
        self.ms = spent * QUIET_MS / max(self._before, min(piece() for _ in range(_PIECES)))


def starting_python() -> float:
    """Seconds that a Python with the libraries of ours takes to start and end now: the unit of a command's time."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import pydantic, yaml"], check=True)
    return time.monotonic() - began
