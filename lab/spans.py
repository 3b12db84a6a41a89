"""What took how long: phases of one piece of work, noted where they happen, for `up --profile`.

Who asks for it notes them in a context, which threads and tasks of the same work share. Where nobody does, `span` costs
a look at that context and no more.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import NamedTuple

PATH = ""
"""The track of what is waited for; others are beside it."""

now = time.monotonic_ns


class Span(NamedTuple):
    """One phase, in nanoseconds of CLOCK_MONOTONIC, which is the same in all processes of a machine."""

    name: str
    begin: int
    end: int
    track: str = PATH


_RECORDING: ContextVar[list[Span] | None] = ContextVar("recording", default=None)
_NOTHING = nullcontext()


@contextmanager
def recording(before: Iterable[Span] = ()) -> Iterator[list[Span]]:
    """What happens in the block is noted in this list, after what was noted before."""
    noted = list(before)
    token = _RECORDING.set(noted)
    try:
        yield noted
    finally:
        _RECORDING.reset(token)


def finish() -> tuple[Span, ...]:
    """What was noted in the recording that we are in. From now on nothing is, in this context."""
    noted = _RECORDING.get() or ()
    _RECORDING.set(None)
    return tuple(noted)


def note(name: str, begin: int, track: str = PATH) -> None:
    """A phase that began then and ends now, where somebody wants to know."""
    noted = _RECORDING.get()
    if noted is not None:
        noted.append(Span(name, begin, now(), track))


def span(name: str, track: str = PATH) -> AbstractContextManager[None]:
    """The block is a phase of that name, where somebody wants to know."""
    return _NOTHING if _RECORDING.get() is None else _noted(name, track)


@contextmanager
def _noted(name: str, track: str) -> Iterator[None]:
    begin = now()
    try:
        yield
    finally:
        note(name, begin, track)
