"""Sockets of a place for a program outside of it: a socket belongs to the namespace in which it was made.

A process of its own enters the place, for entering is for good, and a user namespace takes nobody in who has threads.
It makes them, hands them over, and ends. What a netlink socket may do depends on who sends, and whoever owns the lab's
user namespace may do anything in it (user_namespaces(7)). The sockets keep the place's namespace until they are closed.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Sequence
from typing import TypeVar

from lab.kernel.sandbox.sandbox import Sandbox
from lab.trace.apart import apart
from lab.trace.explain.queries.inquiry import Inquiry, asking
from lab.trace.run import enter

T = TypeVar("T")
MOST = 8
Made = tuple[T, Sequence[socket.socket]]


def lent(sandbox: Sandbox, place: str, make: Callable[[Inquiry], Made[T]]) -> tuple[T, tuple[socket.socket, ...]]:
    """What `make` gives, run inside the place: a result that can be pickled, and sockets, some `MOST` at most.

    HoplabError as `make` raises it, LabError without the place, OSError where this process may not have so many open.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:

        def work(tell: Callable[[T], None]) -> None:
            enter(sandbox)
            with asking(sandbox, place) as inquiry:
                result, made = make(inquiry)
                socket.send_fds(theirs, [b"."], [one.fileno() for one in made])
                tell(result)

        result = apart(work)
        _, numbers, flags, _ = socket.recv_fds(ours, 1, MOST, socket.MSG_CMSG_CLOEXEC)
    found = tuple(socket.socket(fileno=number) for number in numbers)
    if flags & socket.MSG_CTRUNC:  # some of them this process may not have open
        for one in found:
            one.close()
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    return result, found
