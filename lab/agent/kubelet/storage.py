"""Pods that have written all that they may: looked for as often as upstream's eviction manager does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from lab.kernel.cell import cell

PERIOD_SECONDS = 10.0  # kubelet's, for what is written on a node's disk


class Storage:
    """`places` are those of pods that may be evicted; `evict` is told a place whose disk is full. Looks from when it is
    made until the loop ends.
    """

    def __init__(self, places: Callable[[], Iterable[str]], evict: Callable[[str], None]) -> None:
        self._places = places
        self._evict = evict
        self._looking = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(PERIOD_SECONDS)
            places = tuple(self._places())
            for place in await asyncio.to_thread(cell.full, places):
                self._evict(place)
