"""The one thread that changes the kernel, and whoever waits for it."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Writer:
    """Does one piece of work after the other. `busy` says what is being done, "" for nothing."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "writer")
        self.busy = ""

    async def do(self, what: str, work: Callable[[], T]) -> T:
        """The result of the work, which runs when all asked before is done."""

        def at_work() -> T:
            self.busy = what
            try:
                return work()
            finally:
                self.busy = ""

        return await asyncio.get_running_loop().run_in_executor(self._thread, contextvars.copy_context().run, at_work)
