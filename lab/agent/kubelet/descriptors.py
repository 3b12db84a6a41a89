"""Descriptors that programs print to and read from, on the loop: what is there is taken, nothing ever blocks."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

_CHUNK = 32 * 1024


class Source:
    """The reading end of a pipe, or a terminal, made non-blocking; closed by `close`."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self.fd = fd
        self.ended = False

    def take(self) -> bytes:
        """What is there now, a chunk of it; b"" for nothing. `ended` when nothing will come any more."""
        if self.ended:
            return b""
        try:
            data = os.read(self.fd, _CHUNK)
        except BlockingIOError:
            return b""
        except OSError:  # EIO: the last one who had the terminal open has closed it
            data = b""
        self.ended = not data
        return data

    async def until(self, exited: asyncio.Future[int]) -> AsyncIterator[bytes]:
        """All that comes until the end, or until the program has exited and all that it printed has been taken: what
        it left running may hold the other end open for ever.
        """
        while not self.ended:
            over = exited.done()
            data = self.take()
            if data:
                yield data
            elif over:
                return
            elif not self.ended:
                await arrival([self], exited)

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


async def arrival(sources: list[Source], exited: asyncio.Future[int]) -> None:
    """Returns when one of them has something, or has ended, or the program has exited."""
    loop = asyncio.get_running_loop()
    something = loop.create_future()

    def wake(*_: object) -> None:
        if not something.done():
            something.set_result(None)

    for source in sources:
        loop.add_reader(source.fd, wake)
    exited.add_done_callback(wake)
    try:
        await something
    finally:
        exited.remove_done_callback(wake)
        for source in sources:
            loop.remove_reader(source.fd)
