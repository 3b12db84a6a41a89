"""What goes wrong while a lab lives: told in the chronicle, tried again after a while, and told when it is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from lab.agent.tell.chronicle import Chronicle
from lab.control.queue import Runner, failure_told
from lab.errors import HoplabError

FIRST_AGAIN, MOST_AGAIN = 0.5, 30.0


class Troubles:
    """Those of one lab. `wake` has the lab look again at what there is to follow."""

    def __init__(self, runner: Runner, chronicle: Chronicle, wake: Callable[[], None]) -> None:
        self._runner = runner
        self._chronicle = chronicle
        self._wake = wake
        self._loop = asyncio.get_running_loop()
        self._again = FIRST_AGAIN
        self._following = ""
        self._later: asyncio.TimerHandle | None = None
        self._failures: frozenset[tuple[str, tuple[str, ...]]] = frozenset()

    def told(self) -> list[str]:
        """What does not go on by itself just now, a sentence each."""
        return [*filter(None, [self._following]), *map(failure_told, self._runner.failures)]

    def met(self, error: Exception) -> None:
        """The kernel could not follow; that is tried again, after longer and longer whiles."""
        told = str(error) if isinstance(error, HoplabError) else f"defect: {type(error).__name__}: {error}"
        self._chronicle.write(("could not follow",), (told, f"again in {self._again:.1f} s"))
        self._following = f"the kernel could not follow the API: {told}"
        self._loop.call_later(self._again, self._wake)
        self._again = min(MOST_AGAIN, self._again * 2)

    def over(self) -> None:
        """The kernel has followed. Controllers that failed, or wait for a time, are asked again when that has come."""
        self._again, self._following = FIRST_AGAIN, ""
        if self._later is not None:
            self._later.cancel()
        due = self._runner.due(time.monotonic())
        self._later = None if due is None else self._loop.call_later(due, self._wake)
        failures = frozenset((one.controller, one.key) for one in self._runner.failures)
        for one in self._runner.failures:
            if (one.controller, one.key) not in self._failures:
                self._chronicle.write((failure_told(one),), (f"again in {one.again_in:.1f} s",))
        for controller, key in sorted(self._failures - failures):
            self._chronicle.write((f"the controller {controller} is well again about {'/'.join(key)}",))
        self._failures = failures
