"""Where programs on a node ask the lab itself: a socket in the node's network namespace, which nobody else reaches.

It needs no network, as the node's own BIRD needs none: a node that is cut off can be asked about its peers. It is made
when somebody first runs something there.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lab.agent import in_node
from lab.agent.in_node import SOCKET
from lab.agent.protocol import encode
from lab.errors import HoplabError

if TYPE_CHECKING:
    from lab.agent.lab import Lab
    from lab.agent.protocol import Message

PROGRAM = "/usr/local/bin/calicoctl"
"""What asks there. It hides one of the machine's own, which would look for another cluster's datastore."""

LONGEST = 64 * 1024  # of a question
PATIENCE_SECONDS = 10.0  # for a question to come, and for the answer to be read
MOST = 16  # who ask at once, on all nodes; whoever else comes waits

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

    def __init__(self, lab: Lab, ask: Ask) -> None:
        self._lab = lab
        self._ask = ask
        self._places: dict[str, _Place] = {}
        self._few = asyncio.Semaphore(MOST)

    async def serve(self, node: str) -> None:
        """There from now on. A name that somebody else has taken there is theirs."""
        with self._lab.entered(node):
            namespace = Path("/proc/thread-self/ns/net").stat().st_ino
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
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
            try:
                async with self._few:
                    await asyncio.wait_for(self._converse(node, reader, writer), PATIENCE_SECONDS)
            except (OSError, ValueError, TimeoutError):
                return  # hung up, no question, or one that is none
            finally:
                writer.transport.abort() if writer.transport.get_write_buffer_size() else writer.close()

        self._places[node] = _Place(namespace, await asyncio.start_unix_server(converse, sock=sock, limit=LONGEST))

    def keep(self, places: Iterable[str]) -> None:
        """Let go of nodes that are not among these: an open socket would keep their network namespaces."""
        for node in self._places.keys() - set(places):
            self._places.pop(node).server.close()

    async def _converse(self, node: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        typed = json.loads(await reader.readline())
        if not isinstance(typed, list) or not all(isinstance(word, str) for word in typed):
            return
        try:
            told = await self._ask(typed, node)
        except HoplabError as error:
            told = {"out": "", "err": f"hoplab: error: {error.message}\nhint: {error.hint}\n", "status": 1}
        writer.write(encode(told))
        with suppress(ConnectionError):
            await writer.drain()
