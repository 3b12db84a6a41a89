"""The control groups of a lab, as it sees them: what bounds the memory, the processors and the number of all programs
in its places. The agent stays outside of what is bounded: a program that takes all it can get does not take the lab
with it. `grouping` makes them, before the sandbox is entered.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

INSIDE = "/run/hoplab/cgroup"
"""Where the sandbox shows the groups that its programs are to enter, a folder for each."""


def enter(folders: Iterable[str], pid: int = 0) -> None:
    """Put a process, or the calling one, into these groups. OSError when it may not."""
    for folder in folders:
        with open(f"{folder}/cgroup.procs", "w", encoding="ascii") as file:
            file.write(str(pid))


def inside(root: str = "") -> tuple[str, ...]:
    """The groups as the sandbox shows them, whose root file system is seen at `root`; none where there are none."""
    with suppress(FileNotFoundError):
        return tuple(sorted(entry.path for entry in os.scandir(f"{root}{INSIDE}")))
    return ()


def killed_for_memory() -> int:
    """How many programs of the lab's places the kernel has ended because their memory was used up."""
    for folder in inside():
        for name in ("memory.events", "memory.oom_control"):
            with suppress(OSError):
                words = dict(line.split() for line in Path(folder, name).read_text(encoding="ascii").splitlines())
                return int(words.get("oom_kill", 0))
    return 0
