"""Which errors are the machine's, and what is said of them."""

from __future__ import annotations

import errno

import pytest

from lab.errors import KernelError
from lab.refusal import refusal


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.EMFILE, "", "/proc/x"), "this process may have no further file open"),
        (OSError(errno.ENOSPC, ""), "no space is left on the device"),
        (OSError(errno.EROFS, "", "/run/hoplab"), "/run/hoplab: the file system is read-only"),
        (BlockingIOError(errno.EAGAIN, ""), "this user, or this machine, may start no further process or thread"),
        (RuntimeError("can't start new thread"), "this user, or this machine, may start no further process or thread"),
        (MemoryError(), "there is not enough memory"),
        (PermissionError(errno.EACCES, "", "/run/hoplab"), "/run/hoplab: permission denied"),
    ],
)
def test_the_machines(error: Exception, told: str) -> None:
    found = refusal(error)
    assert found is not None
    assert (found.message, found.exit_status) == (told, 1)
    assert found.hint


@pytest.mark.parametrize(
    "error", [OSError(errno.EINVAL, ""), PermissionError(errno.EPERM, ""), KeyError("x"), RuntimeError("dictionary")]
)
def test_ours(error: Exception) -> None:
    assert refusal(error) is None


def test_what_it_was_caused_by_counts() -> None:
    error = KernelError("could not")
    error.__cause__ = OSError(errno.ENOMEM, "")
    assert refusal(error) is not None
