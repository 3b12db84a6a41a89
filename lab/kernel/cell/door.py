"""The way into a cell: its namespaces, opened from outside, and gone through by a process that is to live there."""

from __future__ import annotations

import os
from dataclasses import dataclass

from lab.kernel.syscalls import CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUTS, setns

_NAMESPACES = {"uts": CLONE_NEWUTS, "ipc": CLONE_NEWIPC, "net": CLONE_NEWNET, "mnt": CLONE_NEWNS}


@dataclass(frozen=True, slots=True)
class Door:
    """The namespaces of a cell, open: descriptors by name."""

    opened: dict[str, int]

    @staticmethod
    def of(pid: int, proc: str = "/proc") -> Door:
        """That of the cell with that init, whose process id is the one in the given /proc. OSError if it has ended."""
        names = ("pid", *_NAMESPACES)
        return Door({name: os.open(f"{proc}/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC) for name in names})

    def send_children(self) -> None:
        """From now on the calling process's children are born in the cell's PID namespace."""
        setns(self.opened["pid"], CLONE_NEWPID)

    def close(self) -> None:
        """Let go: whoever holds a namespace open keeps it from ending."""
        for fd in self.opened.values():
            os.close(fd)

    def enter(self) -> None:
        """The calling process, such a child, goes through. There is no way back: what it needs from outside it has."""
        for name, kind in _NAMESPACES.items():
            setns(self.opened[name], kind)
