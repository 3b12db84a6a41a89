"""What is told where the kernel lets no further process begin in a cell."""

from __future__ import annotations

import errno

TOO_MANY = "as many processes run there, or in the lab as a whole, as its limit allows (`up --limit pids=…`)"
REMEDY = "whoever started them can end them; deleting a pod ends all of it, `down` all of the lab"


def why(error: OSError) -> str:
    """The kernel's word, or what it means: of processes (fork(2)) it says that they are temporarily unavailable."""
    return TOO_MANY if error.errno == errno.EAGAIN else error.strerror or str(error)


def sentence(place: str, error: OSError) -> str:
    """For who wanted to run something in the place, on standard error."""
    told = f"hoplab: {place} cannot be entered: {why(error)}\n"
    return f"{told}hint: {REMEDY}\n" if error.errno == errno.EAGAIN else told
