"""Runs a function in a process of its own.

Joining a lab's user namespace is for good and wants a single thread: neither suits the program that asks for a trace,
which may be somebody's test suite.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from fcntl import F_GETFL, F_SETFL, F_SETOWN, fcntl
from typing import Generic, NoReturn, TypeVar

from lab.errors import HoplabError, LabError
from lab.refusal import refusal

T = TypeVar("T")
STDOUT_FILENO, STDERR_FILENO = 1, 2


class Begun(Generic[T]):
    """Work that goes on in a process of its own, which ends with ours, however that ends, and when this is closed."""

    def __init__(self, work: Callable[[Callable[[T], None]], None]) -> None:
        self._reading, writing = os.pipe()
        child = os.fork()
        if not child:
            if os.fork():
                os._exit(0)
            os.close(self._reading)
            _report(work, writing)
        os.close(writing)
        with suppress(ChildProcessError):  # whose program ignores SIGCHLD, its children bury themselves
            os.waitpid(child, 0)

    def fileno(self) -> int:
        """What there is to be read of once it tells."""
        return self._reading

    def result(self) -> T:
        """Waits for what it tells, or the HoplabError that it raises; LabError when its process dies."""
        with os.fdopen(self._reading, "rb") as pipe:
            self._reading = -1
            told = pipe.read()
        if not told:
            raise LabError("the process that traces died", "its own words are above")
        error, result = pickle.loads(told)  # noqa: S301  it comes from our own child
        if error is not None:
            raise error
        found: T = result
        return found

    def close(self) -> None:
        """Nobody wants to know any more."""
        if self._reading >= 0:
            os.close(self._reading)
            self._reading = -1


def apart(work: Callable[[Callable[[T], None]], None]) -> T:
    """What `work` tells, or the HoplabError that it raises; LabError when its process dies.

    What `work` does after it has told is not waited for, nor by whoever reads what we print until its end: closing a
    packet socket takes the kernel 15 ms.
    """
    return Begun(work).result()


def _report(work: Callable[[Callable[[T], None]], None], writing: int) -> NoReturn:
    def tell(result: T | None, error: HoplabError | None = None) -> None:
        fcntl(writing, F_SETFL, fcntl(writing, F_GETFL) & ~os.O_ASYNC)
        told = pickle.dumps((error, result))
        _let_go_of_outputs()
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(told)

    status = 1
    try:
        _end_without_reader(writing)
        try:
            work(tell)
        except HoplabError as error:
            tell(None, error)
        except (OSError, MemoryError, RuntimeError) as error:
            refused = None if isinstance(error, BrokenPipeError) else refusal(error)
            if refused is None:
                raise
            tell(None, refused)
        status = 0
    except (KeyboardInterrupt, BrokenPipeError):
        status = 130
    except Exception:  # whatever it is ends here: this process must not go on as its parent
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def _let_go_of_outputs() -> None:
    """Whoever reads them to their end need not wait for us."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, STDOUT_FILENO)
    os.dup2(nowhere, STDERR_FILENO)


def _end_without_reader(writing: int) -> None:
    """From now on this process ends when the pipe's reader is gone: the kernel tells by SIGIO. It also does when that
    begins to read, on kernels up to 6.x, which is no reason to end.

    PR_SET_PDEATHSIG would not do: the parent is one that has ended at once.
    """

    def look(*_: object) -> None:
        looking = select.poll()
        looking.register(writing, 0)
        if looking.poll(0):  # nothing is asked for: only what is always told, that nobody reads any more
            os._exit(130)

    signal.signal(signal.SIGIO, look)
    fcntl(writing, F_SETOWN, os.getpid())
    fcntl(writing, F_SETFL, fcntl(writing, F_GETFL) | os.O_ASYNC)
