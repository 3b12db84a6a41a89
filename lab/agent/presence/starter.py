"""Whoever started the agent, until the agent has heard it: a pipe that it holds open so long."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress

from lab.agent.protocol import encode, error_message
from lab.errors import LabError


class Starter:
    """The agent's end of the pipe."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe

    @property
    def waits(self) -> bool:
        """Whether it lives and has not been heard yet, however slow the machine is."""
        return self._pipe >= 0

    def watch(self, loop: asyncio.AbstractEventLoop, gone: Callable[[], None]) -> None:
        """`gone` is called once it waits no longer: it was heard, or has died."""

        def closed() -> None:
            loop.remove_reader(self._pipe)
            os.close(self._pipe)
            self._pipe = -1
            gone()

        loop.add_reader(self._pipe, closed)  # a pipe's writing end is never readable: it has lost its reader

    def tell(self, why: LabError) -> None:
        """Why the lab has ended; it may not have come far enough to be told as others are."""
        if self.waits:
            with suppress(OSError):
                os.write(self._pipe, encode(error_message(why)))
