"""The agent's loop: answers the commands one by one, reaps what its sandbox leaves, and ends when it is told.

The kernel is changed by one thread only, the writer; the loop stays free to answer and to notice who hung up.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lab import spans
from lab.agent.conversations import Conversations
from lab.agent.follow.control import Control
from lab.agent.follow.writer import Writer
from lab.agent.operations import Operations
from lab.agent.presence import witness
from lab.agent.presence.keeping import keep
from lab.agent.presence.starter import Starter
from lab.agent.protocol import AGAIN, EndedError
from lab.agent.pulse import Pulse, watched_loop
from lab.errors import LabError
from lab.kernel.cell.nursery import Nursery
from lab.kernel.host import memory
from lab.kernel.sandbox.confinement import Confinement

if TYPE_CHECKING:
    from lab.agent.apiserver.outside import Outside

UNASKED_SECONDS = 30.0
TURN_SECONDS = 0.001


def serve(
    name: str,
    held: socket.socket,
    outside: Outside,
    confinement: Confinement,
    starter: Starter,
    nursery: Nursery | None = None,
    begun: Sequence[spans.Span] = (),
) -> None:
    """`held` is the lab's name in the kernel, `nursery` who makes cells, if anybody does; `begun` are the phases of its
    start. Until `down`, SIGTERM, the death of whoever asked for a first `up` that never succeeded, or nobody could see
    the lab any more.
    """
    # What is imported stays for good: the collector need not look at it again and again.
    gc.freeze()
    memory.keep_little()
    gc.set_threshold(50_000, 20, 50)
    # The loop waits no longer than this for a thread at work beside it, each time that it was away for the kernel.
    sys.setswitchinterval(TURN_SECONDS)
    pulse = Pulse()
    with asyncio.Runner(loop_factory=lambda: watched_loop(pulse)) as runner:
        runner.run(_live(name, held, outside, confinement, pulse, starter, nursery, begun))


async def _live(
    name: str,
    held: socket.socket,
    outside: Outside,
    confinement: Confinement,
    pulse: Pulse,
    starter: Starter,
    nursery: Nursery | None,
    begun: Sequence[spans.Span],
) -> None:
    await Service(name, outside, confinement, pulse, starter, nursery, begun).run(held)


class Service:
    """One lab's loop."""

    def __init__(
        self,
        name: str,
        outside: Outside,
        confinement: Confinement,
        pulse: Pulse,
        starter: Starter,
        nursery: Nursery | None,
        begun: Sequence[spans.Span],
    ) -> None:
        self._starter = starter
        self._pulse = pulse
        self._writer = Writer()
        self._control = Control(name, self._writer, outside, confinement, pulse, nursery)
        self._lab = self._control.lab
        self._end = asyncio.Event()
        self._home = outside.home
        self._why: LabError | None = None
        operations = Operations(self._control, self._writer, pulse, begun, self._because)
        self._conversations = Conversations(operations.by_name, self._end_if_asked_to, self._end_if_nobody_cares)

    async def run(self, held: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._finish, "somebody sent its agent SIGTERM")
        loop.add_signal_handler(signal.SIGCHLD, self._reap)
        for ignored in (signal.SIGINT, signal.SIGHUP):
            signal.signal(ignored, signal.SIG_IGN)
        await self._conversations.listen(self._home.listening)
        loop.add_reader(held, lambda: witness.answer(held, str(self._home.folder)))
        keeping = loop.create_task(self._stay_seen())
        self._starter.watch(loop, self._end_if_nobody_cares)
        loop.call_later(UNASKED_SECONDS, self._end_unless_used)
        await self._end.wait()
        keeping.cancel()
        assert self._why is not None
        self._starter.tell(self._why)
        await self._conversations.farewell(self._why)
        # The kernel ends everything else with this process; there is nothing to clean up.

    def _finish(self, why: str, kind: type[LabError] = EndedError) -> None:
        self._because(why, kind)
        self._end.set()

    def _because(self, why: str, kind: type[LabError] = EndedError) -> None:
        """The first reason is the reason. Of an EndedError an `up` that comes just now is told, and ends."""
        self._why = self._why or kind(f"lab {self._lab.name!r} has ended: {why}", AGAIN)

    def _end_if_asked_to(self) -> None:
        """Once whoever asked has been answered."""
        if self._why:
            self._end.set()

    async def _stay_seen(self) -> None:
        self._finish(await keep(self._home, self._seen_anew))

    async def _seen_anew(self, missing: str) -> None:
        """What was missing of the lab's folder is there again, perhaps elsewhere."""
        await self._conversations.listen(self._home.listening)
        self._control.chronicle.write((f"the lab's {missing} was gone",), (f"made anew: {self._home.folder}",))

    def _end_if_nobody_cares(self) -> None:
        """A lab that never came up is of use only to those who are still asking for it."""
        if not self._control.has_come_up and not self._conversations.open and not self._starter.waits:
            self._finish("nobody asked for it any more", LabError)

    def _end_unless_used(self) -> None:
        """Whoever started us was to ask for an `up` at once; without one there is nothing to live for."""
        if not self._control.has_come_up and not self._writer.busy:
            self._finish("nobody asked for an `up`", LabError)

    def _reap(self) -> None:
        """An init gets every orphan of its sandbox; those that we started ourselves are waited for where they were
        started.
        """
        self._control.children_ended()
        if self._writer.busy:
            asyncio.get_running_loop().call_later(0.2, self._reap)
            return
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None:
                return
            if found.si_pid in self._control.children or self._writer.busy:
                asyncio.get_running_loop().call_later(0.2, self._reap)
                return
            os.waitpid(found.si_pid, 0)
