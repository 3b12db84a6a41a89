"""Programs that the agent's loop starts and waits for itself: exec probes, and what `kubectl exec` runs.

The agent is its sandbox's init and reaps whatever ends there; these it must leave alone: `Children.pids` says which.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress

from lab.kernel import interpreter


class Child:
    """A running program, in a session of its own."""

    def __init__(self, running: subprocess.Popen[bytes]) -> None:
        self._running = running
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def pid(self) -> int:
        return self._running.pid

    def kill(self) -> None:
        """End it and all that it has started in its group. Nothing to do when it has ended."""
        if not self.exited.done():
            with suppress(ProcessLookupError):
                os.killpg(self._running.pid, signal.SIGKILL)

    def ended(self) -> int:
        """Its status, waited for: below zero the signal that killed it."""
        return self._running.wait()


class Children:
    """Those that live, or have ended and are about to be waited for."""

    def __init__(self) -> None:
        self._alive: dict[int, Child] = {}

    @property
    def pids(self) -> frozenset[int]:
        return frozenset(self._alive)

    def start(
        self,
        place: str,
        argv: Sequence[str],
        streams: tuple[int, int, int],
        *,
        terminal: bool = False,
        extra: Mapping[str, str] | None = None,
    ) -> Child:
        """Run it in the place with these descriptors as its standard streams (subprocess.DEVNULL will do as one).

        With `terminal` the first of them is the terminal that it is to have. `extra` adds to its environment.
        """
        option = ("--terminal",) if terminal else ()
        running = subprocess.Popen(
            interpreter.command("lab.kernel.enter", *option, place, *argv),
            stdin=streams[0],
            stdout=streams[1],
            stderr=streams[2],
            env={**interpreter.environment(), **(extra or {})},
            start_new_session=True,
        )
        child = Child(running)
        self._alive[child.pid] = child
        pidfd = os.pidfd_open(child.pid)
        asyncio.get_running_loop().add_reader(pidfd, self._ended, child, pidfd)
        return child

    def _ended(self, child: Child, pidfd: int) -> None:
        asyncio.get_running_loop().remove_reader(pidfd)
        os.close(pidfd)
        status = child.ended()
        del self._alive[child.pid]
        if not child.exited.done():
            child.exited.set_result(status)
