"""Where programs on a node ask the lab itself: a socket in the node's network namespace, which nobody else reaches.

It needs no network, as the node's own BIRD needs none: a node that is cut off can be asked about its peers. It is made
when somebody first runs something there.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lab.agent.protocol import encode
from lab.agent.tell import in_node
from lab.agent.tell.in_node import SOCKET
from lab.errors import HoplabError

if TYPE_CHECKING:
    from lab.agent.place_programs import Programs
    from lab.agent.protocol import Message

PROGRAM = "/usr/local/bin/calicoctl"
"""What asks there. It hides one of the machine's own, which would look for another cluster's datastore."""

LONGEST = 64 * 1024  # of a question
PATIENCE_SECONDS = 5.0  # for a question to come, and for the answer to be read
MOST_CONNECTED = 64  # on all nodes; whoever else comes is hung up on
AT_ONCE = 8  # so many questions are worked on; others wait

Ask = Callable[[Sequence[str], str], Awaitable["Message"]]
"""Words and a node: what is said to them."""


@cache
def program() -> str:
    """The text of what asks."""
    return Path(in_node.__file__).read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class _Place:
    """A node's network namespace by its number, and who serves there."""

    namespace: int
    server: asyncio.Server


class NodesAsking:
    """Of one lab, in the agent's loop."""

    def __init__(self, programs: Programs, ask: Ask) -> None:
        self._programs = programs
        self._ask = ask
        self._places: dict[str, _Place] = {}
        self._connected = 0
        self._few = asyncio.Semaphore(AT_ONCE)

    async def serve(self, node: str) -> None:
        """There from now on. A name that somebody else has taken there is theirs."""
        try:
            with self._programs.entered(node):
                namespace = Path("/proc/thread-self/ns/net").stat().st_ino
                sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except KeyError:  # it goes just now
            return
        before = self._places.get(node)
        if before is not None and before.namespace == namespace:
            sock.close()
            return
        try:
            sock.bind(SOCKET)
        except OSError:
            sock.close()
            return
        if before is not None:
            before.server.close()

        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._connected += 1
            try:
                if self._connected <= MOST_CONNECTED:
                    await self._converse(node, reader, writer)
            except (OSError, ValueError, TimeoutError, RecursionError):
                return  # hung up, no question, or one that is none
            finally:
                self._connected -= 1
                writer.transport.abort()  # who has read the answer needs no more

        self._places[node] = _Place(namespace, await asyncio.start_unix_server(converse, sock=sock, limit=LONGEST))

    def keep(self, places: Iterable[str]) -> None:
        """Let go of nodes that are not among these: an open socket would keep their network namespaces."""
        for node in self._places.keys() - set(places):
            self._places.pop(node).server.close()

    async def _converse(self, node: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        typed = json.loads(await asyncio.wait_for(reader.readline(), PATIENCE_SECONDS))
        if not isinstance(typed, list) or not all(isinstance(word, str) for word in typed):
            return
        try:
            async with self._few:
                told = await self._ask(typed, node)
        except HoplabError as error:
            told = {"out": "", "err": f"hoplab: error: {error.message}\nhint: {error.hint}\n", "status": 1}
        writer.write(encode(told))
        writer.write_eof()
        await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)  # until it hangs up
