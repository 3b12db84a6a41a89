"""A connection over which whole lines go, and which nobody waits at for ever."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from lab.agent.json_lines import Line


@pytest.fixture
def ends() -> Iterator[tuple[Line, socket.socket]]:
    ours, theirs = socket.socketpair()
    line = Line(ours)
    yield line, theirs
    line.close()
    theirs.close()


def test_lines_come_one_by_one_however_they_were_sent(ends: tuple[Line, socket.socket]) -> None:
    line, other = ends
    other.sendall(b"one\ntwo\nthr")
    assert [line.receive(0.0), line.receive(0.0), line.receive(0.0)] == [b"one\n", b"two\n", None]
    other.sendall(b"ee\n")
    assert line.receive(0.0) == b"three\n"
    other.close()
    assert line.receive(0.0) == b""


def test_half_a_line_at_the_end_is_none(ends: tuple[Line, socket.socket]) -> None:
    line, other = ends
    other.sendall(b"half")
    other.close()
    assert line.receive(0.0) == b""


def test_who_takes_nothing_is_not_waited_for(ends: tuple[Line, socket.socket]) -> None:
    line, other = ends
    left: memoryview | None = memoryview(b"x" * (8 << 20))
    sent = 0
    while left:
        before, left = left, line.send(left, 0.0)
        sent += len(before) - len(left) if left is not None else 0
    assert left is None
    assert 0 < sent < 8 << 20
    assert other.recv(10) == b"x" * 10
