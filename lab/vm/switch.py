"""The switch at either end of the line: it joins sockets here with streams on the line, and with whoever is there.

One process, one thread, no waiting but for the line and the sockets: what one of them does not take yet is held back at
its source.
"""

from __future__ import annotations

import json
import os
import select
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from lab.vm.frames import PIECE, WINDOW, Decoder, Frame, Kind, credit

_CHUNK = 256 * 1024
_MOST_WAITING = 512 * 1024
"""bytes for the line; beyond them nothing more is read from the sockets"""
_GONE = select.POLLHUP | select.POLLERR | select.POLLNVAL

Word = Mapping[str, Any]
Answer = Callable[[str], "socket.socket | None"]
"""Who is to be joined with a stream that the other side opened to this name; None when there is nobody."""
Watch = Callable[[], None]


@dataclass(slots=True)
class _Stream:
    """A socket here, and what of its stream is on the way."""

    socket: socket.socket
    credit: int = WINDOW
    """bytes that the other side still takes"""
    arrived: bytearray = field(default_factory=bytearray)
    """not yet taken by the socket"""
    said_all: bool = False
    heard_all: bool = False
    deaf: bool = False
    """takes nothing any more, but may have something to say yet"""

    def close(self) -> None:
        self.socket.close()


class Switch:
    """`line` is a descriptor for both ways. The side that keeps the machine opens streams with odd numbers, the other
    one with even ones.
    """

    def __init__(self, line: int, answer: Answer, word: Callable[[Word], None], *, first: int) -> None:
        os.set_blocking(line, False)
        self._line = line
        self._answer = answer
        self._word = word
        self._next = first
        self._decoder = Decoder()
        self._waiting = bytearray()
        self._streams: dict[int, _Stream] = {}
        self._watched: dict[int, Watch] = {}

    @property
    def busy(self) -> bool:
        """Whether anybody is joined."""
        return bool(self._streams)

    def watch(self, descriptor: int, then: Watch) -> None:
        """Call it whenever the descriptor can be read."""
        self._watched[descriptor] = then

    def unwatch(self, descriptor: int) -> None:
        """No more."""
        self._watched.pop(descriptor, None)

    def say(self, word: Word) -> None:
        """To the other side's `word`."""
        self._send(Frame(0, Kind.WORD, json.dumps(word).encode()))

    def join(self, connection: socket.socket, name: str) -> None:
        """Take the socket over and join it with whoever has that name on the other side."""
        number, self._next = self._next, self._next + 2
        self._take(number, connection)
        self._send(Frame(number, Kind.OPEN, name.encode()))

    def drain(self, seconds: float) -> None:
        """Send what is waiting for the line, in so many seconds at most."""
        while self._waiting and select.select([], [self._line], [], seconds)[1]:
            self._write_line()

    def turn(self, seconds: float) -> bool:
        """Whatever can be done now, waiting so long for it. False once the line has ended."""
        polling = select.poll()
        polling.register(self._line, select.POLLIN | (select.POLLOUT if self._waiting else 0))
        for descriptor in self._watched:
            polling.register(descriptor, select.POLLIN)
        numbers = {}
        for number, stream in self._streams.items():
            if wanted := self._wanted(stream):  # of one that nothing is wanted of the end would be told over and over
                polling.register(stream.socket, wanted)
                numbers[stream.socket.fileno()] = number
        for descriptor, happened in polling.poll(seconds * 1000):
            if descriptor == self._line:
                if not self._serve_line(happened):
                    return False
            elif descriptor in self._watched:
                self._watched[descriptor]()
            elif numbers[descriptor] in self._streams:
                self._serve(numbers[descriptor], happened)
        return True

    def close(self) -> None:
        """Everybody who is joined hears the end."""
        for stream in self._streams.values():
            stream.close()
        self._streams.clear()

    def _wanted(self, stream: _Stream) -> int:
        reads = not stream.said_all and stream.credit > 0 and len(self._waiting) < _MOST_WAITING
        return (select.POLLIN if reads else 0) | (select.POLLOUT if stream.arrived else 0)

    def _take(self, number: int, connection: socket.socket) -> _Stream:
        connection.setblocking(False)
        self._streams[number] = made = _Stream(connection)
        return made

    def _send(self, frame: Frame) -> None:
        self._waiting += frame.encoded()

    def _serve_line(self, happened: int) -> bool:
        if happened & select.POLLOUT:
            self._write_line()
        if happened & select.POLLIN:
            try:
                piece = os.read(self._line, _CHUNK)
            except BlockingIOError:
                return True
            except OSError:
                return False
            if not piece:
                return False
            for frame in self._decoder.feed(piece):
                self._receive(frame)
            return True
        return not happened & _GONE

    def _write_line(self) -> None:
        with suppress(BlockingIOError):
            written = os.write(self._line, self._waiting[:_CHUNK])
            del self._waiting[:written]

    def _receive(self, frame: Frame) -> None:
        if frame.kind == Kind.WORD:
            self._word(json.loads(frame.data))
            return
        if frame.kind == Kind.OPEN:
            connection = self._answer(frame.data.decode())
            if connection is None:
                self._send(Frame(frame.stream, Kind.GONE))
            else:
                self._take(frame.stream, connection)
            return
        stream = self._streams.get(frame.stream)
        if stream is None:  # it has ended here meanwhile
            return
        match frame.kind:
            case Kind.DATA:
                if not stream.deaf:
                    stream.arrived += frame.data
                    self._hand_over(frame.stream, stream)
            case Kind.CREDIT:
                stream.credit += int.from_bytes(frame.data)
            case Kind.CLOSE:
                stream.heard_all = True
                self._end_if_done(frame.stream, stream)
            case Kind.GONE:  # what it has said before is handed over all the same
                stream.heard_all = stream.said_all = True
                self._end_if_done(frame.stream, stream)
            case _:
                pass

    def _serve(self, number: int, happened: int) -> None:
        stream = self._streams[number]
        if stream.arrived and happened & (select.POLLOUT | _GONE):
            self._hand_over(number, stream)
        if number in self._streams and self._wanted(stream) & select.POLLIN and happened & (select.POLLIN | _GONE):
            self._take_in(number, stream)

    def _take_in(self, number: int, stream: _Stream) -> None:
        try:
            piece = stream.socket.recv(min(PIECE, stream.credit))
        except BlockingIOError:
            return
        except OSError:
            self._lose(number, stream)
            return
        if piece:
            stream.credit -= len(piece)
            self._send(Frame(number, Kind.DATA, piece))
        else:
            stream.said_all = True
            self._send(Frame(number, Kind.CLOSE))
            self._end_if_done(number, stream)

    def _hand_over(self, number: int, stream: _Stream) -> None:
        if not stream.arrived:
            return
        try:
            taken = stream.socket.send(stream.arrived)
        except BlockingIOError:
            return
        except OSError:
            stream.deaf = True
            stream.arrived.clear()
        else:
            del stream.arrived[:taken]
            self._send(credit(number, taken))
        self._end_if_done(number, stream)

    def _end_if_done(self, number: int, stream: _Stream) -> None:
        if stream.heard_all and not stream.arrived:
            with suppress(OSError):
                stream.socket.shutdown(socket.SHUT_WR)
            if stream.said_all:
                del self._streams[number]
                stream.close()

    def _lose(self, number: int, stream: _Stream) -> None:
        self._streams.pop(number, None)
        stream.close()
        self._send(Frame(number, Kind.GONE))
