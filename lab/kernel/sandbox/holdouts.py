"""Who keeps a sandbox's init from ending: the kernel waits until every process of its PID namespace was waited for, and
some have a parent outside, a person's `exec` or `shell` (pid_namespaces(7)).
"""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_NS_GET_PARENT = 0xB702  # ioctl_ns(2)
_ENDED = "Z"


@dataclass(frozen=True, slots=True)
class Holdouts:
    """Those of one sandbox, whose PID namespace this is, as the kernel numbers it; 0 for none."""

    namespace: int

    @classmethod
    def of(cls, init: int) -> Holdouts:
        """Of the sandbox with that init."""
        try:
            return cls(os.stat(f"/proc/{init}/ns/pid").st_ino)
        except OSError:  # it has ended, or is none of ours
            return cls(0)

    def wake(self) -> tuple[int, ...]:
        """Have all go on that are suspended; they find then that their lab has ended. Gives who they are."""
        found = tuple(self._parents())
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):  # it has just ended, or is somebody else's
                os.kill(pid, signal.SIGCONT)
        return found

    def _parents(self) -> Iterator[int]:
        for pid in (name for name in os.listdir("/proc") if name.isdecimal()):
            with suppress(OSError):  # it has just ended
                state, parent = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()[:2]
                if state == _ENDED and self._is_within(pid) and not self._is_within(parent):
                    yield int(parent)

    def _is_within(self, pid: str) -> bool:
        """In that namespace, or in one below it."""
        at = os.open(f"/proc/{pid}/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        while True:
            try:
                if os.fstat(at).st_ino == self.namespace:
                    return True
                above = fcntl.ioctl(at, _NS_GET_PARENT)
            except PermissionError:  # above ours
                return False
            finally:
                os.close(at)
            at = above
