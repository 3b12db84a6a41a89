"""Runs a function in a process of its own.

Joining a lab's user namespace is for good and wants a single thread: neither suits the program that asks for a trace,
which may be somebody's test suite.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable
from typing import NoReturn, TypeVar

from lab.errors import HoplabError, LabError

T = TypeVar("T")


def apart(work: Callable[[Callable[[T], None]], None]) -> T:
    """What `work` tells, or the HoplabError that it raises; LabError when its process dies.

    What `work` does after it has told is not waited for: closing a packet socket takes the kernel 15 ms.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        if os.fork():
            os._exit(0)
        os.close(reading)
        _report(work, writing)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    if not told:
        raise LabError("the process that traces died", "its own words are above")
    error, result = pickle.loads(told)  # noqa: S301  it comes from our own child
    if error is not None:
        raise error
    found: T = result
    return found


def _report(work: Callable[[Callable[[T], None]], None], writing: int) -> NoReturn:
    def tell(result: T | None, error: HoplabError | None = None) -> None:
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump((error, result), pipe)

    status = 1
    try:
        try:
            work(tell)
        except HoplabError as error:
            tell(None, error)
        status = 0
    except KeyboardInterrupt:
        status = 130
    except Exception:  # whatever it is ends here: this process must not go on as its parent
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)
