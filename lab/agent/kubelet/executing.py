"""A command run in a pod for somebody who is connected: its streams or terminal, and its end."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Sequence

from lab.agent.kubelet.children import Child, Children
from lab.agent.kubelet.descriptors import Source, arrival
from lab.kernel.cell import pty as terminal
from lab.kernel.sandbox import capabilities

STDOUT, STDERR = 1, 2  # the channels' numbers in Kubernetes' own protocol
_END_OF_FILE = b"\x04"  # Ctrl-D, for a terminal


class Input:
    """The program's standard input. Once it reads no more, what is written is lost."""

    def __init__(self, fd: int, *, terminal: bool) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._terminal = terminal

    async def write(self, data: bytes) -> None:
        """Returns when the program, or the kernel for it, has taken all of it."""
        while data and self._fd >= 0:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                await self._room()
            except OSError:  # EPIPE, EIO: nobody reads
                return

    async def close(self) -> None:
        """Nothing more will come: the program reads an end of file."""
        if self._terminal:
            await self.write(_END_OF_FILE)
        else:
            self.drop()

    def drop(self) -> None:
        """Let go of it. A terminal is closed by who reads it."""
        if self._fd >= 0 and not self._terminal:
            os.close(self._fd)
        self._fd = -1

    async def _room(self) -> None:
        loop = asyncio.get_running_loop()
        room = loop.create_future()

        def wake() -> None:
            if not room.done():
                room.set_result(None)

        fd = self._fd
        loop.add_writer(fd, wake)
        try:
            await room
        finally:
            loop.remove_writer(fd)


class Execution:
    """The command while it runs; whoever leaves the block ends it and what it has started.

        async with Execution(children, "namespace001/pod-0", ("cat",), stdin=True) as execution:
            await execution.stdin.write(b"hello")
            await execution.stdin.close()
            async for channel, data in execution: …
            status = await execution.wait()

    A `terminal` is standard input, output and error in one; all of it comes on channel 1.
    """

    stdin: Input

    def __init__(
        self, children: Children, place: str, argv: Sequence[str], *, stdin: bool = False, terminal: bool = False
    ) -> None:
        self._children = children
        self._place = place
        self._argv = tuple(argv)
        self._has_stdin = stdin
        self._terminal = terminal
        self._sources: dict[int, Source] = {}
        self._child: Child

    async def __aenter__(self) -> Execution:
        if self._terminal:
            await self._start_on_terminal()
        else:
            self._start_on_pipes()
        return self

    async def _start_on_terminal(self) -> None:
        ours, theirs = terminal.open_in(f"/proc/{await self._children.make(self._place)}/root")
        streams = (theirs, theirs, theirs)
        try:
            self._child = self._children.start(
                self._place, self._argv, streams, terminal=True, extra={"TERM": "xterm"}, kept=capabilities.POD
            )
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        self._sources = {STDOUT: Source(ours)}
        self.stdin = Input(ours, terminal=True)

    def _start_on_pipes(self) -> None:
        ends = [os.pipe2(os.O_CLOEXEC) for _ in range(3)]
        (read_in, write_in), (read_out, write_out), (read_err, write_err) = ends
        standard_input = read_in if self._has_stdin else subprocess.DEVNULL
        try:
            streams = (standard_input, write_out, write_err)
            self._child = self._children.start(self._place, self._argv, streams, kept=capabilities.POD)
        except BaseException:
            for end in (write_in, read_out, read_err):
                os.close(end)
            raise
        finally:
            for end in (read_in, write_out, write_err):
                os.close(end)
        self._sources = {STDOUT: Source(read_out), STDERR: Source(read_err)}
        self.stdin = Input(write_in, terminal=False)

    async def __aexit__(self, *_: object) -> None:
        self._child.kill()
        self.stdin.drop()
        for source in self._sources.values():
            source.close()

    async def __aiter__(self) -> AsyncIterator[tuple[int, bytes]]:
        """What it prints, with the channel, until it has ended and all of that is told."""
        while True:
            over = self._child.exited.done()
            told = False
            for channel, source in self._sources.items():
                data = source.take()
                if data:
                    told = True
                    yield channel, data
            waiting = [source for source in self._sources.values() if not source.ended]
            if not told and (over or not waiting):
                return
            if not told:
                await arrival(waiting, self._child.exited)

    def resize(self, width: int, height: int) -> None:
        """The terminal has so many columns and rows now. Nothing without one."""
        if self._terminal:
            terminal.resize(self._sources[STDOUT].fd, width, height)

    async def wait(self) -> int:
        """Its exit status as a shell says it: 128 and the signal's number for one that was killed."""
        status = await asyncio.shield(self._child.exited)
        return status if status >= 0 else 128 - status
