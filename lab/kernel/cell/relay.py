"""The relay between a terminal of a cell and the one at which somebody sits."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from lab.kernel.cell.keyboard import Keyboard
from lab.kernel.cell.pty import resize

_CHUNK = 64 * 1024
_LOOK_EVERY_SECONDS = 0.2
"""Nobody is told when a job that runs comes to the front (`fg`), nor when a pager has ended."""


class Relay:
    """What is typed goes in, what the program says comes out, until it has ended.

    `keyboard` is None where the person types nothing; `screen` is their terminal for writing.
    """

    def __init__(self, ours: int, keyboard: Keyboard | None, screen: int) -> None:
        self._ours = ours
        self._keyboard = keyboard
        self._screen = screen

    def run(self, ended: int) -> None:
        """Until `ended`, the pidfd of the program or of who waits for it, can be read, and all it said is written."""
        self._fit()
        with self._heeding() as woken:
            try:
                self._run(ended, woken)
            finally:
                if self._keyboard is not None:
                    self._keyboard.leave()

    def _run(self, ended: int, woken: int) -> None:
        waited = [self._ours, ended, woken]
        typing, anew = self._keyboard, False
        while True:
            typed = [typing.fd] if typing is not None and typing.attend(anew=anew) else []
            patience = None if typed or typing is None else _LOOK_EVERY_SECONDS
            ready = select.select([*waited, *typed], [], [], patience)[0]
            anew = woken in ready
            if anew:
                os.read(woken, _CHUNK)
                self._fit()
            elif typing is not None and typing.fd in ready and typing.attend() and not self._type(typing):
                typing = None
            if self._ours in ready and not self._show():
                waited.remove(self._ours)
            if ended in ready:
                while select.select([self._ours], [], [], 0)[0] and self._show():
                    pass
                return

    def _type(self, keyboard: Keyboard) -> bool:
        typed = keyboard.read()
        with suppress(OSError):
            _write(self._ours, typed or b"\x04")
        return bool(typed)

    def _show(self) -> bool:
        try:
            said = os.read(self._ours, _CHUNK)
        except OSError:  # nobody has the other end any more
            return False
        _write(self._screen, said)
        return bool(said)

    def _fit(self) -> None:
        with suppress(OSError):
            size = os.get_terminal_size(self._screen)
            resize(self._ours, size.columns, size.lines)

    @staticmethod
    @contextmanager
    def _heeding() -> Iterator[int]:
        """A descriptor that can be read when the person's terminal has another size, and when we go on after having
        been suspended.
        """
        reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        numbers = (signal.SIGWINCH, signal.SIGCONT)
        before = [signal.signal(number, lambda _number, _frame: None) for number in numbers]
        woken = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        try:
            yield reading
        finally:
            signal.set_wakeup_fd(woken)
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)
            os.close(reading)
            os.close(writing)


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
