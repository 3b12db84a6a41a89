"""The latest changes of the store, for whoever was away: as many as fit, and none that is old."""

from __future__ import annotations

import json
import marshal
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lab.api.store import Change

REMEMBERED = 10_000
"""So many changes can be replayed; whoever is further behind must list anew."""

MOST_BYTES = 4 * 1024 * 1024
"""Of all the objects in them; each takes two or three times as much memory as it has bytes."""

OLDEST_SECONDS = 300.0
"""As etcd keeps them until they are compacted."""


_text_of = json.JSONEncoder(separators=(",", ":")).encode


def _size(item: dict[str, Any]) -> int:
    """Its bytes, told by marshal, which takes a fifth of the time that JSON does, and has about as many."""
    try:
        return len(marshal.dumps(item))
    except ValueError:  # a client's YAML, whose mappings are more than dicts
        return len(_text_of(item))


@dataclass(frozen=True, slots=True)
class _Kept:
    change: Change
    size: int
    since: float


class History:
    """`clock` gives steady seconds; `forgotten` is the number of the latest change that is not remembered."""

    def __init__(self, forgotten: int, clock: Callable[[], float]) -> None:
        self.forgotten = forgotten
        self._clock = clock
        self._kept: deque[_Kept] = deque()
        self._size = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def latest(self) -> int:
        """The number of the latest change that is remembered, or was."""
        return self._kept[-1].change.revision if self._kept else self.forgotten

    def add(self, change: Change) -> None:
        """The newest is remembered however large it is: whoever watches goes on from it."""
        size, now = _size(change.object), self._clock()
        self._kept.append(_Kept(change, size, now))
        self._size += size
        while len(self._kept) > 1 and self._is_too_much(now):
            gone = self._kept.popleft()
            self._size -= gone.size
            self.forgotten = gone.change.revision

    def after(self, revision: int) -> Iterator[Change]:
        """The changes after that number, as they are now."""
        return (one.change for one in tuple(self._kept) if one.change.revision > revision)

    def _is_too_much(self, now: float) -> bool:
        oldest = self._kept[0].since
        return len(self._kept) > REMEMBERED or self._size > MOST_BYTES or now - oldest > OLDEST_SECONDS
