"""What uvicorn makes of a connection, with the limits of one whose client is not known. Imported when one serves."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from lab.agent.apiserver.app import KNOWN
from lab.agent.apiserver.strangers import HEAD_SECONDS, Strangers

if TYPE_CHECKING:
    from starlette.types import ASGIApp


class Connection(H11Protocol):
    """One client's. It is a stranger until `known`; the lines of a request's head come within `HEAD_SECONDS`."""

    def __init__(self, config: Config, state: ServerState, strangers: Strangers) -> None:
        # Not itself: what knows its own connection is left to the garbage collector, which comes too late.
        self._stranger = object()
        super().__init__(config, state, {KNOWN: partial(strangers.go, self._stranger)})
        self._strangers = strangers
        self._slow: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._strangers.come(self._stranger, transport.abort)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._strangers.go(self._stranger)
        self._stop_waiting()
        self.cycle = None  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE or not self.conn.trailing_data[0]:
            self._stop_waiting()
        elif self._slow is None:
            self._expect_head()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._stop_waiting()
        super().handle_websocket_upgrade(event)

    def _expect_head(self) -> None:
        self._slow = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None


class Speaking:
    """What all connections to one socket are made of; `further` is for uvicorn."""

    def __init__(self, app: ASGIApp, strangers: Strangers, **further: Any) -> None:  # noqa: ANN401  uvicorn's own types
        self.config = Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            http=Connection,
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            server_header=False,
            date_header=False,
            **further,
        )
        self.config.load()
        self._state = ServerState()
        self._strangers = strangers

    def connection(self) -> Connection:
        return Connection(self.config, self._state, self._strangers)

    async def end(self, seconds: float) -> None:
        """Requests that are being answered have so long to end."""
        for connection in tuple(self._state.connections):
            connection.shutdown()
        if self._state.tasks:
            _, late = await asyncio.wait(tuple(self._state.tasks), timeout=seconds)
            for task in late:
                task.cancel()
