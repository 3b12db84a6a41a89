"""A command that is typed here and runs inside a lab's virtual machine: its streams, its keys, its signals."""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from lab.agent.presence import folder
from lab.errors import LabError
from lab.kernel.cell.keyboard import Keyboard
from lab.program_name import VARIABLE, program
from lab.vm.frames import PIECE, Frame, Kind
from lab.vm.presence import COMMANDS
from lab.vm.session import Asked, Talk, word, write_all

_PASSED_ON = ("TERM", "LANG", "LC_ALL", "NO_COLOR", "COLORTERM", "HOPLAB_DEBUG")
_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_LOOK_EVERY_SECONDS = 0.2


class Sink(Protocol):
    """Where an output of the command goes here."""

    def write(self, data: bytes, /) -> None: ...


def run(lab: str, argv: Sequence[str], outputs: Mapping[int, Sink]) -> int:
    """The command's status inside. `outputs` are those beyond its standard streams by their numbers there. LabError
    when the lab ends meanwhile.
    """
    talk = Talk(_connected(lab))
    sits = (os.isatty(0), os.isatty(1), os.isatty(2))
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    asked = Asked(argv, {**passed, VARIABLE: program()}, sits, _size(), tuple(outputs))
    talk.say(asked.to_json())
    return _Session(talk, sits, outputs).run(lab)


def _connected(lab: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    directory = os.open(folder.of(lab), os.O_PATH | os.O_CLOEXEC)
    try:
        connection.connect(f"/proc/self/fd/{directory}/{COMMANDS}")
    except OSError as error:
        raise LabError(f"lab {lab!r} has just ended", "./inv up builds it again") from error
    finally:
        os.close(directory)
    return connection


def _size() -> tuple[int, int]:
    for stream in (1, 2, 0):
        with suppress(OSError):
            size = os.get_terminal_size(stream)
            return size.columns, size.lines
    return 80, 24


class _Session:
    def __init__(self, talk: Talk, sits: tuple[bool, bool, bool], outputs: Mapping[int, Sink]) -> None:
        self._talk = talk
        self._outputs = outputs
        self._status: int | None = None
        # Whoever reads what it says, such as a pager, has the same terminal: with lines alone it can be shared.
        self._keyboard = Keyboard(0, keys=sits[1]) if sits[0] else None
        self._listens = True

    def run(self, lab: str) -> int:
        reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        handled = (*_FORWARDED, signal.SIGWINCH, signal.SIGCONT)
        before = {
            one: signal.signal(one, lambda *_: None) for one in handled if signal.getsignal(one) != signal.SIG_IGN
        }
        woken = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        try:
            while self._status is None:
                if not self._turn(reading):
                    raise LabError(f"lab {lab!r} has ended", "./inv up builds it again")
        except BrokenPipeError:
            self._talk.say({"signal": signal.SIGPIPE})
            raise
        finally:
            if self._keyboard is not None:
                self._keyboard.leave()
            signal.set_wakeup_fd(woken)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(reading)
            os.close(writing)
            self._talk.close()
        return self._status

    def _turn(self, woken: int) -> bool:
        polling = select.poll()
        polling.register(self._talk, select.POLLIN)
        polling.register(woken, select.POLLIN)
        typing = self._keyboard
        attending = self._listens and (typing is None or typing.attend())
        if attending:
            polling.register(0, select.POLLIN)
        patience = None if attending or typing is None or not self._listens else _LOOK_EVERY_SECONDS * 1000
        happened = {descriptor for descriptor, _ in polling.poll(patience)}
        if woken in happened:
            self._heed(os.read(woken, 64))
        if 0 in happened:
            self._type()
        if self._talk.fileno() in happened:
            frames = self._talk.heard()
            if frames is None:
                return False
            for frame in frames:
                self._receive(frame)
        return True

    def _type(self) -> None:
        typed = self._keyboard.read() if self._keyboard is not None else os.read(0, PIECE)
        self._talk.hand(0, typed)
        self._listens = bool(typed)

    def _heed(self, numbers: bytes) -> None:
        for number in numbers:
            if number in (signal.SIGWINCH, signal.SIGCONT):
                self._talk.say({"size": _size()})
                if number == signal.SIGCONT and self._keyboard is not None:
                    self._keyboard.attend(anew=True)
            else:
                self._talk.say({"signal": number})

    def _receive(self, frame: Frame) -> None:
        if frame.kind == Kind.WORD:
            self._status = int(word(frame)["status"])
        elif frame.kind == Kind.DATA:
            if frame.stream in self._outputs:
                self._outputs[frame.stream].write(frame.data)
            else:
                write_all(frame.stream, frame.data)
