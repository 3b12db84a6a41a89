"""The listening side of the API server: one socket for the lab's inside, one for its owner outside.

Connections are taken in here and not by uvicorn: of whoever sends nothing nothing but a socket is kept, and of those
who have not shown who they are no more than some hundreds.
"""

from __future__ import annotations

import asyncio
import socket
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from lab.agent.apiserver.strangers import HEAD_SECONDS, Strangers
from lab.kernel.host import memory

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp

    from lab.agent.apiserver.connections import Speaking
    from lab.agent.apiserver.pki import Certificate

FOLDER = Path("/run/hoplab/pki")
AGAIN_SECONDS = 0.1  # without file descriptors nobody is taken in; asyncio waits likewise
IDLE_SECONDS = 120  # Go's clients keep a connection for 90
END_SECONDS = 1
BACKLOG = 128
MANY, CALM_SECONDS = 64, 2.0  # after so many connections memory is given back, once they come no longer


def listening(address: str, port: int) -> socket.socket:
    """A TCP socket in the calling thread's network namespace. OSError when the port is taken."""
    # asyncio sends at once, without Nagle's wait of 40 ms, only on sockets that are TCP's by name.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((address, port))
    made.listen(BACKLOG)
    made.setblocking(False)
    return made


def write_pki(ca: str, server: Certificate) -> None:
    """Where the server reads its certificate from: in the sandbox's own /run, for its root only."""
    FOLDER.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, text in (("ca.crt", ca), ("server.crt", server.certificate), ("server.key", server.key)):
        (FOLDER / name).write_text(text, encoding="ascii")


class Serving:
    """One socket on which what `app` gives is served until `stop`. It is asked for when the first client speaks, in a
    thread: what that takes to be imported, 0.1 s and 8 MiB, no lab pays whose API nobody asks.
    """

    def __init__(self, app: Callable[[], ASGIApp], sock: socket.socket) -> None:
        self.strangers = Strangers()
        self._app = app
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._speaking: asyncio.Task[Speaking] | None = None
        self._came = 0
        self._greetings: set[asyncio.Task[None]] = set()
        self._taking = self._loop.create_task(self._take())

    async def stop(self) -> None:
        """Requests that are being answered have a second to end."""
        self._taking.cancel()
        self.strangers.end()
        if self._speaking is not None:
            await (await self._speaking).end(END_SECONDS)
        self._socket.close()

    async def _how_to_speak(self) -> Speaking:
        if self._speaking is None:
            self._speaking = self._loop.create_task(asyncio.to_thread(self._learn))
        return await asyncio.shield(self._speaking)  # other clients wait for it too

    def _learn(self) -> Speaking:
        from lab.agent.apiserver.connections import Speaking  # noqa: PLC0415  see above

        return Speaking(
            self._app(),
            self.strangers,
            timeout_keep_alive=IDLE_SECONDS,
            ssl_certfile=str(FOLDER / "server.crt"),
            ssl_keyfile=str(FOLDER / "server.key"),
        )

    async def _take(self) -> None:
        while True:
            try:
                connection, _ = await self._loop.sock_accept(self._socket)
            except OSError:
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            greeting = self._loop.create_task(self._greet(connection))
            self.strangers.come(greeting, greeting.cancel)
            self._greetings.add(greeting)
            self._came += 1
            if self._came == MANY:
                self._loop.call_later(CALM_SECONDS, self._calm, MANY)
            greeting.add_done_callback(self._greetings.discard)
            greeting.add_done_callback(self.strangers.go)

    def _calm(self, came: int) -> None:
        """After many have come: once nobody comes any more, what they took goes back."""
        if self._came != came:
            self._loop.call_later(CALM_SECONDS, self._calm, self._came)
        else:
            self._came = 0
            memory.give_back()

    async def _greet(self, connection: socket.socket) -> None:
        """Until TLS is spoken; then the connection stands for itself."""
        taken_in = False
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                if await self._has_spoken(connection):
                    speaking = await self._how_to_speak()
                    await self._loop.connect_accepted_socket(
                        speaking.connection,
                        connection,
                        ssl=speaking.config.ssl,
                        ssl_handshake_timeout=HEAD_SECONDS,
                        ssl_shutdown_timeout=HEAD_SECONDS,
                    )
                    taken_in = True
        except OSError as error:  # TimeoutError and ssl.SSLError are some too
            # The frames that it came through hold the connection, which holds it: a quarter of a megabyte each time,
            # which the garbage collector would find too late.
            traceback.clear_frames(error.__traceback__)
        finally:
            if not taken_in:
                connection.close()

    async def _has_spoken(self, connection: socket.socket) -> bool:
        """Once it has sent something, or hung up instead."""
        ready = asyncio.Event()
        self._loop.add_reader(connection, ready.set)
        try:
            await ready.wait()
        finally:
            self._loop.remove_reader(connection)
        return bool(connection.recv(1, socket.MSG_PEEK))
