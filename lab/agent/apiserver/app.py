"""The API as an ASGI application: requests to the pure `Api` and its answers back, streams and WebSockets included."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Protocol

from lab.api.errors import ApiError
from lab.api.requests import Answer, ExecRequest, LogRequest, Request, Response, Watching, encoded

if TYPE_CHECKING:
    from starlette.requests import Request as HttpRequest
    from starlette.responses import Response as HttpResponse
    from starlette.types import ASGIApp
    from starlette.websockets import WebSocket

    from lab.api.handler import Api

BOOKMARK_SECONDS = 60.0
OUTSIDE = "127.0.0.1"
"""The address on which only the lab's owner is served, who shows the token."""


UNAUTHORIZED = Response(401, encoded(ApiError(401, "Unauthorized", "Unauthorized").status()))


class Streams(Protocol):
    """What is served of running pods."""

    def log(self, request: LogRequest) -> AsyncIterator[bytes]:
        """What a container has written, and goes on writing."""
        ...

    async def execute(self, request: ExecRequest, websocket: WebSocket) -> None:
        """Run a program, its streams carried by the WebSocket, which has been accepted."""
        ...


def make_app(api: Api, streams: Streams, token: str) -> ASGIApp:
    """What uvicorn serves. Everything of it runs in the agent's loop, which alone may touch the store."""
    # 55 ms that only a process that serves should pay.
    from starlette.applications import Starlette  # noqa: PLC0415
    from starlette.routing import Route, WebSocketRoute  # noqa: PLC0415

    server = _Server(api, streams, token)
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    return Starlette(
        routes=[
            WebSocketRoute("/{path:path}", server.converse),
            Route("/{path:path}", server.answer, methods=methods),
        ]
    )


class _Server:
    def __init__(self, api: Api, streams: Streams, token: str) -> None:
        self._api = api
        self._streams = streams
        self._token = f"Bearer {token}"

    async def answer(self, request: HttpRequest) -> HttpResponse:
        from starlette.responses import StreamingResponse  # noqa: PLC0415  as above

        if not self._may(request):
            return _plain(UNAUTHORIZED)
        asked = _request(request, request.method, await request.body())
        found = self._handle(asked)
        if isinstance(found, Watching):
            return StreamingResponse(_events(found), media_type=found.content_type)
        if isinstance(found, LogRequest):
            return StreamingResponse(self._streams.log(found), media_type="text/plain")
        assert isinstance(found, Response), "a program is run over a WebSocket only"
        return _plain(found)

    def _handle(self, asked: Request) -> Answer:
        try:
            return self._api.handle(asked)
        except Exception as error:  # one request's defect must not look like the end of the server
            told = f"defect in the API server: {type(error).__name__}: {error}"
            return Response(500, encoded(ApiError(500, "InternalError", told).status()))

    async def converse(self, websocket: WebSocket) -> None:
        if not self._may(websocket):
            await websocket.send_denial_response(_plain(UNAUTHORIZED))
            return
        found = self._handle(_request(websocket, "GET", b""))
        if isinstance(found, ExecRequest):
            await websocket.accept(found.protocol)
            await self._streams.execute(found, websocket)
        else:
            assert isinstance(found, Response), "nothing but a program is served over a WebSocket"
            await websocket.send_denial_response(_plain(found))

    def _may(self, asked: HttpRequest | WebSocket) -> bool:
        server = asked.scope.get("server") or ("", 0)
        given = asked.headers.get("authorization", "")
        return server[0] != OUTSIDE or hmac.compare_digest(given.encode(), self._token.encode())


def _request(asked: HttpRequest | WebSocket, method: str, body: bytes) -> Request:
    query: dict[str, list[str]] = {}
    for name, value in asked.query_params.multi_items():
        query.setdefault(name, []).append(value)
    headers = {name.lower(): value for name, value in asked.headers.items()}
    return Request(method, asked.url.path, query, headers, body)


def _plain(found: Response) -> HttpResponse:
    from starlette.responses import Response as Plain  # noqa: PLC0415  as above

    made = Plain(found.body, found.code, media_type=found.content_type)
    for name, value in found.headers:
        made.headers.append(name, value)  # a header may come several times, as warnings do
    return made


async def _events(watching: Watching) -> AsyncIterator[bytes]:
    """The watch's events as they come, until it ends, its time is up, or the client has gone."""
    loop = asyncio.get_running_loop()
    more = asyncio.Event()
    watching.watch.wake = more.set
    deadline = loop.time() + watching.timeout if watching.timeout is not None else None
    try:
        while True:
            more.clear()
            while chunk := watching.chunk():
                yield chunk
            if watching.ended:
                return
            left = BOOKMARK_SECONDS if deadline is None else deadline - loop.time()
            if left <= 0:
                watching.bookmark()
                yield watching.chunk()
                return
            if not await _within(more, min(left, BOOKMARK_SECONDS)) and deadline is None:
                watching.bookmark()
    finally:
        watching.close()


async def _within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
