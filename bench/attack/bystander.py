"""`python -m bench.attack.bystander LAB`: somebody who wants nothing but an answer, again and again.

Ends with its standard input, and tells then how long it waited: milliseconds, of all questions and of its own clock,
as JSON. What the clock lost is the machine's doing, not the lab's.
"""

from __future__ import annotations

import json
import select
import sys
import time

from lab.agent.client import calls
from lab.errors import HoplabError

EVERY_SECONDS = 0.05


def main(lab: str) -> None:
    """One reading of the lab every 50 ms. Two are not counted: what cannot be answered, since the lab is just being
    ended; and the first that a new agent answers, since that is how long its lab took to be made.
    """
    waited: list[float] = []
    late: list[float] = []
    known = 0  # the agent that has answered, a process id
    while True:
        began = time.perf_counter()
        if select.select([sys.stdin], [], [], EVERY_SECONDS)[0]:
            break
        late.append((time.perf_counter() - began - EVERY_SECONDS) * 1000)
        began = time.perf_counter()
        try:
            with calls.connect(lab, say=_quiet) as connected:
                connected.request("api", path="/version", query={}, accept="application/json")
                agent = connected.sandbox.pid
        except HoplabError:
            continue
        if known in (0, agent):
            waited.append((time.perf_counter() - began) * 1000)
        known = agent
    print(json.dumps({"waited": waited, "late": late}))  # noqa: T201  for who started it


def _quiet(_told: str) -> None:
    """That nobody answers for a while shows in the figures."""


if __name__ == "__main__":
    main(sys.argv[1])
