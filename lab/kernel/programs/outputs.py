"""What the lab's programs print: a pipe for each, read by one thread, each line into its log with the time it came."""

from __future__ import annotations

import os
import select
import threading
from dataclasses import dataclass

from lab.kernel.programs.logfile import MOST_OF_A_LINE, LogFile

_CHUNK = 64 * 1024


@dataclass(slots=True)
class _Output:
    log: LogFile
    begun: bytes = b""  # a line whose end has not come yet


class Outputs:
    """The open pipes. The thread begins with the first and sleeps unless somebody prints."""

    def __init__(self) -> None:
        self._open: dict[int, _Output] = {}
        self._lock = threading.Lock()
        self._epoll: select.epoll | None = None

    def into(self, path: str) -> int:
        """A new pipe's writing end, for a program to print into the log at `path`; the caller closes it."""
        reading, writing = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(reading, False)
        with self._lock:
            self._open[reading] = _Output(LogFile(path))
            if self._epoll is None:
                self._epoll = select.epoll()
                threading.Thread(target=self._pump, args=(self._epoll,), name="outputs", daemon=True).start()
            self._epoll.register(reading, select.EPOLLIN)
        return writing

    def catch_up(self) -> None:
        """Returns when all that was printed before the call is in the logs: the last words of who has just died."""
        with self._lock:
            for reading in tuple(self._open):
                self._read(reading)

    def _pump(self, epoll: select.epoll) -> None:
        while True:
            for reading, _events in epoll.poll():
                with self._lock:
                    self._read(reading)

    def _read(self, reading: int) -> None:
        output = self._open.get(reading)
        if output is None:
            return  # the other thread was faster
        try:
            data = os.read(reading, _CHUNK)
        except BlockingIOError:
            return
        *lines, output.begun = (output.begun + data).split(b"\n")
        if output.begun and (not data or len(output.begun) > MOST_OF_A_LINE):
            lines.append(output.begun)
            output.begun = b""
        output.log.write(*lines)
        if not data:
            del self._open[reading]
            output.log.close()
            os.close(reading)  # leaves the epoll with it: no other process has this end
