"""The first lines of ours that run: from here on, what the machine refuses is said in a sentence, imports included.

Python finds no module where no further file may be open, and no memory for one under a small `ulimit -v`: both end
while the program is still being read, where no other code could say so. That is why little is imported here.
"""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

SELDOM = 200_000  # objects more than there were: the agent imports 90,000

_FEW_FILES = "a process may have too few files open here\nhint: `ulimit -n` says how many; 4096 are enough for most"
_LITTLE_MEMORY = "there is not enough memory\nhint: `free -h` says how much there is, `ulimit -v` how much we may have"


def main() -> None:
    """`hoplab`, as pip installs it."""
    guard()
    from lab.program import main as run  # noqa: PLC0415  once somebody listens for what may go wrong in it

    run()


def guard() -> None:
    """Whatever ends this process unforeseen because the machine refused something ends it with a sentence, status 1."""
    sys.excepthook = _told
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # of who was started with it ignored, no child could be waited for
    gc.set_threshold(SELDOM)  # what is imported stays: to look through it again and again takes a tenth of the time


def _told(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    # A library that could not be mapped is an ImportError with the loader's words.
    if isinstance(error, MemoryError) or "failed to map segment" in str(error):
        _say(_LITTLE_MEMORY)
    elif isinstance(error, ImportError | OSError) and not _may_open():
        _say(_FEW_FILES)
    else:
        sys.__excepthook__(kind, error, trace)


def _may_open() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno not in (errno.EMFILE, errno.ENFILE)
    return True


def _say(told: str) -> None:
    os.write(2, f"hoplab: error: {told}\n".encode())
