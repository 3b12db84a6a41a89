"""Connections from a node's network namespace, made on the loop without ever blocking it, with Go's words for failures.

A kubelet is a Go program: whoever reads its Events knows `dial tcp 10.244.0.5:8080: connect: connection refused`.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

Enter = Callable[[str], AbstractContextManager[None]]

_CHUNK = 16 * 1024


class DialError(Exception):
    """No connection came about; its text is what Go says."""


class Connection:
    """A connection that is there. `peer` is "10.244.0.5:8080"."""

    def __init__(self, sock: socket.socket, peer: str) -> None:
        self.peer = peer
        self.socket = sock
        self._loop = asyncio.get_running_loop()

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self.socket, data)

    async def receive(self) -> bytes:
        """What has come, at least a byte; b"" at the end."""
        return await self._loop.sock_recv(self.socket, _CHUNK)

    @property
    def name(self) -> str:
        """Both ends as Go names them in an error of reading."""
        with suppress(OSError):
            address, port = self.socket.getsockname()
            return f"{address}:{port}->{self.peer}"
        return self.peer

    def close(self) -> None:
        self.socket.close()


class TlsConnection(Connection):
    """The same through TLS."""

    def __init__(self, plain: Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(plain.socket, plain.peer)
        self._reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def receive(self) -> bytes:
        return await self._reader.read(_CHUNK)

    def close(self) -> None:
        self._writer.transport.abort()


async def dial(enter: Enter, node: str, host: str, port: int) -> Connection:
    """A connection from the node. DialError when none comes about; waits for as long as the kernel would."""
    peer = f"{host}:{port}"
    address = "127.0.0.1" if host == "localhost" else host
    try:
        socket.inet_pton(socket.AF_INET, address)
    except OSError:
        raise DialError(f"dial tcp: lookup {host}: no such host") from None
    try:
        with enter(node):
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    except KeyError:
        raise DialError(f"dial tcp {peer}: node {node} is gone") from None
    try:
        await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except OSError as error:
        sock.close()
        raise DialError(f"dial tcp {peer}: connect: {words(error)}") from error
    except asyncio.CancelledError:
        sock.close()
        raise
    return Connection(sock, peer)


async def secured(plain: Connection) -> TlsConnection:
    """TLS on a connection that is there; nothing about the other side's certificate is verified, as a kubelet's probes
    do not. DialError when the other side does not speak it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    name = plain.peer.partition(":")[0]
    try:
        reader, writer = await asyncio.open_connection(sock=plain.socket, ssl=context, server_hostname=name)
    except ssl.SSLError as error:
        raise DialError(_tls_words(error)) from error
    return TlsConnection(plain, reader, writer)


def words(error: OSError) -> str:
    """The kernel's own words for an error, as Go writes them."""
    return os.strerror(error.errno).lower() if error.errno else str(error)


def _tls_words(error: ssl.SSLError) -> str:
    if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"):
        return "http: server gave HTTP response to HTTPS client"
    return f"remote error: tls: {(error.reason or str(error)).lower().replace('_', ' ')}"
