"""A command that runs inside: what is told of it when it begins, and what goes back and forth while it runs.

On its stream the frames of `frames` are used once more: a frame's stream is then a descriptor's number, as the command
inside has it.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from lab.vm.frames import Decoder, Frame, Kind

_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Asked:
    """The words of the command, variables for it, which of its three standard streams are a terminal, of which size
    (columns, lines), and the further descriptors into which it writes.
    """

    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    terminals: tuple[bool, bool, bool] = (False, False, False)
    size: tuple[int, int] = (80, 24)
    outputs: Sequence[int] = ()

    def to_json(self) -> dict[str, Any]:
        """As it is said first."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Asked:
        """What `to_json` gave."""
        first, second, third = told["terminals"]
        columns, lines = told["size"]
        return cls(told["argv"], told["environment"], (first, second, third), (columns, lines), told["outputs"])


class Talk:
    """One end of the stream. Sending waits until the other side takes it."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(True)
        self._connection = connection
        self._decoder = Decoder()

    def fileno(self) -> int:
        """Readable when something has come."""
        return self._connection.fileno()

    def say(self, word: Mapping[str, Any]) -> None:
        """OSError when nobody is there any more."""
        self._connection.sendall(Frame(0, Kind.WORD, json.dumps(word).encode()).encoded())

    def hand(self, descriptor: int, data: bytes) -> None:
        """What was read for the descriptor; b"" says that it has ended. OSError as of `say`."""
        frame = Frame(descriptor, Kind.DATA, data) if data else Frame(descriptor, Kind.CLOSE)
        self._connection.sendall(frame.encoded())

    def heard(self) -> list[Frame] | None:
        """What has come, waiting for it; None when nothing will any more."""
        try:
            piece = self._connection.recv(_CHUNK)
        except OSError:
            return None
        return list(self._decoder.feed(piece)) if piece else None

    def close(self) -> None:
        """The other side hears it."""
        self._connection.close()


def write_all(descriptor: int, data: bytes) -> None:
    """However much it takes at once. OSError when nobody takes it any more."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def word(frame: Frame) -> dict[str, Any]:
    """What a frame of kind WORD says."""
    told: dict[str, Any] = json.loads(frame.data)
    return told
