"""The built-in server of all pods, one process: HTTP on TCP ports, echo on UDP ports, each socket under a pod's name.

    python3 -m lab.kernel.echo --control FD            sockets come over a Unix socket from the agent
    python3 -m lab.kernel.echo --name NAME tcp/8080    alone, in the namespace in which it is started

A socket belongs to the namespace in which it was made, so one process serves a thousand pods. It imports little on
purpose: its memory counts for every lab.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
from dataclasses import dataclass, field

MAX_HEAD = 16 * 1024
MAX_BODY = 1024 * 1024
MAX_FDS = 250  # the kernel passes at most 253 descriptors in one message


@dataclass(slots=True)
class Server:
    """A bound socket and the name under which it answers."""

    socket: socket.socket
    name: str
    protocol: str


@dataclass(slots=True)
class Connection:
    """One TCP connection: what has come and is not answered yet, and what waits to be sent."""

    socket: socket.socket
    server: Server
    client: str
    received: bytearray = field(default_factory=bytearray)
    waiting: bytearray = field(default_factory=bytearray)
    closing: bool = False


def http_answer(name: str, client: str, head: bytes) -> tuple[bytes, bool]:
    """The answer to one request head, and whether the connection ends with it.

    The body names the pod and the client's address as it was seen; a path that is a number asks for that many bytes
    more.
    """
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    headers = {key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in lines[1:])}
    if len(words) != 3 or not words[2].startswith("HTTP/"):
        return b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", True
    method, path, version = words
    padding = path.strip("/")
    size = min(int(padding), MAX_BODY) if padding.isdecimal() else 0
    body = f"{name}\nclient {client}\n{method} {path} for {headers.get('host', '-')}\n".encode() + b"x" * size
    close = headers.get("connection", "").lower() == "close" or version == "HTTP/1.0"
    answer = (
        f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        f"Hoplab-Pod: {name}\r\nHoplab-Client: {client}\r\nConnection: {'close' if close else 'keep-alive'}\r\n\r\n"
    ).encode()
    return answer + (b"" if method == "HEAD" else body), close


class Echo:
    """The loop over all sockets."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._servers: dict[str, Server] = {}

    def serve(self, key: str, server: Server) -> None:
        """Answer on this socket from now on."""
        server.socket.setblocking(False)
        self._servers[key] = server
        self._selector.register(server.socket, selectors.EVENT_READ, server)

    def stop(self, key: str) -> None:
        """Close the socket; connections that are open go on."""
        server = self._servers.pop(key, None)
        if server:
            self._selector.unregister(server.socket)
            server.socket.close()

    def obey(self, control: socket.socket) -> None:
        """Take orders from the agent: sockets to serve, keys to stop; each message is answered by a byte."""
        self._selector.register(control, selectors.EVENT_READ, control)

    def run(self) -> None:
        """Until the agent's end of the control socket closes."""
        while True:
            for key, events in self._selector.select():
                if isinstance(key.data, Connection):
                    self._converse(key.data, events)
                elif isinstance(key.data, Server):
                    self._greet(key.data)
                elif not self._order(key.data):
                    return

    def _order(self, control: socket.socket) -> bool:
        message, fds, _flags, _address = socket.recv_fds(control, 1 << 20, MAX_FDS)
        if not message:
            return False
        order = json.loads(message)
        for key in order["stop"]:
            self.stop(key)
        for fd, (key, name, protocol) in zip(fds, order["serve"], strict=True):
            self.serve(key, Server(socket.socket(fileno=fd), name, protocol))
        control.send(b".")
        return True

    def _greet(self, server: Server) -> None:
        try:
            if server.protocol == "udp":
                payload, client = server.socket.recvfrom(65535)
                head = f"{server.name}\nclient {client[0]}:{client[1]}\n".encode()
                server.socket.sendto((head + payload)[:65507], client)
                return
            accepted, client = server.socket.accept()
        except OSError:
            return  # gone between the event and the call, or a route missing for the answer: the client will see
        accepted.setblocking(False)
        connection = Connection(accepted, server, f"{client[0]}:{client[1]}")
        self._selector.register(accepted, selectors.EVENT_READ, connection)

    def _converse(self, connection: Connection, events: int) -> None:
        try:
            if events & selectors.EVENT_READ:
                data = connection.socket.recv(65536)
                if not data:
                    self._hang_up(connection)
                    return
                connection.received += data
                self._answer(connection)
            if connection.waiting:
                del connection.waiting[: connection.socket.send(connection.waiting)]
        except BlockingIOError:
            pass
        except OSError:
            self._hang_up(connection)
            return
        if connection.closing and not connection.waiting:
            self._hang_up(connection)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.waiting else 0)
        self._selector.modify(connection.socket, wanted, connection)

    def _answer(self, connection: Connection) -> None:
        while not connection.closing:
            end = connection.received.find(b"\r\n\r\n")
            if end < 0:
                connection.closing = len(connection.received) > MAX_HEAD
                return
            head = bytes(connection.received[:end])
            del connection.received[: end + 4]
            answer, connection.closing = http_answer(connection.server.name, connection.client, head)
            connection.waiting += answer

    def _hang_up(self, connection: Connection) -> None:
        self._selector.unregister(connection.socket)
        connection.socket.close()


def listen(protocol: str, port: int) -> socket.socket:
    """A socket on all addresses of the calling thread's namespace. OSError when the port is taken."""
    if protocol == "udp":
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("0.0.0.0", port))  # noqa: S104  a pod's server listens on all of the pod's addresses
        return sock
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("0.0.0.0", port))  # noqa: S104
    sock.listen(128)
    return sock


def main(arguments: list[str]) -> None:
    """`--control FD`, or `--name NAME PROTOCOL/PORT…`."""
    echo = Echo()
    if arguments[0] == "--control":
        echo.obey(socket.socket(fileno=int(arguments[1])))
    else:
        for given in arguments[2:]:
            protocol, _, port = given.partition("/")
            echo.serve(given, Server(listen(protocol, int(port)), arguments[1], protocol))
    echo.run()


if __name__ == "__main__":
    main(sys.argv[1:])
