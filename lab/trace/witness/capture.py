"""Listens in many places at once: one packet socket in each, on all of its interfaces, with nanosecond time stamps.

A socket belongs to the namespace in which it was made, so the places are entered only to open it. Nothing is changed in
them. packet(7), socket(7).
"""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from errno import ENETDOWN
from struct import Struct
from types import TracebackType
from typing import Self

from lab.errors import UsageError
from lab.kernel.netlink.packetsocket import ALL, LOOPBACK, listen_on
from lab.kernel.netlink.socketfilter import Instruction, attach, discard
from lab.kernel.sandbox.sandbox import Sandbox, inside
from lab.trace.witness.observation import Capture

_ETH_P_ALL = 3
_SO_TIMESTAMPNS = 35
_SO_RCVBUFFORCE = 33
_SOL_PACKET, _PACKET_STATISTICS, _PACKET_AUXDATA = 263, 6, 8
_CHECKSUM_NOT_READY = 8  # TP_STATUS_CSUMNOTREADY
_OTHER_HOST, _OUTGOING = 3, 4  # PACKET_OTHERHOST, PACKET_OUTGOING
_BUFFER = 8 << 20
_FRAME = 1 << 17  # a super-frame of 64 KiB and its headers
_STAMPS_SECONDS = 0.1
_AT_ONCE = 16
_TIMESPEC = Struct("@qq")
_STATISTICS = Struct("@II")
_AUXDATA = Struct("@IIIHHHH")
_ANCILLARY = socket.CMSG_SPACE(_TIMESPEC.size) + socket.CMSG_SPACE(_AUXDATA.size)


class Captures:
    """The open sockets; used as a context manager. `read` gives what has come since the last time."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._sockets: dict[str, socket.socket] = {}
        self._places: dict[int, str] = {}
        self._poll = select.epoll()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._poll.close()
        for one in self._sockets.values():
            one.close()

    def open(self, places: Iterable[str], interface: str = "", program: Sequence[Instruction] = ()) -> None:
        """Listen in these places too; on one interface only, and to what the filter program lets through, if given.

        UsageError where there is no such place or interface.
        """
        first = not self._sockets
        for place in places:
            if place not in self._sockets:
                netns = self._sandbox.open_netns(place)
                try:
                    with inside(netns):
                        listener = _listener(place, interface, program)
                finally:
                    os.close(netns)
                self._sockets[place] = listener
                self._places[listener.fileno()] = place
                self._poll.register(listener, select.EPOLLIN)
        if first:
            _wait_for_stamps()

    def select(self, program: Sequence[Instruction]) -> None:
        """From now on listen to what another program lets through, in all places that are open; () is everything. What
        has not been read yet is thrown away.
        """
        for listener in self._sockets.values():
            attach(listener, program)
            discard(listener)

    def pause(self) -> None:
        """Hear only what goes over lo, which costs nobody else anything. The kernel takes some 20 ms a socket."""
        self._listen_on(LOOPBACK)

    def resume(self) -> None:
        """Hear everything again. What was not read before is thrown away."""
        for one in self._sockets.values():
            discard(one)
        self._listen_on(ALL)

    def _listen_on(self, interface: int) -> None:
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  10 ms that no single trace waits for

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for done in [pool.submit(listen_on, one, interface) for one in self._sockets.values()]:
                done.result()

    def read(self, timeout: float = 0.0, most: int = 0) -> list[Capture]:
        """Everything captured so far, by place; waits up to `timeout` seconds for the first. Of each place some `most`
        if given, so that this ends where packets come faster than they are read.
        """
        captures: list[Capture] = []
        for number, _ in self._poll.poll(timeout, len(self._sockets) or 1):
            place = self._places[number]
            captures += _drain(self._sockets[place], place, most)
        return captures

    def missed(self) -> int:
        """How many packets the sockets could not hold, since the last time."""
        told = (one.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, _STATISTICS.size) for one in self._sockets.values())
        return sum(_STATISTICS.unpack(one)[1] for one in told)


def _listener(place: str, interface: str, program: Sequence[Instruction]) -> socket.socket:
    """A packet socket of the namespace that the caller is in."""
    everything = socket.htons(_ETH_P_ALL)
    listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0 if interface else everything)
    listener.setblocking(False)
    listener.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    listener.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    with suppress(PermissionError):  # beyond the machine's limit is for the machine's root only
        listener.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
    if program:
        attach(listener, program)
    if interface:
        try:
            listener.bind((interface, _ETH_P_ALL))
        except OSError as error:
            listener.close()
            raise UsageError(f"{place} has no interface {interface!r}", f"./inv exec {place} -- ip link") from error
    elif program:
        _drain(listener, place, 0)  # what came before the filter was there
    return listener


def _wait_for_stamps() -> None:
    """Until the kernel stamps packets as they pass.

    It begins some 2 ms after the first socket asked for it (net_enable_timestamp), and until then packets get the
    time at which they are read, which mixes up their order. One sent to ourselves shows it.
    """
    deadline = time.monotonic() + _STAMPS_SECONDS
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mirror:
        mirror.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        mirror.bind(("127.0.0.1", 0))
        stamp = sent = 0
        while not stamp or (stamp > sent and time.monotonic() < deadline):
            mirror.sendto(b"?", mirror.getsockname())
            sent = time.time_ns()
            _, ancillary, _, _ = mirror.recvmsg(1, _ANCILLARY)
            stamp, _, _ = _told(ancillary)


def _drain(listener: socket.socket, place: str, most: int) -> list[Capture]:
    captures: list[Capture] = []
    frame = bytearray(_FRAME)
    view = memoryview(frame)
    while not most or len(captures) < most:
        try:
            size, ancillary, _, address = listener.recvmsg_into([view], _ANCILLARY)
        except BlockingIOError:
            return captures
        except OSError as error:
            if error.errno != ENETDOWN:  # an interface went down; the others go on
                raise
            continue
        interface, _, kind, hardware, _ = address
        t_ns, status, length = _told(ancillary)
        way = "out" if kind == _OUTGOING else "in"
        captures.append(
            Capture(
                place,
                interface,
                way,
                t_ns,
                bytes(view[:size]),
                length or size,
                hardware,
                unfinished=bool(status & _CHECKSUM_NOT_READY),
                foreign=kind == _OTHER_HOST,
            )
        )
    return captures


def _told(ancillary: Sequence[tuple[int, int, bytes]]) -> tuple[int, int, int]:
    """What the kernel says beside a packet: its time stamp in nanoseconds, its status bits and whole length; else 0."""
    t_ns, status, length = 0, 0, 0
    for level, name, data in ancillary:
        if (level, name) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, nanoseconds = _TIMESPEC.unpack(data)
            t_ns = seconds * 1_000_000_000 + nanoseconds
        elif (level, name) == (_SOL_PACKET, _PACKET_AUXDATA):
            status, length, *_ = _AUXDATA.unpack(data)
    return t_ns, status, length
