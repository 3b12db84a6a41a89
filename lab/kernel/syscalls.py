"""System calls that Python 3.11 lacks, each under its own name."""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_BIND = 0x1000
MS_MOVE = 0x2000
MS_REC = 0x4000
MS_SLAVE = 1 << 19
MNT_DETACH = 2

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NAME = 15

_PIDFD_GETFD = 438  # on every architecture: numbers from 424 on are the same everywhere

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, call: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Put the calling thread into new namespaces. OSError on refusal."""
    _checked(_libc.unshare(flags), "unshare")


def setns(fd: int, flags: int = 0) -> None:
    """Move the calling thread into the namespace behind `fd`. OSError on refusal."""
    _checked(_libc.setns(fd, flags), "setns")


def mount(source: str, target: str, kind: str, flags: int = 0, data: str = "") -> None:
    """mount(2). OSError on refusal, naming the target."""
    result = _libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode())
    _checked(result, f"mount {target}")


def umount(target: str) -> None:
    """umount2(2), detaching at once."""
    _checked(_libc.umount2(target.encode(), MNT_DETACH), f"umount {target}")


def prctl(option: int, value: int | bytes) -> None:
    """prctl(2) with one argument."""
    argument = ctypes.c_char_p(value) if isinstance(value, bytes) else ctypes.c_ulong(value)
    _checked(_libc.prctl(option, argument, 0, 0, 0), "prctl")


def pidfd_getfd(pidfd: int, descriptor: int) -> int:
    """A descriptor of our own for what another process has open (Linux 5.6). OSError on refusal."""
    made: int = _libc.syscall(ctypes.c_long(_PIDFD_GETFD), pidfd, descriptor, 0)
    _checked(made, "pidfd_getfd")
    return made


def sethostname(name: str) -> None:
    """Name the calling thread's UTS namespace."""
    encoded = name.encode()
    _checked(_libc.sethostname(encoded, len(encoded)), "sethostname")
