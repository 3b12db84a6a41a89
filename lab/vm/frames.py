"""What goes over the line between a keeper and its virtual machine: frames of streams, which take turns on it.

A frame is the stream's number (4 bytes), a kind (1 byte), the length of what follows (4 bytes), all big-endian, and
that. Stream 0 is the line's own: words about the machine, each a JSON object. Each side opens a window of WINDOW bytes
for each stream, and moves it on as it hands over what came: nobody who reads slowly holds up the others.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from lab.errors import LabError

WINDOW = 256 * 1024
PIECE = 32 * 1024
"""The longest frame that either side sends."""
_HEAD = struct.Struct("!IBI")
_LONGEST = 1 << 20


class Kind(IntEnum):
    """What a frame is for."""

    WORD = 0
    """of stream 0: JSON"""
    OPEN = 1
    """a new stream, to whoever is named"""
    DATA = 2
    CREDIT = 3
    """so many more bytes may come (4 bytes)"""
    CLOSE = 4
    """no more comes this way"""
    GONE = 5
    """neither way: whoever it was has gone"""


class Frame(NamedTuple):
    """One of them."""

    stream: int
    kind: Kind
    data: bytes = b""

    def encoded(self) -> bytes:
        """As it goes over the line."""
        return _HEAD.pack(self.stream, self.kind, len(self.data)) + self.data


def credit(stream: int, count: int) -> Frame:
    """So many bytes of the stream have been handed over."""
    return Frame(stream, Kind.CREDIT, count.to_bytes(4))


class Decoder:
    """Frames out of what the line gives, in whatever pieces."""

    def __init__(self) -> None:
        self._left = bytearray()

    def feed(self, piece: bytes) -> Iterator[Frame]:
        """The frames that are complete by now. LabError when this is no such line."""
        self._left += piece
        while len(self._left) >= _HEAD.size:
            stream, kind, length = _HEAD.unpack_from(self._left)
            if kind > max(Kind) or length > _LONGEST:
                raise LabError(
                    "the line to the virtual machine carries something that nobody has sent", "down, then up"
                )
            end = _HEAD.size + length
            if len(self._left) < end:
                return
            data = bytes(self._left[_HEAD.size : end])
            del self._left[:end]
            yield Frame(stream, Kind(kind), data)
