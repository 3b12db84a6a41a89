"""Traces that begin together send one after the other: of what one sent nobody else listens, and its times are its own.

The kernel reports to every listener of a place whatever is reported there, so of many traces at once each would read
what all cause, in a time that grows with their square, and each packet would meet the rules of all. Nothing depends on
the turn: packets of others are told apart wherever they are heard. So nobody waits for one that was suspended with it,
nor while a request is waiting for an answer that does not come.
"""

from __future__ import annotations

import os
import signal
from fcntl import LOCK_EX, flock
from types import FrameType, TracebackType
from typing import Self

WAIT_SECONDS = 3.0  # for all who came before; each takes some hundredths


class Turn:
    """The lab's own, as a context manager: begins when it is ours, or after `WAIT_SECONDS`. Made in the lab's underlay,
    whose namespace is what is locked: no file is made, and the kernel unlocks it however the process ends.
    """

    def __init__(self) -> None:
        self._namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        before = signal.signal(signal.SIGALRM, _late)
        signal.setitimer(signal.ITIMER_REAL, WAIT_SECONDS)
        try:
            flock(self._namespace, LOCK_EX)
        except TimeoutError:
            self.end()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    @property
    def is_over(self) -> bool:
        """Whether others may have begun."""
        return self._namespace < 0

    def end(self) -> None:
        """Let the next one begin; a second time, nothing."""
        if self._namespace >= 0:
            os.close(self._namespace)
            self._namespace = -1


def _late(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError
