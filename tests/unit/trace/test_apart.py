"""A process of its own for a trace: it ends with whoever waits for it, not because that begins to read, and is waited
for by nobody once it has told.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from lab.trace.apart import Begun, apart


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


def test_several_go_on_side_by_side() -> None:
    told, telling = os.pipe()

    def first(tell: Callable[[str], None]) -> None:
        tell(os.read(told, 6).decode())

    def second(tell: Callable[[str], None]) -> None:
        os.write(telling, b"second")
        tell("first")

    waiting = Begun(first)
    assert (Begun(second).result(), waiting.result()) == ("first", "second")
    os.close(told)
    os.close(telling)


def test_all_of_them_end_with_whoever_began_them() -> None:
    """Though each has what was open when it began: the reading ends of those before it."""
    told, telling = os.pipe()
    asker = os.fork()
    if not asker:

        def work(_: Callable[[int], None]) -> None:
            os.write(telling, b".")
            while True:
                time.sleep(60)

        begun = [Begun(work) for _ in range(3)]
        begun[0].result()
    os.close(telling)
    assert b"".join(os.read(told, 1) for _ in range(3)) == b"..."
    os.kill(asker, signal.SIGKILL)
    os.waitpid(asker, 0)
    assert os.read(told, 5) == b"", "none of them holds an end of the pipe any more"
    os.close(told)


def test_whoever_ignores_their_children_is_told_as_well() -> None:
    def work(tell: Callable[[int], None]) -> None:
        tell(7)

    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert apart(work) == 7
    finally:
        signal.signal(signal.SIGCHLD, before)


AFTERWARDS = """
import os, sys
from lab.trace.apart import apart

def work(tell):
    tell("told")
    os.read(int(sys.argv[1]), 1)  # until whoever started this has read all that it printed

print(apart(work))
"""


def test_whoever_reads_what_is_printed_does_not_wait_for_what_it_does_afterwards() -> None:
    waiting, going_on = os.pipe()
    started = [sys.executable, "-c", AFTERWARDS, str(waiting)]
    done = subprocess.run(started, capture_output=True, text=True, check=False, pass_fds=(waiting,), timeout=60)
    os.close(going_on)
    os.close(waiting)
    assert (done.stdout, done.stderr, done.returncode) == ("told\n", "", 0)
