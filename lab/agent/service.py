"""The agent's loop: answers the commands one by one, reaps what its sandbox leaves, and ends when it is told.

The kernel is changed by one thread only, the writer; the loop stays free to answer and to notice who hung up.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lab.agent.lab import Lab
from lab.agent.protocol import LIMIT, Message, encode, error_message
from lab.errors import HoplabError, LabError, UsageError
from lab.kernel.cancelled import Cancelled

Reply = Callable[[Message], None]
UNASKED_SECONDS = 30.0

# Who started us connects within milliseconds, unless killed meanwhile; one that is slower starts another agent.
LONELY_SECONDS = 1.0


def serve(name: str, listening: socket.socket) -> None:
    """Until `down`, SIGTERM, or the death of whoever asked for a first `up` that never succeeded."""
    # What is imported stays for good: the collector need not look at it again and again.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    asyncio.run(Service(name).run(listening))


class Service:
    """One lab's loop."""

    def __init__(self, name: str) -> None:
        self._writer = ThreadPoolExecutor(1, "writer")
        self._lab = Lab(name)
        self._end = asyncio.Event()
        self._busy = ""
        self._conversations = 0
        self._operations: dict[str, Callable[[Message, Reply, threading.Event], Awaitable[Any]]] = {
            "hear": self._hear,
            "up": self._up,
            "plan": self._plan,
            "read": self._read,
            "objects": self._objects,
            "place": self._place,
            "intents": self._intents,
            "down": self._down,
        }

    async def run(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._end.set)
        loop.add_signal_handler(signal.SIGCHLD, self._reap)
        for ignored in (signal.SIGINT, signal.SIGHUP):
            signal.signal(ignored, signal.SIG_IGN)
        server = await asyncio.start_unix_server(self._converse, sock=listening, limit=LIMIT)
        loop.call_later(LONELY_SECONDS, self._end_if_nobody_cares)
        asyncio.get_running_loop().call_later(UNASKED_SECONDS, self._end_unless_used)
        async with server:
            await self._end.wait()
        # The kernel ends everything else with this process; there is nothing to clean up.

    def _end_if_nobody_cares(self) -> None:
        """A lab that never came up is of use only to those who are still asking for it."""
        if not self._lab.stands and not self._conversations:
            self._end.set()

    def _end_unless_used(self) -> None:
        """Whoever started us was to ask for an `up` at once; without one there is nothing to live for."""
        if not self._lab.stands and not self._busy:
            self._end.set()

    def _reap(self) -> None:
        """An init gets every orphan of its sandbox; those that we started ourselves are waited for where they were
        started.
        """
        if self._busy:
            asyncio.get_running_loop().call_later(0.2, self._reap)
            return
        ours = self._lab.children
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None:
                return
            if found.si_pid in ours or self._busy:
                asyncio.get_running_loop().call_later(0.2, self._reap)
                return
            os.waitpid(found.si_pid, 0)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._conversations += 1
        try:
            while line := await reader.readline():
                await self._answer(line, reader, writer)
                await writer.drain()
        except (ConnectionError, ValueError, asyncio.LimitOverrunError):
            return  # hung up, or a line longer than any of ours
        finally:
            writer.close()
            self._conversations -= 1
            self._end_if_nobody_cares()

    async def _answer(self, line: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        hung_up = threading.Event()

        def reply(message: Message) -> None:
            loop.call_soon_threadsafe(writer.write, encode(message))

        try:
            request: Message = json.loads(line)
            operation = self._operations.get(request.get("operation", ""))
            if operation is None:
                raise UsageError(
                    f"the agent knows no operation {request.get('operation')!r}",
                    "client and agent differ: down, then up",
                )
            asked = asyncio.ensure_future(operation(request, reply, hung_up))
            gone = asyncio.ensure_future(_until_closed(reader))
            await asyncio.wait((asked, gone), return_when=asyncio.FIRST_COMPLETED)
            if not asked.done():
                hung_up.set()
            gone.cancel()
            await asyncio.wait((gone,))
            writer.write(encode({"result": await asked}))
        except HoplabError as error:
            writer.write(encode(error_message(error)))
        except Cancelled:
            return
        except Exception as error:  # one request's defect must not take the lab with it
            told = LabError(
                f"defect in the agent: {type(error).__name__}: {error}", "please report it, with the topology file"
            )
            writer.write(encode(error_message(told)))

    async def _in_writer(self, busy: str, reply: Reply, work: Callable[[], Any]) -> Any:  # noqa: ANN401
        if self._busy:
            reply({"event": "waiting", "for": self._busy})
        loop = asyncio.get_running_loop()

        def at_work() -> Any:  # noqa: ANN401
            self._busy = busy
            try:
                return work()
            finally:
                self._busy = ""

        return await loop.run_in_executor(self._writer, at_work)

    async def _up(self, request: Message, reply: Reply, hung_up: threading.Event) -> Any:  # noqa: ANN401
        def work() -> Message:
            return self._lab.up(request["text"], request["file"], tuple(request["settings"]), reply, hung_up.is_set)

        return await self._in_writer(f"another up (process {request.get('pid', '?')})", reply, work)

    async def _hear(self, _request: Message, _reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        return {}

    async def _plan(self, request: Message, reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        def work() -> Message:
            return self._lab.plan(request["text"], request["file"], tuple(request["settings"]))

        return await self._in_writer("a plan", reply, work)

    async def _read(self, request: Message, reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        """What commands show: answered from the design, waiting for a writer at work so that it is the whole truth."""
        return await self._in_writer("a reading", reply, lambda: self._lab.read(request["what"]))

    async def _objects(self, request: Message, reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        """What places should hold, for whoever compares it with what they do hold."""

        def work() -> Any:  # noqa: ANN401
            return self._lab.objects(request["places"], request["kinds"])

        return await self._in_writer("a reading", reply, work)

    async def _place(self, request: Message, reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        return await self._in_writer("a reading", reply, lambda: self._lab.place(request["name"]))

    async def _intents(self, request: Message, reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        return await self._in_writer("a reading", reply, lambda: self._lab.intents(request["rules"]))

    async def _down(self, _request: Message, _reply: Reply, _hung_up: threading.Event) -> Any:  # noqa: ANN401
        asyncio.get_running_loop().call_later(0.0, self._end.set)
        return {}


async def _until_closed(reader: asyncio.StreamReader) -> None:
    """Returns when the other side has hung up. It sends one request at a time, so there is nothing to read before the
    answer.
    """
    await reader.read(1)
