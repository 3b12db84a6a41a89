"""The kernel's classic packet filter on a socket (linux/filter.h): what it refuses never reaches the program."""

from __future__ import annotations

import ctypes
import socket
from collections.abc import Sequence
from contextlib import suppress
from struct import pack

Instruction = tuple[int, int, int, int]
"""Code, how many instructions to skip when true and when false, operand."""

_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27


def attach(listener: socket.socket, program: Sequence[Instruction]) -> None:
    """Replace the socket's program; without instructions everything comes again."""
    if not program:
        with suppress(FileNotFoundError):  # it has none
            listener.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
        return
    code = ctypes.create_string_buffer(b"".join(pack("@HBBI", *instruction) for instruction in program))
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, pack("@HP", len(program), ctypes.addressof(code)))


def discard(listener: socket.socket, most: int = 50_000) -> None:
    """Throw away what waits in a socket that does not block: 1 µs each, a twentieth of what reading takes."""
    room = bytearray(1)
    for _ in range(most):
        try:
            listener.recv_into(room, 1, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:  # what was told of once, such as that something was missed
            continue
