"""Which interface a packet socket listens on (packet(7)); Python's own bind knows names only, and not "all of them"."""

from __future__ import annotations

import ctypes
import os
import socket
from struct import Struct

ALL, LOOPBACK = 0, 1
"""Interface numbers: every one of the namespace; lo, which is the first in each."""

_ADDRESS = Struct("=HHiHBB8s")  # sockaddr_ll
_ETH_P_ALL = 3
_libc = ctypes.CDLL(None, use_errno=True)


def listen_on(listener: socket.socket, interface: int) -> None:
    """From now on hear that interface's packets alone. It returns when the kernel gives the socket no others any more.

    OSError when there is none of that number.
    """
    address = _ADDRESS.pack(socket.AF_PACKET, socket.htons(_ETH_P_ALL), interface, 0, 0, 0, bytes(8))
    if _libc.bind(listener.fileno(), address, len(address)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
