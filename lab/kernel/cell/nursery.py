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
from lab.kernel.companion import companion


class Nursery:
    """To be had by a process with one thread: it forks."""

    def __init__(self) -> None:
        self._asking = companion(_serve, socket.SOCK_SEQPACKET)

    def make(self, handed: int, telling: int) -> None:
        """Have the cell made that was `handed`. `telling` ends when it is there, or when that was not possible: then
        why is said before. OSError when the nursery has ended.
        """
        socket.send_fds(self._asking, [b"."], [handed, telling])


def _serve(asked: socket.socket) -> None:
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
