"""The life of a lab's init, watched from outside: with it the lab ends, however it ends."""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress

from lab.errors import LabError

NEXT = "./inv up builds it again"


class Life:
    """A descriptor of the process (pidfd_open(2)): its number may be given to another one, this is never another's."""

    def __init__(self, pid: int) -> None:
        """LabError when there is no such process."""
        self.pid = pid
        try:
            self._descriptor = os.pidfd_open(pid)
        except OSError as error:
            raise LabError("the lab has just ended", NEXT) from error

    def __enter__(self) -> Life:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        """Readable once the process has ended."""
        return self._descriptor

    def has_ended(self, seconds: float = 0.0) -> bool:
        """Whether it has, or does within that time."""
        polling = select.poll()  # not select(): whoever asks may have descriptors beyond its 1024
        polling.register(self._descriptor, select.POLLIN)
        return bool(polling.poll(seconds * 1000))

    def require(self) -> None:
        """LabError once it has ended."""
        if self.has_ended():
            raise LabError(f"the lab has ended, and with it its agent (process {self.pid})", NEXT)

    def kill(self) -> None:
        """The process, and no other."""
        with suppress(ProcessLookupError):  # it has just ended
            signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)

    def close(self) -> None:
        """Twice is once."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
