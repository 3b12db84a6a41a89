"""Programs that the agent's loop starts and waits for itself: exec probes, and what `kubectl exec` runs.

The agent is its sandbox's init and reaps whatever ends there; these it must leave alone: `Children.pids` says which.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NoReturn

from lab.errors import LabError
from lab.kernel.cell import cell
from lab.kernel.cell.cell import Cell
from lab.kernel.cell.launch import Launch, Streams, environment_of
from lab.kernel.cell.nursery import Nursery
from lab.kernel.host import interpreter
from lab.kernel.sandbox import capabilities

NOTHING: Mapping[str, str] = {}


class Child:
    """A program in a cell, in a session of its own, or one that is on its way there."""

    def __init__(self, running: Launch) -> None:
        self._running = running
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def pids(self) -> frozenset[int]:
        return self._running.pids

    def kill(self) -> None:
        """End it and all that it has started in its group. Nothing to do when it has ended."""
        if not self.exited.done():
            self._running.kill_session()

    def follow(self) -> None:
        """Have `exited` told its status when it has ended: below zero the signal that killed it."""
        _when_ended(self._running.entering, self._entered)

    def _entered(self) -> None:
        if self._running.poll() is None:
            _when_ended(self._running.begun(), self._ended)
        else:  # it never began, or somebody has looked and found it ended
            self._ended()

    def _ended(self) -> None:
        status = self._running.wait()
        if not self.exited.done():
            self.exited.set_result(status)


class Children:
    """Those that live, or have ended and are about to be waited for. `cell_of` says what cell a place is to have,
    `variables_of` what is in the environment of whatever runs there.
    """

    def __init__(
        self,
        cell_of: Callable[[str], Cell] = Cell,
        variables_of: Callable[[str], Mapping[str, str]] = lambda _place: NOTHING,
        nursery: Nursery | None = None,
    ) -> None:
        self._cell_of = cell_of
        self._variables_of = variables_of
        self._nursery = nursery
        self._alive: set[Child] = set()
        self._makers: set[int] = set()

    @property
    def pids(self) -> frozenset[int]:
        return frozenset(self._makers).union(*(child.pids for child in self._alive))

    async def make(self, place: str) -> int:
        """The process id of the init of the place's cell, which is made if there is none. LabError when the kernel
        refuses.
        """
        found = cell.init_of(place)
        if found and not cell.is_spoiled(found):
            return found
        reading, writing = os.pipe2(os.O_CLOEXEC)
        handed = self._cell_of(place).handed()
        try:
            if self._nursery is not None:
                self._nursery.make(handed, writing)
                making = None
            else:
                making = _maker(handed, writing)
        finally:
            os.close(writing)
            os.close(handed)
        if making is not None:
            await self._ended(making)
        said = await _all_of(reading)
        return cell.init_of(place) or _refuse(place, said)

    async def _ended(self, making: subprocess.Popen[bytes]) -> None:
        self._makers.add(making.pid)
        ended = asyncio.get_running_loop().create_future()
        _when_ended(making.pid, lambda: ended.set_result(making.wait()))
        await asyncio.shield(ended)
        self._makers.discard(making.pid)

    def start(
        self,
        place: str,
        argv: Sequence[str],
        streams: Streams,
        *,
        terminal: bool = False,
        extra: Mapping[str, str] = NOTHING,
        kept: tuple[str, ...] = capabilities.CONTAINER,
    ) -> Child:
        """Run it in the place with these descriptors as its standard streams (subprocess.DEVNULL will do as one).

        With `terminal` the first of them is the terminal that it is to have. `extra` adds to its
        environment; `kept` are the capabilities that it may have.
        """
        wanted = replace(self._cell_of(place), capabilities=kept)
        child = Child(
            Launch(wanted, argv, streams, environment_of({**self._variables_of(place), **extra}), terminal=terminal)
        )
        self._alive.add(child)
        child.exited.add_done_callback(lambda _: self._alive.discard(child))
        child.follow()
        return child


def _maker(handed: int, telling: int) -> subprocess.Popen[bytes]:
    """A Python of its own, which says what went wrong."""
    return subprocess.Popen(
        interpreter.command("lab.kernel.cell.cell", str(handed)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=telling,
        env=interpreter.environment(),
        pass_fds=[handed],
    )


async def _all_of(pipe: int) -> str:
    """What comes out of it until its end; it is closed."""
    loop = asyncio.get_running_loop()
    said, ended = bytearray(), loop.create_future()

    def some() -> None:
        piece = os.read(pipe, 4096)
        said.extend(piece)
        if not piece and not ended.done():
            ended.set_result(None)

    loop.add_reader(pipe, some)
    try:
        await ended
    finally:
        loop.remove_reader(pipe)
        os.close(pipe)
    return said.decode(errors="replace").strip()


def _refuse(place: str, said: str) -> NoReturn:
    told = said or "its cell ended at once"
    raise LabError(f"nothing can run in {place}: {told}", "./inv check says what is missing")


def _when_ended(pid: int, call: Callable[[], None]) -> None:
    """Call it in the loop when that process has ended; it is still to be waited for."""
    loop = asyncio.get_running_loop()
    pidfd = os.pidfd_open(pid)

    def ended() -> None:
        loop.remove_reader(pidfd)
        os.close(pidfd)
        call()

    with suppress(RuntimeError):  # the loop is closing
        loop.add_reader(pidfd, ended)
