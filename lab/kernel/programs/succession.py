"""A server takes the place of the one before it on a port, and there is no moment in which nobody answers.

Two programs may be bound to a UDP port (SO_REUSEADDR, which dnsmasq sets), and the kernel gives what comes to the one
that was bound last: the new one has every question from then on, and the old one answers what it has already. On a TCP
port two may not listen. There the old one's listener is closed first, from outside, and first segments are dropped
until the new one listens. Both were measured: docs/dns.md.
"""

from __future__ import annotations

import fcntl
import os
import socket
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab.kernel.syscalls import pidfd_getfd

LOOK_EVERY_SECONDS = 0.001
ACCEPTED_SECONDS = 0.05
BACKLOG = 32  # dnsmasq's own
_LISTENING, _BEING_MADE = "0A", "03"


@dataclass(frozen=True, slots=True)
class Bound:
    """A socket that a program has on a port. `queued` counts bytes that came and have not been read."""

    protocol: str
    descriptor: int
    queued: int


def bound(pid: int, port: int) -> list[Bound]:
    """The UDP sockets and the TCP listeners that a program has on that port of its network namespace."""
    mine = _sockets(pid)
    return [
        Bound(protocol, mine[inode], queued)
        for protocol in ("tcp", "udp")
        for inode, number, state, queued in _table(pid, protocol)
        if number == port and inode in mine and (state == _LISTENING or protocol == "udp")
    ]


def is_idle(pid: int, port: int) -> bool:
    """Whether a server has nothing left to do: no question that it has not read, none that it has asked others and
    waits for, no child that serves a connection.
    """
    mine = _sockets(pid)
    asking = any(inode in mine and number != port for inode, number, _, _ in _table(pid, "udp"))
    return not asking and not children(pid) and not any(one.queued for one in bound(pid, port) if one.protocol == "udp")


def wait_until_accepted(pid: int, port: int) -> None:
    """Returns when the program has taken every connection that stands or is about to; they were begun before first
    segments went unanswered. One whose client is gone is not waited for.
    """
    deadline = time.monotonic() + ACCEPTED_SECONDS
    mine = _sockets(pid)
    while time.monotonic() < deadline:
        table = [one for one in _table(pid, "tcp") if one[1] == port]
        # Of a listener the kernel gives as unread how many connections wait to be taken.
        if not any(state == _BEING_MADE or (inode in mine and queued) for inode, _, state, queued in table):
            return
        time.sleep(LOOK_EVERY_SECONDS)


def unread(pipe: int) -> int:
    """How many bytes of what was written into a pipe nobody has read."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, b"\0\0\0\0"), sys.byteorder)


def children(pid: int) -> list[int]:
    """The processes that it has started and that are not waited for; none of one that has ended."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def wait_until_idle(pid: int, port: int, seconds: float) -> None:
    """Returns when it is, has ended, or the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if is_idle(pid, port):
                return
        except OSError:  # it has ended
            return
        time.sleep(LOOK_EVERY_SECONDS)


class Listeners:
    """The TCP listeners of a program on a port, held from outside."""

    def __init__(self, pid: int, port: int) -> None:
        """OSError where this is forbidden, or the kernel is older than Linux 5.6."""
        program = os.pidfd_open(pid)
        try:
            found = [one.descriptor for one in bound(pid, port) if one.protocol == "tcp"]
            self._held = [socket.socket(fileno=pidfd_getfd(program, number)) for number in found]
        finally:
            os.close(program)

    def close(self) -> None:
        """Nobody is heard any more; the port is still theirs."""
        for one in self._held:
            with suppress(OSError):  # the program has ended
                one.shutdown(socket.SHUT_RDWR)

    def reopen(self) -> None:
        """As it was."""
        for one in self._held:
            with suppress(OSError):  # as above
                one.listen(BACKLOG)
        self.release()

    def release(self) -> None:
        for one in self._held:
            one.close()
        self._held = []


def _sockets(pid: int) -> dict[str, int]:
    """Descriptors of a program's sockets, by inode."""
    found = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        with suppress(FileNotFoundError):  # closed meanwhile
            target = os.readlink(f"/proc/{pid}/fd/{name}")
            if target.startswith("socket:["):
                found[target[8:-1]] = int(name)
    return found


def _table(pid: int, protocol: str) -> Iterator[tuple[str, int, str, int]]:
    """(inode, local port, state, bytes not read) of every socket in its network namespace (proc(5), /proc/net/tcp)."""
    for name in (protocol, f"{protocol}6"):
        try:
            lines = Path(f"/proc/{pid}/net/{name}").read_text(encoding="ascii").splitlines()[1:]
        except FileNotFoundError:
            continue  # without IPv6
        for line in lines:
            words = line.split()
            yield words[9], int(words[1].rpartition(":")[2], 16), words[3], int(words[4].rpartition(":")[2], 16)
