"""The terminal at which somebody sits, as it is typed at: touched only while it is ours (termios(3), credentials(7)).

A shell's job that is in the background and changes the terminal's modes, or reads, is stopped by the kernel; and who
else runs on the terminal, such as a pager, may have set it for itself.
"""

from __future__ import annotations

import os
import termios
import tty
from contextlib import suppress
from typing import Any

_CHUNK = 64 * 1024
_LOCAL = 3  # among what tcgetattr gives
_END_OF_INPUT = b"\x04"


class Keyboard:
    """`keys`: every key is the program's to understand, Ctrl-C included. Else it is lines, and the terminal stays as
    it is: others write to it.
    """

    def __init__(self, fd: int, *, keys: bool) -> None:
        self.fd = fd
        self._keys = keys
        self._before: list[Any] | None = None  # as it was before it was ours
        self._ready = not keys

    def attend(self, *, anew: bool = False) -> bool:
        """Whether what is typed now is for us; the terminal is made ready for it. `anew`: others may have set it in the
        meantime.
        """
        if not self._is_in_front():
            self._ready = not self._keys
            return False
        if not self._keys:
            return self._gives_lines()
        if anew or not self._ready:
            self._ready = self._take()
        return self._ready

    def read(self) -> bytes:
        """What was typed; in lines also where they end: Ctrl-D within a line hands it on."""
        try:
            typed = os.read(self.fd, _CHUNK)
        except OSError:  # it is gone
            return b""
        return typed if typed.endswith(b"\n") or self._keys else typed + _END_OF_INPUT

    def leave(self) -> None:
        """As it was, unless others have it now."""
        if self._before is not None and self._is_in_front():
            with suppress(termios.error):
                termios.tcsetattr(self.fd, termios.TCSADRAIN, self._before)

    def _take(self) -> bool:
        try:
            before = termios.tcgetattr(self.fd)
            tty.setraw(self.fd, termios.TCSADRAIN)  # what was typed before is for us
        except termios.error:
            return False  # it has just become another job's, or is gone
        self._before = self._before or before
        return True

    def _gives_lines(self) -> bool:
        """Else whoever reads keys has set it so, and it was not us."""
        try:
            return bool(termios.tcgetattr(self.fd)[_LOCAL] & termios.ICANON)
        except termios.error:  # it is gone
            return False

    def _is_in_front(self) -> bool:
        try:
            return os.tcgetpgrp(self.fd) == os.getpgrp()
        except OSError:  # not our session's: nobody is stopped for the sake of it
            return True
