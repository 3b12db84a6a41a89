"""Waiting for pods whose readiness probes have not succeeded yet."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from lab.api.resources import PODS
from lab.control.pods import podstatus

if TYPE_CHECKING:
    from lab.agent.kubelet.probing import Prober
    from lab.api.store import Store

POLL_SECONDS = 0.01
PROBED_SECONDS = 5.0  # an `up` waits so long for pods that have to be probed first


class Readiness:
    """Of the pods of one lab that are probed."""

    def __init__(self, store: Store, prober: Prober) -> None:
        self._store, self._prober = store, prober

    async def wait(self, settled: Callable[[], Awaitable[None]]) -> None:
        """Until every pod is ready that was not told to be otherwise, and the kernel has followed; not for ever."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PROBED_SECONDS
        while self.waited_for() and loop.time() < deadline:
            await asyncio.sleep(POLL_SECONDS)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(settled(), PROBED_SECONDS)

    def waited_for(self) -> list[str]:
        """Pods whose readiness probe has not succeeded, in words."""
        pods = {place: self._store.find(PODS, *place.split("/")) for place in sorted(self._prober.watched)}
        waiting = [
            place
            for place, pod in pods.items()
            if pod is not None and not podstatus.is_ready(pod) and not podstatus.is_held_back(pod)
        ]
        return [f"{place} is not ready: its probe has not succeeded yet: ./inv events" for place in waiting]
