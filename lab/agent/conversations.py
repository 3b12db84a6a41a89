"""Who is connected to the agent, and what is said to them: answers, signs of life while an answer takes longer, and why
the lab has ended when there is none.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from lab.agent.protocol import BEAT_SECONDS, LIMIT, WORKING, Message, encode, encode_result, error_message
from lab.errors import HoplabError, LabError, UsageError
from lab.kernel.cancelled import Cancelled
from lab.refusal import refusal

Reply = Callable[[Message], None]
Operation = Callable[[Message, Reply, threading.Event], Awaitable[Any]]
FAREWELL_SECONDS = 0.2


class Conversations:
    """Those of one agent, in its loop. `operations` are what may be asked for; `answered` is called after each answer,
    and `left` when somebody goes.
    """

    def __init__(
        self, operations: Mapping[str, Operation], answered: Callable[[], None], left: Callable[[], None]
    ) -> None:
        self._operations = operations
        self._answered = answered
        self._left = left
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def listen(self, listening: socket.socket) -> None:
        """There from now on, and no longer where it was before. Conversations that have begun go on."""
        if self._server is not None and listening.fileno() in [one.fileno() for one in self._server.sockets]:
            return  # it is there already
        before = self._server
        self._server = await asyncio.start_unix_server(self._converse, sock=listening, limit=LIMIT)
        if before is not None:
            before.close()

    @property
    def open(self) -> int:
        """How many are connected."""
        return len(self._writers)

    async def farewell(self, why: LabError) -> None:
        """Tell everybody why there will be no answer: to what was asked, or what is being asked just now."""
        if not self._writers:
            return
        for writer in self._writers:
            writer.write(encode(error_message(why)))
        draining = asyncio.gather(*(writer.drain() for writer in self._writers), return_exceptions=True)
        with suppress(TimeoutError):  # who does not read it need not know
            await asyncio.wait_for(draining, FAREWELL_SECONDS)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while line := await reader.readline():
                await self._answer(line, reader, writer)
                await writer.drain()
        except (ConnectionError, ValueError, asyncio.LimitOverrunError):
            return  # hung up, or a line longer than any of ours
        finally:
            writer.close()
            self._writers.discard(writer)
            self._left()

    async def _answer(self, line: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            result = await self._done(json.loads(line), reader, writer)
            writer.write(await asyncio.to_thread(encode_result, result))
        except HoplabError as error:
            writer.write(encode(error_message(error)))
        except Cancelled:
            return
        except Exception as error:  # one request's defect must not take the lab with it
            told = refusal(error) or LabError(
                f"defect in the agent: {type(error).__name__}: {error}", "please report it, with the topology file"
            )
            writer.write(encode(error_message(told)))
        finally:
            self._answered()

    async def _done(self, request: Message, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Any:  # noqa: ANN401
        loop = asyncio.get_running_loop()
        hung_up = threading.Event()

        def reply(message: Message) -> None:
            loop.call_soon_threadsafe(writer.write, encode(message))

        operation = self._operations.get(request.get("operation", ""))
        if operation is None:
            raise UsageError(
                f"the agent knows no operation {request.get('operation')!r}",
                "client and agent differ: down, then up",
            )
        asked = asyncio.ensure_future(operation(request, reply, hung_up))
        gone = asyncio.ensure_future(_until_closed(reader))
        while not (await asyncio.wait((asked, gone), timeout=BEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED))[0]:
            if not writer.transport.get_write_buffer_size():  # else it does not read what it has
                writer.write(encode(WORKING))
        if not asked.done():
            hung_up.set()
        gone.cancel()
        await asyncio.wait((gone,))
        return await asked


async def _until_closed(reader: asyncio.StreamReader) -> None:
    """Returns when the other side has hung up. It sends one request at a time, so there is nothing to read before the
    answer.
    """
    await reader.read(1)
