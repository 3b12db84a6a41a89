"""Two switches with a line between them: whoever asks on one side reaches who answers on the other, all at once."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from lab.vm.frames import WINDOW
from lab.vm.switch import Switch

SECONDS = 10.0


@dataclass
class Line:
    """Both ends, each turned by a thread of its own; `answering` are the sockets of who answers, as they come."""

    near: Switch
    far: Switch
    answering: list[socket.socket]
    words: list[Mapping[str, Any]] = field(default_factory=list)
    wake: socket.socket = field(default_factory=lambda: socket.socketpair()[0])

    def asked(self, name: str = "echo") -> socket.socket:
        """One end of a connection whose other end is joined with whoever has that name."""
        ours, theirs = socket.socketpair()
        ours.settimeout(SECONDS)
        self.near.join(theirs, name)
        return ours


@pytest.fixture
def line() -> Iterator[Line]:
    one, other = socket.socketpair()
    answering: list[socket.socket] = []
    words: list[Mapping[str, Any]] = []

    def answer(name: str) -> socket.socket | None:
        if name == "nobody":
            return None
        ours, theirs = socket.socketpair()
        theirs.settimeout(SECONDS)
        answering.append(theirs)
        return ours

    near = Switch(one.fileno(), lambda _name: None, words.append, first=1)
    far = Switch(other.fileno(), answer, words.append, first=2)
    ended = threading.Event()

    def turn() -> None:
        while not ended.is_set() and near.turn(0.001) and far.turn(0.001):
            pass

    made = Line(near, far, answering, words)
    thread = threading.Thread(target=turn)
    thread.start()
    yield made
    ended.set()
    thread.join()
    for each in (one, other, *answering):
        with suppress(OSError):
            each.close()


def _answerer(line: Line) -> socket.socket:
    for _ in range(1000):
        if line.answering:
            return line.answering[-1]
        threading.Event().wait(0.005)
    raise AssertionError("nobody was asked")


def _until(condition: Callable[[], bool], what: str) -> None:
    for _ in range(2000):
        if condition():
            return
        threading.Event().wait(0.005)
    raise AssertionError(f"waited in vain until {what}")


def _say_all(connection: socket.socket, content: bytes) -> None:
    connection.sendall(content)
    connection.shutdown(socket.SHUT_WR)


def test_both_ways_and_each_way_ends_by_itself(line: Line) -> None:
    with closing(line.asked()) as asking:
        asking.sendall(b"question")
        asking.shutdown(socket.SHUT_WR)
        answering = _answerer(line)
        assert answering.recv(100) == b"question"
        assert answering.recv(100) == b"", "that the question is over is heard"
        answering.sendall(b"answer")
        answering.close()

        assert asking.recv(100) == b"answer"
        assert asking.recv(100) == b""


def test_who_does_not_read_holds_up_nobody_else(line: Line) -> None:
    with closing(line.asked()) as slow:
        slow.settimeout(0.5)
        deaf = _answerer(line)
        sent = 0
        with suppress(TimeoutError):  # as much as sockets and the window hold, and no more
            while sent < 64 * WINDOW:
                sent += slow.send(b"x" * 65536)
        assert sent < 64 * WINDOW, "somebody keeps what nobody reads"

        with closing(line.asked()) as other:
            other.sendall(b"quick")
            while line.answering[-1] is deaf:
                threading.Event().wait(0.005)
            assert line.answering[-1].recv(100) == b"quick"

        got = 0
        slow.shutdown(socket.SHUT_WR)
        while piece := deaf.recv(65536):
            got += len(piece)
        assert got == sent, "all of it comes in the end"


def test_much_goes_through_whole(line: Line) -> None:
    content = os.urandom(4 * WINDOW + 17)
    with closing(line.asked()) as asking:
        threading.Thread(target=_say_all, args=(asking, content)).start()
        answering = _answerer(line)
        got = bytearray()
        while piece := answering.recv(65536):
            got += piece

    assert bytes(got) == content


def test_where_nobody_answers_the_connection_ends(line: Line) -> None:
    with closing(line.asked("nobody")) as asking:
        assert asking.recv(100) == b""


def test_what_is_said_last_comes_though_nobody_listens_there_any_more(line: Line) -> None:
    """A command that ended without reading what was typed for it has said how it ended."""
    with closing(line.asked()) as asking:
        answering = _answerer(line)
        answering.sendall(b"the status")
        answering.shutdown(socket.SHUT_RD)
        asking.sendall(b"typed too late")
        _until(lambda: any(one.deaf for one in line.far._streams.values()), "that nobody takes it is found out")
        answering.sendall(b", at last")
        answering.close()

        said = b""
        while piece := asking.recv(100):
            said += piece
        assert said == b"the status, at last"


def test_words_go_beside_the_streams(line: Line) -> None:
    line.near.say({"ready": True})
    for _ in range(1000):
        if line.words:
            break
        threading.Event().wait(0.005)

    assert line.words == [{"ready": True}]


def test_the_end_of_the_line_is_told() -> None:
    one, other = socket.socketpair()
    switch = Switch(one.fileno(), lambda _name: None, lambda _word: None, first=1)
    other.close()

    assert switch.turn(SECONDS) is False
    one.close()
