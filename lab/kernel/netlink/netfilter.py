"""Netlink's netfilter family: requests, batches and multicast groups.

Layouts: the kernel's uapi headers nfnetlink.h and nf_tables.h. Numbers are in network order, other than in rtnetlink.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from errno import EINTR
from itertools import count
from struct import Struct

from lab.errors import KernelError
from lab.kernel.netlink.socketfilter import discard
from lab.kernel.netlink.transport import (
    NLM_F_ACK,
    NLM_F_DUMP,
    NLM_F_REQUEST,
    NLMSG_DONE,
    NLMSG_ERROR,
    RECEIVE_BYTES,
    SOL_NETLINK,
    attribute,
)

NETLINK_NETFILTER = 12
NETLINK_ADD_MEMBERSHIP, NETLINK_DROP_MEMBERSHIP = 1, 2
SUBSYSTEM_LOG, SUBSYSTEM_NFTABLES = 4, 10
BATCH_BEGIN, BATCH_END = 0x10, 0x11
UNSPECIFIED, IPV4 = 0, 2

_SO_RCVBUFFORCE = 33
_BUFFER = 8 << 20
_HEADER = Struct("=IHHII")
_FAMILY = Struct("!BBH")  # nfgenmsg: address family, version, resource id
_SIZE = _HEADER.size + _FAMILY.size
_DUMP_INTERRUPTED = 0x10  # NLM_F_DUMP_INTR
_PATIENCE_SECONDS = 10.0  # while others change what is listed, one change after another
_PAUSE_SECONDS = 0.001


def number(kind: int, value: int) -> bytes:
    """A 32-bit attribute in network order."""
    return attribute(kind, value.to_bytes(4, "big"))


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is sent: `kind` with its subsystem in the upper byte."""

    kind: int
    flags: int = 0
    body: bytes = b""
    family: int = IPV4
    resource: int = 0

    def encoded(self, sequence: int, flags: int = 0) -> bytes:
        size = _SIZE + len(self.body)
        header = _HEADER.pack(size, self.kind, self.flags | flags | NLM_F_REQUEST, sequence, 0)
        return header + _FAMILY.pack(self.family, 0, self.resource) + self.body + bytes(-size % 4)


@dataclass(frozen=True, slots=True)
class Answer:
    """A message that came: `family` and `body` behind the family header; of an error, `error` is its errno."""

    kind: int
    family: int
    body: memoryview
    error: int = 0


def batch(messages: Sequence[Message]) -> bytes:
    """A transaction of nftables: all of the messages or none; the last one is acknowledged."""
    begin = Message(BATCH_BEGIN, family=UNSPECIFIED, resource=SUBSYSTEM_NFTABLES)
    end = Message(BATCH_END, family=UNSPECIFIED, resource=SUBSYSTEM_NFTABLES)
    last = len(messages) - 1
    middle = (
        message.encoded(position + 1, NLM_F_ACK if position == last else 0) for position, message in enumerate(messages)
    )
    return b"".join((begin.encoded(0), *middle, end.encoded(len(messages) + 1)))


def answers(data: bytes) -> Iterator[Answer]:
    """The messages in what was received. Cut short data end the list."""
    view = memoryview(data)
    offset = 0
    while offset + _HEADER.size <= len(view):
        size, kind, flags, _, _ = _HEADER.unpack_from(view, offset)
        if size < _HEADER.size:
            return
        content = view[offset + _HEADER.size : offset + size]
        offset += (size + 3) & ~3
        if kind == NLMSG_ERROR and len(content) >= 4:
            yield Answer(kind, UNSPECIFIED, content, -int.from_bytes(content[:4], "little", signed=True))
        elif kind == NLMSG_DONE:
            yield Answer(kind, UNSPECIFIED, content)
        elif len(content) >= _FAMILY.size:
            error = EINTR if flags & _DUMP_INTERRUPTED else 0
            yield Answer(kind, content[0], content[_FAMILY.size :], error)


class NetfilterSocket:
    """A netfilter socket of the network namespace in which it was made."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER)
        self._socket.bind((0, 0))

    def __enter__(self) -> NetfilterSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        """What the kernel keeps for this socket's owner goes with it."""
        self._socket.close()

    def execute(self, data: bytes, what: str) -> None:
        """Send what asks for one acknowledgement and wait for it. KernelError saying `what` was refused."""
        self._socket.setblocking(True)
        self._socket.send(data)
        while True:
            for answer in answers(self._socket.recv(RECEIVE_BYTES)):
                if answer.kind == NLMSG_ERROR:
                    if answer.error:
                        raise KernelError(f"{what}: {os.strerror(answer.error)}")
                    return

    def ask(self, message: Message) -> Answer:
        """The one answer to a question. OSError when the kernel refuses."""
        self._socket.send(message.encoded(1))
        answer = next(answers(self._socket.recv(RECEIVE_BYTES)))
        if answer.error:
            raise OSError(answer.error, os.strerror(answer.error))
        return answer

    def dump(self, message: Message) -> Iterator[Answer]:
        """All answers to a question for a list, of one moment: it is asked again when what is listed changed meanwhile.
        OSError when the kernel refuses, and when it changes for ten seconds without a moment's rest.
        """
        patience = time.monotonic() + _PATIENCE_SECONDS
        while True:
            found, whole = self._dumped(message)
            if whole:
                yield from found
                return
            if time.monotonic() > patience:
                raise OSError(EINTR, os.strerror(EINTR))
            time.sleep(_PAUSE_SECONDS)

    def _dumped(self, message: Message) -> tuple[list[Answer], bool]:
        """The answers, and whether nothing changed while they were given."""
        self._socket.send(message.encoded(1, NLM_F_DUMP))
        found: list[Answer] = []
        whole = True
        while True:
            for answer in answers(self._socket.recv(RECEIVE_BYTES)):
                whole = whole and answer.error != EINTR
                if answer.kind == NLMSG_DONE:
                    return found, whole
                if answer.error not in (0, EINTR):
                    raise OSError(answer.error, os.strerror(answer.error))
                found.append(answer)

    def listen(self, groups: Iterable[int] = ()) -> None:
        """From now on hear what is told to these multicast groups, without ever blocking."""
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        with suppress(PermissionError):  # beyond the machine's limit is for the machine's root only
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        for group in groups:
            self._socket.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)

    def leave(self, groups: Iterable[int]) -> None:
        """Hear no more of what is told to these groups."""
        for group in groups:
            self._socket.setsockopt(SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, group)

    def discard(self) -> None:
        """Throw away what has come and was not heard yet."""
        discard(self._socket)

    def heard(self, most: int = 0) -> Iterator[Answer]:
        """What has come since the last time, or so many datagrams of it. OSError with ENOBUFS when something was
        missed; the rest can be read.
        """
        room = bytearray(RECEIVE_BYTES)
        for _ in range(most) if most else count():
            try:
                size = self._socket.recv_into(room)
            except BlockingIOError:
                return
            yield from answers(bytes(memoryview(room)[:size]))
