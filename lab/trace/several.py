"""Work in processes of its own, several at once."""

from __future__ import annotations

import select
from contextlib import suppress
from types import TracebackType
from typing import Generic, Self, TypeVar

from lab.trace.apart import Begun

K = TypeVar("K")
T = TypeVar("T")

AT_ONCE = (
    8  # of traces: they send one after the other (lab.trace.turn), and mostly wait for an answer that does not come
)


class Several(Generic[K, T]):
    """What is at work, each by a key. At the end whatever was not read is closed."""

    def __init__(self) -> None:
        self._going: dict[int, tuple[K, Begun[T]]] = {}
        self._all: list[Begun[T]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for begun in self._all:
            begun.close()

    def __bool__(self) -> bool:
        return bool(self._going)

    @property
    def has_room(self) -> bool:
        """Whether one more may be begun."""
        return len(self._going) < AT_ONCE

    def add(self, key: K, begun: Begun[T]) -> None:
        self._going[begun.fileno()] = key, begun
        self._all.append(begun)

    def ended(self) -> list[tuple[K, Begun[T]]]:
        """Those that have told, or ended, since: at least one of them is waited for, unless a signal comes first."""
        poll = select.poll()
        for descriptor in self._going:
            poll.register(descriptor, select.POLLIN)
        with suppress(InterruptedError):
            return [self._going.pop(descriptor) for descriptor, _ in poll.poll()]
        return []
