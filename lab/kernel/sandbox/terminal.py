"""Terminals of a cell, opened from outside, and the relay between one and the terminal at which somebody sits.

A program in the lab never holds the person's own terminal: it could type into it (TIOCSTI, tty_ioctl(4)).
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import signal
import struct
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from lab.kernel.syscalls import RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS, openat2

_TIOCSPTLCK, _TIOCGPTPEER = 0x40045431, 0x5441  # asm-generic/ioctls.h
_PTMX, _PTMX_DEVICE = "dev/pts/ptmx", (5, 2)  # the kernel's admin-guide/devices.txt
_CHUNK = 64 * 1024


def open_in(root: str) -> tuple[int, int]:
    """A new terminal of the cell whose root file system is seen at `root`: our end, and the program's. OSError, also
    where the cell's programs have put something else in the place of what makes terminals.
    """
    folder = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # A link that was put there in the cell would be followed from here: through the files of who opens it.
        flags = os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC | os.O_NONBLOCK
        ours = openat2(folder, _PTMX, flags, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS)
    finally:
        os.close(folder)
    try:
        device = os.fstat(ours).st_rdev
        if (os.major(device), os.minor(device)) != _PTMX_DEVICE:
            raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))
        os.set_blocking(ours, True)
        fcntl.ioctl(ours, _TIOCSPTLCK, struct.pack("i", 0))
        return ours, fcntl.ioctl(ours, _TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        os.close(ours)
        raise


def control(fd: int) -> None:
    """The terminal is the session's own from now on: Ctrl-C in it reaches the programs. The caller leads it."""
    fcntl.ioctl(fd, termios.TIOCSCTTY, 0)


def resize(fd: int, columns: int, lines: int) -> None:
    """The terminal has so many now. Nothing when its program has ended."""
    with suppress(OSError):
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


class Relay:
    """What is typed goes in, what the program says comes out, until it has ended.

    `keyboard` is the person's terminal for reading, None where they type nothing; `screen` the one for writing.
    """

    def __init__(self, ours: int, keyboard: int | None, screen: int) -> None:
        self._ours = ours
        self._keyboard = keyboard
        self._screen = screen

    def run(self, ended: int) -> None:
        """Until `ended`, the pidfd of the program or of who waits for it, can be read, and all it said is written."""
        self._fit()
        with self._raw(), self._heeding_size() as woken:
            waited = [one for one in (self._ours, ended, self._keyboard, woken) if one is not None]
            while True:
                ready = select.select(waited, [], [])[0]
                if woken in ready:
                    os.read(woken, _CHUNK)
                    self._fit()
                if self._keyboard in ready and not self._type():
                    waited.remove(self._keyboard)
                if self._ours in ready and not self._show():
                    waited.remove(self._ours)
                if ended in ready:
                    while select.select([self._ours], [], [], 0)[0] and self._show():
                        pass
                    return

    def _type(self) -> bool:
        assert self._keyboard is not None
        typed = os.read(self._keyboard, _CHUNK)
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

    @contextmanager
    def _raw(self) -> Iterator[None]:
        """What is typed is the program's to understand, Ctrl-C included."""
        if self._keyboard is None:
            yield
            return
        before = termios.tcgetattr(self._keyboard)
        try:
            tty.setraw(self._keyboard)
            yield
        finally:
            termios.tcsetattr(self._keyboard, termios.TCSADRAIN, before)

    @staticmethod
    @contextmanager
    def _heeding_size() -> Iterator[int]:
        """A descriptor that can be read when the person's terminal has another size."""
        reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        before = signal.signal(signal.SIGWINCH, lambda _number, _frame: None)
        woken = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        try:
            yield reading
        finally:
            signal.set_wakeup_fd(woken)
            signal.signal(signal.SIGWINCH, before)
            os.close(reading)
            os.close(writing)


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
