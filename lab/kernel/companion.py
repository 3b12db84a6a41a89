"""A process beside the agent, forked from it before it has threads, that serves it over one socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

_MOST_DESCRIPTORS = 1 << 20


def companion(serve: Callable[[socket.socket], None], kind: socket.SocketKind) -> socket.socket:
    """The socket of this kind by which a new process is asked that does nothing but `serve` the other end; it ends when
    `serve` returns. To be called by a process with one thread: it forks.
    """
    asking, asked = socket.socketpair(socket.AF_UNIX, kind)
    if os.fork() == 0:
        try:
            _let_go_of_all_but(asked)
            serve(asked)
        finally:
            os._exit(1)
    asked.close()
    return asking


def _let_go_of_all_but(asked: socket.socket) -> None:
    """Nothing else of the agent's stays open here: others wait for its end to be let go."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.closerange(3, asked.fileno())
    os.closerange(asked.fileno() + 1, _MOST_DESCRIPTORS)
