"""What the API server has from before its loop began."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.agent.apiserver.notary import Notary
    from lab.agent.presence.home import Home


@dataclass(frozen=True, slots=True)
class Outside:
    """A listening socket on the host's loopback, and the lab's folder there, from before the sandbox was entered; and
    whoever makes the first certificate, if that is another process.
    """

    socket: socket.socket
    home: Home
    notary: Notary | None = None

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])
