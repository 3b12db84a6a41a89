"""A process that makes cells for the agent, forked from it before it has threads.

It is for where to start a Python takes a second, as in a virtual machine that is emulated: all that a cell is made by
is imported there already. It ends with the agent, which is its init.
"""

from __future__ import annotations

import os
import signal
import socket
import sys

from lab.kernel.cell import cell

_MOST_DESCRIPTORS = 1 << 20


class Nursery:
    """To be had by a process with one thread: it forks."""

    def __init__(self) -> None:
        self._asking, asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.fork() == 0:
            try:
                _serve(asked)
            finally:
                os._exit(1)
        asked.close()

    def make(self, handed: int, telling: int) -> None:
        """Have the cell made that was `handed`. `telling` ends when it is there, or when that was not possible: then
        why is said before. OSError when the nursery has ended.
        """
        socket.send_fds(self._asking, [b"."], [handed, telling])


def _serve(asked: socket.socket) -> None:
    """Nothing else of the agent's stays open here: others wait for its end to be let go."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.closerange(3, asked.fileno())
    os.closerange(asked.fileno() + 1, _MOST_DESCRIPTORS)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries them
    while True:
        message, descriptors, _, _ = socket.recv_fds(asked, 1, 2)
        if not message:
            return
        handed, telling = descriptors
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(telling, 2)
            os.close(telling)
            status = cell.main([str(handed)])
            sys.stderr.flush()
            os._exit(status)
        os.close(handed)
        os.close(telling)
