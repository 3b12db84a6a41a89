"""A long trial as a process: what is said of it, and for how long it may take."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


def status_of(what: str, command: Sequence[str | Path], environment: Mapping[str, str], seconds: float) -> int:
    """Run it, and say how it went and how long it took. Gives its exit status, 1 where it did not end in time."""
    began = time.monotonic()
    try:
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, timeout=seconds, check=False)
        status = done.returncode
    except subprocess.TimeoutExpired:
        print(f"the {what} did not finish in {seconds} s", file=sys.stderr)
        status = 1
    print(f"--- {what}: {'passed' if status == 0 else 'FAILED'} in {time.monotonic() - began:.0f} s")
    return status
