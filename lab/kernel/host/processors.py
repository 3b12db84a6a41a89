"""How much of the machine's processors nobody wanted (proc(5), /proc/stat)."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

COUNT = os.cpu_count() or 1
_STAT = Path("/proc/stat")
_IDLE, _WAITING = 3, 4  # of the numbers behind "cpu": idle, iowait
_TICKS = os.sysconf("SC_CLK_TCK")


def _idle_seconds() -> float:
    numbers = _STAT.read_text(encoding="ascii").partition("\n")[0].split()[1:]
    return sum(int(numbers[one]) for one in (_IDLE, _WAITING)) / _TICKS


@dataclass(slots=True)
class Idleness:
    """Looks again and again."""

    _since: float = field(default_factory=time.monotonic)
    _idle: float = field(default_factory=_idle_seconds)

    def since(self) -> float:
        """How many processors were idle on average since the last look."""
        now, idle = time.monotonic(), _idle_seconds()
        found = (idle - self._idle) / max(now - self._since, 1e-3)
        self._since, self._idle = now, idle
        return min(max(found, 0.0), float(COUNT))
