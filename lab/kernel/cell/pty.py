"""Terminals of a cell, opened from outside.

A program in the lab never holds the person's own terminal: it could type into it (TIOCSTI, tty_ioctl(4)).
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import termios
from contextlib import suppress

from lab.kernel.syscalls import RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS, openat2

_TIOCSPTLCK, _TIOCGPTPEER = 0x40045431, 0x5441  # asm-generic/ioctls.h
_LOCAL = 3  # among what tcgetattr gives
_PTMX, _PTMX_DEVICE = "dev/pts/ptmx", (5, 2)  # the kernel's admin-guide/devices.txt


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


def hush(fd: int) -> None:
    """The terminal echoes nothing from now on: another one has shown already what is typed."""
    modes = termios.tcgetattr(fd)
    modes[_LOCAL] &= ~termios.ECHO
    termios.tcsetattr(fd, termios.TCSANOW, modes)


def resize(fd: int, columns: int, lines: int) -> None:
    """The terminal has so many now. Nothing when its program has ended."""
    with suppress(OSError):
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
