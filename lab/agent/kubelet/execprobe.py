"""An exec probe: a program run in the pod, its verdict the exit status, its message what it printed."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Sequence

from lab.agent.kubelet.children import Children
from lab.agent.kubelet.descriptors import Source
from lab.agent.kubelet.probes import Result

MOST_OF_AN_OUTPUT = 10 * 1024  # a kubelet keeps no more


async def run(children: Children, place: str, argv: Sequence[str], seconds: float) -> Result:
    """Well when it ends with status 0 within `seconds`; otherwise it and what it started is killed."""
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    os.set_blocking(writing, True)
    source = Source(reading)
    try:
        try:
            child = children.start(place, argv, (subprocess.DEVNULL, writing, writing))
        finally:
            os.close(writing)
        said = b""
        try:
            async with asyncio.timeout(seconds):
                async for data in source.until(child.exited):
                    said = (said + data)[:MOST_OF_AN_OUTPUT]
                status = await asyncio.shield(child.exited)
        except TimeoutError:
            return Result(False, f"command {json.dumps(' '.join(argv))} timed out")
        finally:
            child.kill()
    finally:
        source.close()
    return Result(status == 0, said.decode(errors="replace"))
