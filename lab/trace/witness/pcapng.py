"""Writes pcapng files: an interface block per place/device, nanoseconds, direction and comment of every packet.

Format: draft-ietf-opsawg-pcapng (section header, interface description and enhanced packet blocks). Our own writer,
because scapy's has no interface descriptions and only microseconds.
"""

from __future__ import annotations

from struct import pack
from typing import Protocol

from lab import printable
from lab.trace.witness.observation import FRAMED, Capture

LINKTYPE_ETHERNET, LINKTYPE_RAW = 1, 101
SECTION, INTERFACE, ENHANCED_PACKET = 0x0A0D0D0A, 1, 6
COMMENT, SHB_USERAPPL, IF_NAME, IF_DESCRIPTION, IF_TSRESOL, EPB_FLAGS = 1, 4, 2, 3, 9, 2
INBOUND, OUTBOUND = 1, 2
NANOSECONDS = 9
UNKNOWN_LENGTH = 0xFFFFFFFFFFFFFFFF


class Stream(Protocol):
    """Where the file's bytes go."""

    def write(self, data: bytes, /) -> object:
        """All of them."""


class Writer:
    """Appends packets to a binary stream; the file is complete and readable after every one of them."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._interfaces: dict[tuple[str, str, int], int] = {}
        body = pack("<IHHQ", 0x1A2B3C4D, 1, 0, UNKNOWN_LENGTH) + _options((SHB_USERAPPL, b"Hoplab"))
        self._stream.write(_block(SECTION, body))

    def write(self, capture: Capture, comment: str = "") -> None:
        """One captured frame; its interface gets its block the first time."""
        index = self._interface(capture)
        flags = OUTBOUND if capture.way == "out" else INBOUND
        options = [(EPB_FLAGS, pack("<I", flags))]
        if comment:
            options.append((COMMENT, printable.text(comment).encode()))
        frame = capture.frame
        head = pack("<IIIII", index, capture.t_ns >> 32, capture.t_ns & 0xFFFFFFFF, len(frame), capture.length)
        self._stream.write(_block(ENHANCED_PACKET, head + _padded(frame) + _options(*options)))

    def _interface(self, capture: Capture) -> int:
        link = LINKTYPE_ETHERNET if capture.hardware in FRAMED else LINKTYPE_RAW
        key = (capture.place, capture.interface, link)
        if key not in self._interfaces:
            self._interfaces[key] = len(self._interfaces)
            options = _options(
                (IF_NAME, printable.line(f"{capture.place}/{capture.interface}").encode()),
                (IF_DESCRIPTION, printable.line(f"{capture.interface} in {capture.place}").encode()),
                (IF_TSRESOL, bytes([NANOSECONDS])),
            )
            self._stream.write(_block(INTERFACE, pack("<HHI", link, 0, 0) + options))
        return self._interfaces[key]


def _block(kind: int, body: bytes) -> bytes:
    length = len(body) + 12
    return pack("<II", kind, length) + body + pack("<I", length)


def _options(*options: tuple[int, bytes]) -> bytes:
    """Options in order, and the mark of their end; a value longer than its 16-bit length allows is cut."""
    texts = [(code, value[:0xFFFF]) for code, value in options]
    return b"".join(pack("<HH", code, len(value)) + _padded(value) for code, value in texts) + bytes(4)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
