"""One try to get an answer: a TCP connection with an HTTP request, a UDP datagram, or an ICMP echo.

Every try has a source port (or echo identifier) of its own, by which its packets are known wherever they are captured;
its payload is its own too, for places where a NAT rewrote the source. Its address is the one that the place's routes
choose, as for any program. Sockets are not waited for beyond the deadline.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import termios
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from fcntl import ioctl
from struct import pack, unpack
from typing import TYPE_CHECKING, ClassVar

from lab.trace.ask.exchange import ANSWERED, OPENED, REFUSED, SILENT, UNREACHABLE

if TYPE_CHECKING:
    from lab.trace.ask.crafted.written import Crafting

_REFUSALS = (errno.ECONNREFUSED, errno.ECONNRESET)
SAYS_NOTHING = "an open connection, on which nothing is said"
_MOST = 1 << 20  # of an answer, more is not read
PATIENCE_SECONDS = 0.1  # what an answer of a lab that is well takes a hundredth of
NEVER = float("inf")
BEFORE_THE_SECOND_SYN = 0.95  # seconds; tcp(7): the first packet of a connection is sent again after one second

ANY = "0.0.0.0"  # noqa: S104  what a socket is called that has no address yet
Outcome = tuple[str, str]
Look = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Ask:
    """What to send and where: a datagram's `payload`, or for HTTP a token, the Host header, and the bytes or the path
    to ask for; or the packet that a person wrote.
    """

    destination: str
    port: int
    payload: bytes
    host: str = ""
    size: int = 0
    path: str = ""
    crafting: Crafting | None = None


class Attempt(ABC):
    """Common to all. Made inside the client's namespace; `begin` sends the first packet, `finish` waits.

    `once` is set where the first packet alone counts: sent again, a Service may send it to another endpoint.
    """

    protocol: str
    kind: ClassVar[int]
    number: ClassVar[int] = 0
    role = ""
    ident = 0

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.address = ""
        self.sport = 0
        self._destination = (ask.destination, ask.port)
        self._socket = self._made()
        self._socket.setblocking(False)
        self._error = 0
        self._deadline = 0.0
        self._has_looked = False
        self._look: Look | None = None
        self.once = False

    def _made(self) -> socket.socket:
        return socket.socket(socket.AF_INET, self.kind, self.number)

    @property
    def _waited_for(self) -> tuple[socket.socket, ...]:
        """Where the answer comes in."""
        return (self._socket,)

    @abstractmethod
    def begin(self) -> None:
        """Send the first packet. What the client's own kernel refuses is told by `finish`."""

    def finish(self, seconds: float, look: Look | None = None) -> Outcome:
        """The outcome, one of those of `exchange`, and what was said, in words. When nothing has come for some time,
        `look` says when it wants to be asked again; 0: nothing more is waited for.
        """
        self._deadline = time.monotonic() + seconds
        self._look = look
        try:
            if self._error:
                raise OSError(self._error, os.strerror(self._error))
            outcome = self._converse()
            self._socket.close()
            return outcome
        except TimeoutError:
            return SILENT, "no answer"
        except OSError as error:
            return self._failed(error)

    @staticmethod
    def _failed(error: OSError) -> Outcome:
        """What an error of the socket means."""
        return REFUSED if error.errno in _REFUSALS else UNREACHABLE, os.strerror(error.errno or 0).lower()

    @abstractmethod
    def _converse(self) -> Outcome:
        """Wait for the answer; TimeoutError when the deadline passes without one."""

    def abandon(self) -> None:
        """Close at once, without a farewell that would show up in the captures."""
        if self.kind == socket.SOCK_STREAM and self._socket.fileno() >= 0:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("@ii", 1, 0))
        self._socket.close()

    def _named(self) -> None:
        """Note the address and port that the kernel has chosen for a socket that knows where it is bound for."""
        address, port = self._socket.getsockname()[:2]
        self.address = "" if address == ANY else address
        self.sport = self.sport or port

    def _wait(self, event: int, at_latest: float = NEVER) -> None:
        poll = select.poll()
        for one in self._waited_for:
            poll.register(one, event)
        pause = PATIENCE_SECONDS if self._look else NEVER
        while not poll.poll(_until(min(self._deadline, at_latest, time.monotonic() + pause))):
            pause = self._looked() if time.monotonic() < min(self._deadline, at_latest) else 0.0
            if not pause:
                raise TimeoutError
        error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))

    def _looked(self) -> float:
        """Seconds until it is worth another look. What the first one takes, which on an emulated machine reads rules
        for seconds, is not of the answer's time.
        """
        if self._look is None:
            return 0.0
        began = time.monotonic()
        pause = self._look()
        if not self._has_looked:
            self._deadline += time.monotonic() - began
            self._has_looked = True
        return pause


class Stream(Attempt):
    """A new TCP connection; what is said over it is its kinds' affair."""

    protocol = "tcp"
    kind = socket.SOCK_STREAM

    def __init__(self, ask: Ask) -> None:
        """Bound to a port, it is its alone; one that the kernel chooses for a connection may be another's as well, who
        asks somebody else. Where none is free, connecting tells.
        """
        super().__init__(ask)
        with suppress(OSError):
            self._socket.bind((ANY, 0))
            self.sport = self._socket.getsockname()[1]

    def begin(self) -> None:
        self._began = time.monotonic()
        error = self._socket.connect_ex(self._destination)
        self._error = 0 if error == errno.EINPROGRESS else error
        self._named()

    def _converse(self) -> Outcome:
        self._wait(select.POLLOUT, self._began + BEFORE_THE_SECOND_SYN if self.once else NEVER)
        self._socket.sendall(self._said())
        answer = b""
        try:
            while len(answer) < _MOST and not self._is_whole(answer):
                self._wait(select.POLLIN)
                piece = self._socket.recv(65536)
                if not piece:
                    return ANSWERED, self._words(answer)
                answer += piece
        except TimeoutError:
            if self._unacknowledged():
                raise
            # What went there was received. Whether more was said than came here, only the captures tell.
            return OPENED, self._words(answer) if answer else SAYS_NOTHING
        return ANSWERED, self._words(answer)

    @abstractmethod
    def _said(self) -> bytes:
        """What is sent."""

    @abstractmethod
    def _is_whole(self, answer: bytes) -> bool:
        """Whether nothing more is to be waited for."""

    @abstractmethod
    def _words(self, answer: bytes) -> str:
        """What came back."""

    def _unacknowledged(self) -> int:
        """How many bytes the other end has not acknowledged; tcp(7), SIOCOUTQ."""
        told: tuple[int] = unpack("@i", ioctl(self._socket, termios.TIOCOUTQ, bytes(4)))
        return told[0]


class Http(Stream):
    """GET over a new connection; the built-in server answers to `/SIZE` with that many bytes."""

    def _said(self) -> bytes:
        lines = (
            f"GET /{self.ask.path or self.ask.size or ''} HTTP/1.1",
            f"Host: {self.ask.host or self.ask.destination}",
            f"X-Hoplab-Token: {self.ask.payload.decode()}",
            "Connection: close",
        )
        return "".join(f"{line}\r\n" for line in (*lines, "")).encode()

    def _is_whole(self, answer: bytes) -> bool:  # noqa: ARG002  the server closes
        return False

    def _words(self, answer: bytes) -> str:
        status = answer.partition(b"\r\n")[0].decode("latin-1")
        if status.startswith("HTTP/"):
            return status
        # A server that speaks first in TLS, say: packets went through both ways, which is what was asked.
        return "an answer that is not HTTP" if answer else "accepted, and closed without an HTTP answer"


class Datagram(Attempt):
    """A UDP packet and whatever comes back for it."""

    protocol = "udp"
    kind = socket.SOCK_DGRAM
    answer = b""

    def begin(self) -> None:
        try:
            self._socket.connect(self._destination)
            self._named()
            self._socket.send(self.ask.payload)
        except OSError as error:
            self._error = error.errno or errno.EIO

    def _converse(self) -> Outcome:
        self._wait(select.POLLIN)
        self.answer = self._socket.recv(65536)
        return ANSWERED, self._words()

    def _words(self) -> str:
        return f"{len(self.answer)} bytes"


def _until(deadline: float) -> float:
    """Milliseconds."""
    return max(0.0, deadline - time.monotonic()) * 1000
