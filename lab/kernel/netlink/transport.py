"""Netlink as the kernel speaks it: attributes, batches of requests in one message, dumps.

Source of the layouts: the kernel's uapi headers netlink.h and rtnetlink.h. A batch is many requests in one send: the
kernel works through them in order and answers only errors, and the last one, which asks for an acknowledgement.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

NLM_F_REQUEST = 0x1
NLM_F_ACK = 0x4
NLM_F_DUMP = 0x300
NLM_F_REPLACE = 0x100
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400
NLM_F_CAPPED = 0x100
NLM_F_ACK_TLVS = 0x200

NLMSG_ERROR = 2
NLMSG_DONE = 3
NLMSGERR_ATTR_MSG = 1

NLA_F_NESTED = 0x8000
NLA_TYPE_MASK = 0x3FFF

SOL_NETLINK = 270
NETLINK_EXT_ACK = 11
NETLINK_ROUTE, NETLINK_SOCK_DIAG, NETLINK_XFRM = 0, 4, 6

# One send stays well below the default socket buffer, so that the answers to a batch of errors fit as well.
BATCH_BYTES = 32 * 1024
# The kernel's pieces of a dump are no larger. More would come from mmap, and go back to it, for every piece.
RECEIVE_BYTES = 64 * 1024

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")


def attribute(kind: int, payload: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    size = len(payload) + 4
    return _ATTRIBUTE.pack(size, kind) + payload + _PADDING[size & 3]


def u32(kind: int, value: int) -> bytes:
    return attribute(kind, value.to_bytes(4, "little"))


def text(kind: int, value: str) -> bytes:
    return attribute(kind, value.encode() + b"\0")


def nested(kind: int, *inside: bytes) -> bytes:
    return attribute(kind | NLA_F_NESTED, b"".join(inside))


def attributes(data: bytes | memoryview, offset: int = 0) -> dict[int, memoryview]:
    """The attributes in `data` from `offset` on, by kind; of a repeated kind the last."""
    view = memoryview(data)
    found: dict[int, memoryview] = {}
    end = len(view)
    while offset + 4 <= end:
        size, kind = _ATTRIBUTE.unpack_from(view, offset)
        if size < 4:
            break
        found[kind & NLA_TYPE_MASK] = view[offset + 4 : offset + size]
        offset += (size + 3) & ~3
    return found


def find(data: bytes | memoryview, kind: int, offset: int = 0) -> memoryview | None:
    """The first attribute of this kind in `data` from `offset` on: quicker than `attributes` where only one counts."""
    view = memoryview(data)
    end = len(view)
    while offset + 4 <= end:
        size, found = _ATTRIBUTE.unpack_from(view, offset)
        if found & NLA_TYPE_MASK == kind:
            return view[offset + 4 : offset + size]
        if size < 4:
            break
        offset += (size + 3) & ~3
    return None


@dataclass(frozen=True, slots=True)
class Request:
    """One request: its type, flags beyond REQUEST, and body (family header and attributes)."""

    kind: int
    flags: int
    body: bytes


def chunks(requests: list[Request]) -> Iterator[tuple[int, int]]:
    """Where each part of them begins and ends that goes into one send."""
    start = 0
    while start < len(requests):
        size, end = 0, start
        while end < len(requests) and (end == start or size + len(requests[end].body) + 16 <= BATCH_BYTES):
            size += (len(requests[end].body) + 19) & ~3
            end += 1
        yield start, end
        start = end


def packed(requests: list[Request], first: int = 1) -> bytes:
    """The requests as one send takes them, numbered from `first` on; the last asks for an acknowledgement."""
    last = len(requests) - 1
    parts: list[bytes] = []
    for index, request in enumerate(requests):
        flags = request.flags | NLM_F_REQUEST | (NLM_F_ACK if index == last else 0)
        size = len(request.body) + 16
        parts += (_HEADER.pack(size, request.kind, flags, first + index, 0), request.body, _PADDING[size & 3])
    return b"".join(parts)


class RequestError(OSError):
    """The kernel refused request number `position` of a batch; `errno` and its own words, when it has any."""

    def __init__(self, number: int, words: str, position: int) -> None:
        super().__init__(number, words or os.strerror(number))
        self.position = position


class RouteSocket:
    """A rtnetlink socket of the network namespace in which it was made."""

    protocol: ClassVar[int] = NETLINK_ROUTE

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, self.protocol)
        self._socket.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        self._sequence = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def execute(self, requests: list[Request]) -> None:
        """Carry out the requests in order. RequestError names the first that failed; the kernel tried the rest of its
        chunk.
        """
        for start, end in chunks(requests):
            first = self._sequence + 1
            self.carry_out(packed(requests[start:end], first), first, end - start, start)

    def carry_out(self, data: bytes, first: int, number: int, position: int = 0) -> None:
        """Carry out so many packed requests, numbered from `first` on; the first one's position is told in errors."""
        self._sequence = first + number - 1
        self._socket.send(data)
        failure: RequestError | None = None
        while True:
            for kind, flags, sequence, body in _messages(self._socket.recv(RECEIVE_BYTES)):
                if kind != NLMSG_ERROR:
                    continue
                error = -int.from_bytes(body[:4], "little", signed=True)
                if error and failure is None:
                    failure = RequestError(error, _words(flags, body), position + sequence - first)
                if sequence == self._sequence:
                    if failure:
                        raise failure
                    return

    def ask(self, kind: int, body: bytes) -> memoryview:
        """The body of the one answer to a request for one object. RequestError when the kernel refuses or has none."""
        self._sequence += 1
        self._socket.send(_HEADER.pack(len(body) + 16, kind, NLM_F_REQUEST, self._sequence, 0) + body)
        while True:
            for answer, flags, sequence, payload in _messages(self._socket.recv(RECEIVE_BYTES)):
                if sequence == self._sequence:
                    if answer == NLMSG_ERROR:
                        raise RequestError(
                            -int.from_bytes(payload[:4], "little", signed=True), _words(flags, payload), 0
                        )
                    return payload

    def dump(self, kind: int, body: bytes) -> Iterator[memoryview]:
        """The bodies of all answers to a dump request. An interrupted dump is asked for again by whoever compares."""
        self._sequence += 1
        self._socket.send(_HEADER.pack(len(body) + 16, kind, NLM_F_REQUEST | NLM_F_DUMP, self._sequence, 0) + body)
        while True:
            for answer, _flags, sequence, payload in _messages(self._socket.recv(RECEIVE_BYTES)):
                if sequence != self._sequence:
                    continue
                if answer == NLMSG_DONE:
                    return
                if answer == NLMSG_ERROR:
                    number = -int.from_bytes(payload[:4], "little", signed=True)
                    raise RequestError(number, "", 0)
                yield payload


class XfrmSocket(RouteSocket):
    """The same, to ask for what IPsec's policies are."""

    protocol = NETLINK_XFRM


class DiagnosticSocket(RouteSocket):
    """The same, to ask for sockets."""

    protocol = NETLINK_SOCK_DIAG


def _messages(data: bytes) -> Iterator[tuple[int, int, int, memoryview]]:
    view = memoryview(data)
    offset = 0
    while offset + 16 <= len(view):
        size, kind, flags, sequence, _port = _HEADER.unpack_from(view, offset)
        if size < 16:
            return
        yield kind, flags, sequence, view[offset + 16 : offset + size]
        offset += (size + 3) & ~3


def _words(flags: int, body: memoryview) -> str:
    """What the kernel says in words beside the error number (extended acknowledgement), or ""."""
    if not flags & NLM_F_ACK_TLVS:
        return ""
    echoed = 16 if flags & NLM_F_CAPPED else int.from_bytes(body[4:8], "little")
    said = attributes(body, 4 + ((echoed + 3) & ~3)).get(NLMSGERR_ATTR_MSG)
    return bytes(said).rstrip(b"\0").decode(errors="replace") if said else ""
