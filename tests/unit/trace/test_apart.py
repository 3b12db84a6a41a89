"""A process of its own for a trace: it ends with whoever waits for it, and not because that begins to read."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from lab.trace.apart import apart


def test_a_signal_that_the_reader_has_begun_to_read_ends_nothing() -> None:
    """Kernels up to 6.x send it, when a reader finds the pipe empty."""

    def work(tell: Callable[[int], None]) -> None:
        os.kill(os.getpid(), signal.SIGIO)
        tell(7)

    assert apart(work) == 7


def test_it_ends_when_nobody_reads_any_more() -> None:
    told, telling = os.pipe()
    asker = os.fork()
    if not asker:

        def work(_: Callable[[int], None]) -> None:
            os.write(telling, b"begun")
            while True:
                time.sleep(60)

        apart(work)
    os.close(telling)
    assert os.read(told, 5) == b"begun"
    os.kill(asker, signal.SIGKILL)
    os.waitpid(asker, 0)
    assert os.read(told, 5) == b"", "its process holds no end of the pipe any more"
    os.close(told)
