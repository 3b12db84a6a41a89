"""A gRPC probe: one question to grpc.health.v1.Health/Check from the node, and a kubelet's verdict on the answer.

HTTP/2 without TLS, as a kubelet asks; the words are those of Go's gRPC, which the kubelet uses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from urllib.parse import unquote

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import ProtocolError

from lab.agent.kubelet.dialling import Connection, DialError, Enter, dial, words
from lab.agent.kubelet.httpget import AGENT
from lab.agent.kubelet.probes import GrpcHealth, Result

AGAIN_SECONDS = 1.0  # Go's gRPC tries to connect for as long as it has time, so often at first
METHOD = "/grpc.health.v1.Health/Check"
CONTENT = "application/grpc"

UNKNOWN, UNIMPLEMENTED, INTERNAL, UNAVAILABLE = 2, 12, 13, 14
SERVING = 1
_STATUSES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
_CODES = (
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
)


class _RpcError(Exception):
    """The server, or the way to it, gave a status that is not OK."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code

    def __str__(self) -> str:
        name = _CODES[self.code] if self.code < len(_CODES) else f"Code({self.code})"
        return f"rpc error: code = {name} desc = {self.args[0]}"


class GrpcProbe:
    """One probe under way."""

    def __init__(self, enter: Enter, node: str, address: str, wanted: GrpcHealth) -> None:
        self._enter = enter
        self._node = node
        self._wanted = wanted
        self._address = address
        self._peer = f"{address}:{wanted.port}"

    async def run(self, seconds: float) -> Result:
        """The verdict, within `seconds`."""
        speaking: _Speaking | None = None
        within = _duration(seconds)
        try:
            async with asyncio.timeout(seconds):
                speaking = await self._connected()
                status = await speaking.check(self._wanted.service, self._peer)
        except TimeoutError:
            if speaking is not None:
                return Result(False, f"timeout: health rpc did not complete within {within}")
            told = f'failed to connect service "{self._peer}" within {within}: context deadline exceeded'
            return Result(False, f"timeout: {told}")
        except _RpcError as error:
            if error.code == UNIMPLEMENTED:
                told = "this server does not implement the grpc health protocol (grpc.health.v1.Health)"
                return Result(False, f"error: {told}: {error.args[0]}")
            return Result(False, f"error: health rpc probe failed: {error}")
        finally:
            if speaking is not None:
                speaking.close()
        if status == SERVING:
            return Result(True, "service healthy")
        name = _STATUSES[status] if status < len(_STATUSES) else str(status)
        return Result(False, f'service unhealthy (responded with "{name}")')

    async def _connected(self) -> _Speaking:
        """A connection whose other side has spoken HTTP/2, tried for until then."""
        while True:
            try:
                connection = await dial(self._enter, self._node, self._address, self._wanted.port)
            except DialError:
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            speaking = _Speaking(connection)
            try:
                await speaking.begin()
            except (OSError, ProtocolError, _RpcError):
                speaking.close()
                await asyncio.sleep(AGAIN_SECONDS)
            except asyncio.CancelledError:
                speaking.close()
                raise
            else:
                return speaking


class _Speaking:
    """One HTTP/2 connection with one question on it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._state = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))

    def close(self) -> None:
        self._connection.close()

    async def begin(self) -> None:
        """Until the other side's settings have come."""
        self._state.initiate_connection()
        while not any(isinstance(event, RemoteSettingsChanged) for event in await self._next()):
            pass

    async def check(self, service: str, authority: str) -> int:
        """The status of the service. _RpcError."""
        stream = self._state.get_next_available_stream_id()
        head = {":method": "POST", ":scheme": "http", ":path": METHOD, ":authority": authority}
        fields = {"content-type": CONTENT, "user-agent": AGENT, "te": "trailers"}
        self._state.send_headers(stream, list((head | fields).items()))
        self._state.send_data(stream, framed(request_of(service)), end_stream=True)
        fields, body, over = {}, b"", False
        try:
            while not over:
                for event in await self._next():
                    if isinstance(event, (ResponseReceived, TrailersReceived)):
                        fields |= {str(name): str(value) for name, value in event.headers or ()}
                    elif isinstance(event, DataReceived):
                        body += event.data or b""
                        self._state.acknowledge_received_data(event.flow_controlled_length or 0, stream)
                    elif isinstance(event, StreamReset):
                        code = event.error_code
                        raise _RpcError(INTERNAL, f"stream terminated by RST_STREAM with error code: {code}")
                    over = over or isinstance(event, StreamEnded)
        except OSError as error:
            raise _RpcError(UNAVAILABLE, f"error reading from server: {words(error)}") from error
        except ProtocolError as error:
            raise _RpcError(INTERNAL, str(error)) from error
        return status_of(fields, body)

    async def _next(self) -> list[Event]:
        """What has come next; before that, what is to be sent is sent."""
        if data := self._state.data_to_send():
            await self._connection.send(data)
        received = await self._connection.receive()
        if not received:
            raise _RpcError(UNAVAILABLE, "error reading from server: EOF")
        events = self._state.receive_data(received)
        if any(isinstance(event, ConnectionTerminated) for event in events):
            raise _RpcError(UNAVAILABLE, "the connection is draining")
        return events


def request_of(service: str) -> bytes:
    """HealthCheckRequest: 1 is the service, left out when it is empty."""
    name = service.encode()
    return b"\x0a" + bytes(_varint(len(name))) + name if name else b""


def framed(message: bytes) -> bytes:
    """As gRPC sends it: not compressed, its length, itself."""
    return b"\0" + len(message).to_bytes(4) + message


def status_of(fields: dict[str, str], body: bytes) -> int:
    """HealthCheckResponse's status (1: an enum, 0 when it is not there), of the answer's fields and body. _RpcError."""
    if fields.get(":status") != "200":
        code = fields.get(":status", "")
        raise _RpcError(UNKNOWN, f"unexpected HTTP status code received from server: {code}")
    code = fields.get("grpc-status", "")
    if not code.isdecimal():
        raise _RpcError(INTERNAL, "server closed the stream without sending trailers")
    if int(code):
        raise _RpcError(int(code), unquote(fields.get("grpc-message", "")))
    message = body[5:]
    return message[1] if message[:1] == b"\x08" and len(message) > 1 else 0


def _varint(number: int) -> Iterator[int]:
    while number > 127:
        yield number & 127 | 128
        number >>= 7
    yield number


def _duration(seconds: float) -> str:
    """As Go writes it: 1s, 1m30s."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:.0f}m{rest:g}s" if minutes else f"{rest:g}s"
