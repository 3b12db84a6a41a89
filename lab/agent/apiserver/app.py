"""The API as an ASGI application: requests to the pure `Api` and its answers back, streams and WebSockets included."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Protocol

from lab.agent.apiserver.authentication import AS_GROUP
from lab.api.errors import ApiError, bad_request
from lab.api.http.bodies import MAX_BODY, require_small
from lab.api.http.requests import Answer, ExecRequest, LogRequest, Request, Response, Watching, encoded
from lab.api.http.users import ANONYMOUS

if TYPE_CHECKING:
    from starlette.requests import Request as HttpRequest
    from starlette.responses import Response as HttpResponse
    from starlette.types import ASGIApp
    from starlette.websockets import WebSocket

    from lab.agent.apiserver.authentication import Authentication
    from lab.agent.apiserver.beside import Beside
    from lab.agent.pulse import Pulse
    from lab.api.http.users import User

BOOKMARK_SECONDS = 60.0
BODILESS = ("GET", "HEAD")
MOST_READ = 2 * MAX_BODY
KNOWN = "known"
"""Under this name a request's state has what is to be called once its client has shown who it is."""


def _refusing(refusal: ApiError) -> Response:
    return Response(refusal.code, encoded(refusal.status()))


def _ending(refusal: ApiError) -> Response:
    """The refusal as the last answer of its connection: of what the client still sends nothing is read."""
    return Response(refusal.code, encoded(refusal.status()), headers=(("Connection", "close"),))


class Streams(Protocol):
    """What is served of running pods."""

    def log(self, request: LogRequest) -> AsyncIterator[bytes]:
        """What a container has written, and goes on writing."""
        ...

    async def execute(self, request: ExecRequest, websocket: WebSocket) -> None:
        """Run a program, its streams carried by the WebSocket, which has been accepted."""
        ...


def make_app(api: Beside, streams: Streams, authentication: Authentication, pulse: Pulse) -> ASGIApp:
    """What uvicorn serves. Everything of it runs in the agent's loop, which alone may touch the store."""
    # 55 ms that only a process that serves should pay.
    from starlette.applications import Starlette  # noqa: PLC0415
    from starlette.routing import Route, WebSocketRoute  # noqa: PLC0415

    server = _Server(api, streams, authentication, pulse)
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    return Starlette(
        routes=[
            WebSocketRoute("/{path:path}", server.converse),
            Route("/{path:path}", server.answer, methods=methods),
        ]
    )


class _Server:
    def __init__(self, api: Beside, streams: Streams, authentication: Authentication, pulse: Pulse) -> None:
        self._pulse = pulse
        self._api = api
        self._streams = streams
        self._authentication = authentication

    async def answer(self, request: HttpRequest) -> HttpResponse:
        from starlette.responses import StreamingResponse  # noqa: PLC0415  as above

        try:
            user = self._user(request)
            self._api.authorize(_request(request, request.method, b"", user))  # before anything of a body is read
            body = await _body(request)
        except ApiError as refusal:
            return _plain(_ending(refusal) if request.method not in BODILESS else _refusing(refusal))
        found = await self._handle(_request(request, request.method, body, user))
        if isinstance(found, Watching):
            return StreamingResponse(self._events(found), media_type=found.content_type)
        if isinstance(found, LogRequest):
            return StreamingResponse(self._streams.log(found), media_type="text/plain")
        if isinstance(found, ExecRequest):  # it names an upgrade that its connection does not make
            return _plain(_refusing(bad_request("Upgrade request required")))
        return _plain(found)

    async def _handle(self, asked: Request) -> Answer:
        try:
            return await self._api.handle(asked)
        except Exception as error:  # one request's defect must not look like the end of the server
            told = f"defect in the API server: {type(error).__name__}: {error}"
            return Response(500, encoded(ApiError(500, "InternalError", told).status()))

    async def converse(self, websocket: WebSocket) -> None:
        try:
            user = self._user(websocket)
        except ApiError as refusal:
            await websocket.send_denial_response(_plain(_ending(refusal)))
            return
        found = await self._handle(_request(websocket, "GET", b"", user))
        if isinstance(found, ExecRequest):
            await websocket.accept(found.protocol)
            await self._streams.execute(found, websocket)
            return
        if isinstance(found, Watching):
            found.close()
        if not isinstance(found, Response):
            found = _refusing(bad_request("nothing but a program is served over a WebSocket"))
        await websocket.send_denial_response(_plain(found))

    def _user(self, asked: HttpRequest | WebSocket) -> User:
        """Who asks. ApiError 401, 403."""
        user = self._authentication.user(asked.headers, asked.headers.getlist(AS_GROUP))
        if user is not ANONYMOUS:
            asked.scope["state"][KNOWN]()
        return user

    async def _events(self, watching: Watching) -> AsyncIterator[bytes]:
        """The watch's events as they come, until it ends, its time is up, or the client has gone."""
        loop = asyncio.get_running_loop()
        more = asyncio.Event()
        watching.watch.wake = more.set
        deadline = loop.time() + watching.timeout if watching.timeout is not None else None
        try:
            while True:
                more.clear()
                while chunk := await self._chunk(watching):
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

    async def _chunk(self, watching: Watching) -> bytes:
        """What waits of it: a thousand that watch the same thing are told in turns, with others served in between."""
        await self._pulse.give_way()
        return watching.chunk()


async def _body(request: HttpRequest) -> bytes:
    """All of it. ApiError 413 for one that is too long, of which nothing is kept; and however long it is going to be,
    not much more is read: whoever is hung up on while still sending does not see the answer.
    """
    from starlette.requests import ClientDisconnect  # noqa: PLC0415  as above

    told = request.headers.get("content-length", "")
    size = int(told) if told.isascii() and told.isdigit() and len(told) < 20 else 0
    body = bytearray()
    if size <= MOST_READ:
        size = 0
        try:
            async for chunk in request.stream():
                size += len(chunk)
                if size <= MAX_BODY:
                    body += chunk
                if size > MOST_READ:
                    break
        except ClientDisconnect:
            raise bad_request("the body ends too early") from None
    require_small(size)
    return bytes(body)


def _request(asked: HttpRequest | WebSocket, method: str, body: bytes, user: User) -> Request:
    query: dict[str, list[str]] = {}
    for name, value in asked.query_params.multi_items():
        query.setdefault(name, []).append(value)
    headers = {name.lower(): value for name, value in asked.headers.items()}
    return Request(method, asked.url.path, query, headers, body, user)


def _plain(found: Response) -> HttpResponse:
    from starlette.responses import Response as Plain  # noqa: PLC0415  as above

    made = Plain(found.body, found.code, media_type=found.content_type)
    for name, value in found.headers:
        made.headers.append(name, value)  # a header may come several times, as warnings do
    return made


async def _within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
