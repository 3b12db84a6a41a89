"""What the API server has of the host, opened before the sandbox was entered."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.agent.presence.home import Home


@dataclass(frozen=True, slots=True)
class Outside:
    """A listening socket on the host's loopback, and the lab's folder there."""

    socket: socket.socket
    home: Home

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])
