"""What the API server has of the host, opened before the sandbox was entered."""

from __future__ import annotations

import socket
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outside:
    """A listening socket on the host's loopback; the descriptor of the lab's folder there, and the path of that."""

    socket: socket.socket
    descriptor: int
    folder: str

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])
