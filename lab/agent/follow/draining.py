"""Real servers of IPVS that wait for their last connections: looked at as often as kube-proxy does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.agent.follow.writer import Writer
    from lab.agent.place_programs import Programs

EVERY_SECONDS = 60.0
"""kube-proxy, ipvs mode: rsCheckDeleteInterval."""


class Draining:
    """Of one lab, in the agent's loop."""

    def __init__(self, programs: Programs, writer: Writer) -> None:
        self._programs = programs
        self._writer = writer
        self._task = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            if self._programs.waits_for_connections:
                await self._writer.do("taking away real servers without connections", self._programs.end_leaving)
