"""A file of the person's as a program's standard input: read here, and handed on through a pipe.

Whoever holds a file open, for reading only, can open it anew for writing where it is theirs (/proc/self/fd): an
ordinary user's places would change the script that is read to them.
"""

from __future__ import annotations

import fcntl
import os
import select
import stat
import struct
import termios
import threading

_PIECE = select.PIPE_BUF  # so much is written as a whole, or nothing of it


class Feed:
    """One file. As with the file itself, what the program has not read is there for who reads on after it."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._next = os.lseek(file, 0, os.SEEK_CUR)
        self.reading, self._writing = os.pipe2(os.O_CLOEXEC)
        self._lock = threading.Lock()
        self._ended = False

    @staticmethod
    def of(file: int) -> Feed | None:
        """None for what is no regular file. OSError when there are too many open ones."""
        return Feed(file) if stat.S_ISREG(os.fstat(file).st_mode) else None

    def leave(self) -> None:
        """In a process of the program's side: who writes is somebody else."""
        os.close(self._writing)

    def begin(self) -> None:
        """Read and hand on, beside what else the calling process does."""
        threading.Thread(target=self._hand_on, name="feeding", daemon=True).start()

    def end(self) -> None:
        """The program has ended: the file is left where it has read to."""
        with self._lock:
            self._ended = True
            unread = struct.unpack("=i", fcntl.ioctl(self.reading, termios.FIONREAD, b"\0\0\0\0"))[0]
            os.lseek(self._file, self._next - unread, os.SEEK_SET)
        os.close(self.reading)

    def _hand_on(self) -> None:
        try:
            while data := os.pread(self._file, _PIECE, self._next):
                select.select([], [self._writing], [])
                with self._lock:
                    if self._ended:
                        return
                    os.write(self._writing, data)
                    self._next += len(data)
        finally:
            os.close(self._writing)
