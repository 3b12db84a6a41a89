"""Hears that something was mounted or unmounted where the calling process lives."""

from __future__ import annotations

import os
import select


class Mounts:
    """Its descriptor is readable when that has happened since it was last heard (proc_pid_mountinfo(5))."""

    def __init__(self) -> None:
        self._table = os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
        # The table itself is always readable: what is new is exceptional.
        self._polling = select.epoll()
        self._polling.register(self._table, select.EPOLLPRI)

    def fileno(self) -> int:
        return self._polling.fileno()

    def heard(self) -> None:
        """From now on only what is new."""
        self._polling.poll(0)

    def close(self) -> None:
        self._polling.close()
        os.close(self._table)
