"""The listening side of the API server: one uvicorn for the lab's inside, one for its owner outside."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp
    from uvicorn import Config, Server

    from lab.kernel.pki import Pki

FOLDER = Path("/run/hoplab/pki")
IDLE_SECONDS = 120  # Go's clients keep a connection for 90
END_SECONDS = 1
BACKLOG = 128


def listening(address: str, port: int) -> socket.socket:
    """A TCP socket in the calling thread's network namespace. OSError when the port is taken."""
    # asyncio sends at once, without Nagle's wait of 40 ms, only on sockets that are TCP's by name.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((address, port))
    made.listen(BACKLOG)
    made.setblocking(False)
    return made


def write_pki(pki: Pki) -> None:
    """Where the server reads its certificate from: in the sandbox's own /run, for its root only."""
    FOLDER.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, text in (("ca.crt", pki.ca), ("server.crt", pki.certificate), ("server.key", pki.key)):
        (FOLDER / name).write_text(text, encoding="ascii")


class Serving:
    """One socket on which the app is served until `stop`."""

    def __init__(self, app: ASGIApp, sock: socket.socket) -> None:
        self._ended = asyncio.Event()
        self._server = _server(app, self._ended)
        self._socket = sock
        self._task = asyncio.get_running_loop().create_task(self._server.serve(sockets=[sock]))

    async def stop(self) -> None:
        self._server.should_exit = True
        self._ended.set()
        await asyncio.wait((self._task,), timeout=2 * END_SECONDS)
        self._socket.close()


def _server(app: ASGIApp, ended: asyncio.Event) -> Server:
    # 45 ms that nobody who does not serve should pay.
    import uvicorn  # noqa: PLC0415

    class Quiet(uvicorn.Server):
        """One that leaves the process's signals to the agent, and sleeps while nobody asks for anything."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

        async def main_loop(self) -> None:
            await self.on_tick(0)
            await ended.wait()

    return Quiet(_config(app))


def _config(app: ASGIApp) -> Config:
    import uvicorn  # noqa: PLC0415  as above

    return uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        http="h11",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=END_SECONDS,
        ssl_certfile=str(FOLDER / "server.crt"),
        ssl_keyfile=str(FOLDER / "server.key"),
        server_header=False,
        date_header=False,
    )
