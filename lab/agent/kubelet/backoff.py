"""When a container that keeps ending is started again: at once, then after 10 s, 20 s, … 5 min (CrashLoopBackOff)."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_SECONDS = 10.0
MOST_SECONDS = 300.0
FORGOTTEN_SECONDS = 2 * MOST_SECONDS


@dataclass(slots=True)
class _Entry:
    wait: float
    started: float


class BackOff:
    """How long each key has to wait. Times are seconds of any clock that does not jump."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}

    def wait(self, key: str, ended: float) -> float:
        """How long after its end at `ended` it is to be started again; that counts as done then.

        One that has run for ten minutes since its last start is as good as new.
        """
        entry = self._entries.get(key)
        if entry is None or ended - entry.started > FORGOTTEN_SECONDS:
            self._entries[key] = _Entry(FIRST_SECONDS, ended)
            return 0.0
        wait = entry.wait
        self._entries[key] = _Entry(min(wait * 2, MOST_SECONDS), ended + wait)
        return wait

    def forget(self, key: str) -> None:
        """The pod is gone."""
        self._entries.pop(key, None)
