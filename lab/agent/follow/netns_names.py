"""The places' names below /run/netns, by which commands reach them: that somebody took one away is told at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lab.kernel.sandbox.mounts import Mounts

if TYPE_CHECKING:
    from lab.agent.follow.writer import Writer
    from lab.agent.place_programs import Programs
    from lab.agent.tell.chronicle import Chronicle

TOGETHER_SECONDS = 0.2  # an `up` mounts a name for each place


class Names:
    """Those of one lab, in the agent's loop. As with all that is done by hand, `up` mends it, and nobody before."""

    def __init__(self, programs: Programs, writer: Writer, chronicle: Chronicle) -> None:
        self._programs = programs
        self._writer = writer
        self._chronicle = chronicle
        self._loop = asyncio.get_running_loop()
        self._mounts = Mounts()
        self._missing: frozenset[str] = frozenset()
        self._looking: asyncio.Task[None] | None = None
        self._loop.add_reader(self._mounts, self._heard)

    def _heard(self) -> None:
        self._loop.remove_reader(self._mounts)
        self._looking = self._loop.create_task(self._look())

    async def _look(self) -> None:
        await asyncio.sleep(TOGETHER_SECONDS)
        self._mounts.heard()
        self._loop.add_reader(self._mounts, self._heard)
        # By the writer: while it makes a place, that has no name yet.
        missing = frozenset(await self._writer.do("a look at the places' names", lambda: self._programs.nameless))
        for place in sorted(missing - self._missing):
            told = "commands do not reach it until `up` with the lab's file gives it again"
            self._chronicle.write((f"{place} has lost its name, by hand",), (told,))
        self._missing = missing
