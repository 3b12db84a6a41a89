"""A connection over which whole lines go both ways. Nothing here waits longer than it is told to."""

from __future__ import annotations

import select
import socket
import time

PIECE = 256 * 1024


class Line:
    """Takes the connection over."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._connection = connection
        self._received = bytearray()
        self._looked = 0  # so much of what was received has no end of a line in it

    def send(self, content: memoryview, seconds: float) -> memoryview | None:
        """What is left to send; None when the other side has taken nothing in that time. OSError when it is gone."""
        if not self._is_ready(select.POLLOUT, seconds):
            return None
        return content[self._connection.send(content) :]

    def receive(self, seconds: float) -> bytes | None:
        """The next line; b"" when there will be none any more; None when none was complete in that time."""
        deadline = time.monotonic() + seconds
        while True:
            end = self._received.find(b"\n", self._looked)
            if end >= 0:
                line = bytes(self._received[: end + 1])
                del self._received[: end + 1]
                self._looked = 0
                return line
            self._looked = len(self._received)
            if not self._is_ready(select.POLLIN, deadline - time.monotonic()):
                return None
            try:
                piece = self._connection.recv(PIECE)
            except BlockingIOError:
                continue
            except OSError:  # it ended with something of ours unread
                return b""
            if not piece:
                return b""
            self._received += piece
            # Each piece of a long line is a sign of life.
            deadline = time.monotonic() + seconds

    def close(self) -> None:
        self._connection.close()

    def _is_ready(self, event: int, seconds: float) -> bool:
        # Not select(): whoever connects may have descriptors beyond its 1024.
        polling = select.poll()
        polling.register(self._connection, event)
        return bool(polling.poll(max(seconds, 0.0) * 1000))
