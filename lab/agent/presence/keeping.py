"""A lab stays where its owner looks for it, or ends: nobody could ask it to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from lab.agent.presence.home import Home

LOOK_EVERY_SECONDS = 1.0
PATIENCE_SECONDS = 10.0  # a full disk, or somebody else's mistake, may pass


async def keep(home: Home, anew: Callable[[str], Awaitable[None]]) -> str:
    """Look after the folder for as long as that is possible; then gives why it is not. `anew` is told what was missing,
    once that is there again.
    """
    loop = asyncio.get_running_loop()
    failing_since = 0.0
    while True:
        await asyncio.sleep(LOOK_EVERY_SECONDS)
        missing = home.missing()
        if not missing:
            failing_since = 0.0
            continue
        try:
            home.make_anew()
        except OSError as error:
            failing_since = failing_since or loop.time()
            if loop.time() - failing_since > PATIENCE_SECONDS:
                return f"its {missing} {home.folder} vanished and cannot be made anew: {error.strerror or error}"
            continue
        failing_since = 0.0
        await anew(missing)
