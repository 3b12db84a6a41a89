"""A program on its way into a cell, and then the program: `lab.kernel.cell.enter` is started, reports who it has
become, and ends; the program is from then on a child of the sandbox's init, which is the agent.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from lab.kernel.host import interpreter

if TYPE_CHECKING:
    from lab.kernel.cell.cell import Cell

Streams = tuple[int, int, int]


class Launch:
    """As far as it has come. Only the init of the PID namespace may wait for its program."""

    def __init__(
        self,
        cell: Cell,
        argv: Sequence[str],
        streams: Streams,
        environment: Sequence[str] = (),
        *,
        terminal: bool = False,
    ) -> None:
        """Start it with these descriptors as its standard streams (subprocess.DEVNULL will do as one), and variables as
        `NAME=value` beside the few that every program in a cell has.
        """
        self.returncode: int | None = None
        self.refused = 0  # the errno, once it has ended, of a program that there is not or that cannot be run
        self._pid = 0
        self._doomed = False
        self._lock = threading.Lock()
        self._report, writing = os.pipe2(os.O_CLOEXEC)
        option = ("--terminal",) if terminal else ()
        handed = cell.handed(environment)
        told = ("--cell", str(handed), "--report", str(writing), *option, cell.place, *argv)
        try:
            self._entering = subprocess.Popen(
                interpreter.command("lab.kernel.cell.enter", *told),
                bufsize=0,
                stdin=streams[0],
                stdout=streams[1],
                stderr=streams[2],
                env=interpreter.environment(),
                pass_fds=[writing, handed],
            )
        except BaseException:
            os.close(self._report)
            raise
        finally:
            os.close(writing)
            os.close(handed)

    @property
    def entering(self) -> int:
        """The process that is on its way in: whoever waits for it may ask `begun` when it has ended."""
        return self._entering.pid

    @property
    def pids(self) -> frozenset[int]:
        """All that is waited for here, by process id: nobody else may."""
        self._learn(wait=False)
        return frozenset({self._entering.pid, self._pid} - {0})

    @property
    def pid(self) -> int:
        """The program's process id, waited for until it begins; that of the one on its way where it never does."""
        self._learn(wait=True)
        return self._pid or self._entering.pid

    def begun(self) -> int:
        """The program's process id; 0 where it is still on its way, or never came in."""
        self._learn(wait=False)
        return self._pid

    def poll(self) -> int | None:
        """Its status, below zero the signal that ended it; None while it lives."""
        self._learn(wait=False)
        if self.returncode is None and self._pid:
            self._bury(os.WNOHANG)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its status once it has ended. subprocess.TimeoutExpired when `timeout` seconds are over."""
        self._learn(wait=True)
        if self.returncode is None:
            if timeout is not None and not self._ends_within(timeout):
                raise subprocess.TimeoutExpired(str(self._pid), timeout)
            self._bury(0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Nothing when it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it; it is still to be waited for."""
        self.send_signal(signal.SIGKILL)

    def kill_session(self) -> None:
        """End it and all that it has started in its group; one that is still on its way does not begin."""
        if self.poll() is not None:
            return
        self._doomed = True
        if self._pid:
            _kill_group(self._pid)
        else:
            self._entering.kill()

    def _ends_within(self, seconds: float) -> bool:
        try:
            pidfd = os.pidfd_open(self._pid)
        except ProcessLookupError:
            return True
        try:
            return bool(select.select([pidfd], [], [], seconds)[0])
        finally:
            os.close(pidfd)

    def _bury(self, options: int) -> None:
        with self._lock:
            if self.returncode is None:
                pid, status = os.waitpid(self._pid, options)
                if pid:
                    self.returncode = os.waitstatus_to_exitcode(status)

    def _learn(self, *, wait: bool) -> None:
        """Read who it has become, if that is known by now."""
        with self._lock:
            if self._report < 0 or not (wait or select.select([self._report], [], [], 0)[0]):
                return
            told = os.read(self._report, 32)
            os.close(self._report)
            self._report = -1
            self._pid = int(told or b"0")
            status = self._entering.wait()  # it ends as soon as the program has begun: then that is a child of ours
            if not self._pid:
                self.returncode = status
                return
            self.refused = max(status, 0)
            if self._doomed:
                _kill_group(self._pid)


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError):
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:  # it has not made itself a group yet
            os.kill(pid, signal.SIGKILL)


def environment_of(variables: Mapping[str, str]) -> tuple[str, ...]:
    """As a launch takes them."""
    return tuple(f"{name}={value}" for name, value in variables.items())
