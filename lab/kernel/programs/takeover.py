"""One program in the place of another: how far it has come, and the way back (`succession` says how it is done)."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.errors import KernelError
from lab.kernel.cancelled import Cancelled
from lab.kernel.programs import knocks, succession
from lab.kernel.programs.running import Started
from lab.network.objects import Process

if TYPE_CHECKING:
    from lab.kernel.programs.processes import Processes

LOOK_EVERY_SECONDS = 0.001


@dataclass(slots=True)
class Takeover:
    """A program that was started beside the one before it and is about to have its port.

    It reads its standard input to the end before it binds: so it comes as far as that, and then waits for us.
    """

    process: Process
    _before: Started
    _after: Started
    _listeners: succession.Listeners
    _processes: Processes

    def take(self, seconds: float, cancelled: Callable[[], bool]) -> None:
        """Returns when it has the port. KernelError with its last words when it ends instead, or takes too long; then
        `give_up` is due.
        """
        deadline = time.monotonic() + seconds
        stdin, port = self._after.stdin, self.process.ready_udp
        with stdin:
            with suppress(BrokenPipeError):  # it has ended: that is found out below
                stdin.write(b"\n")
            self._wait(lambda: not succession.unread(stdin.fileno()), deadline, cancelled)
            # Without nftables a connection that is begun meanwhile is refused.
            shut = ExitStack()
            with suppress(KernelError, OSError), self._processes.entered(self.process.place):
                shut.enter_context(knocks.unanswered(port))
            succession.wait_until_accepted(self._before.program, port)
            self._listeners.close()
        with shut:
            self._wait(self._is_bound, deadline, cancelled)

    def _wait(self, condition: Callable[[], bool], deadline: float, cancelled: Callable[[], bool]) -> None:
        while not condition():
            self._processes.require_alive(self.process)
            if cancelled():
                raise Cancelled
            if time.monotonic() > deadline:
                raise KernelError(f"{self.process.place}: {self.process.name} does not begin to listen")
            time.sleep(LOOK_EVERY_SECONDS)

    def _is_bound(self) -> bool:
        try:
            held = succession.bound(self._after.program, self.process.ready_udp)
        except OSError:  # it has ended
            return False
        return {one.protocol for one in held} == {"tcp", "udp"}

    def complete(self) -> None:
        """It answers: the one before it goes."""
        self._listeners.release()
        self._processes.replace(self.process)

    def give_up(self) -> None:
        """It does not come up: the one before it goes on."""
        self._processes.give_up(self.process)
        self._listeners.reopen()
