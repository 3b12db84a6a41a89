"""System calls that a lab makes and that runtimes forbid in containers: each tried with what no kernel takes for good.

A filter (seccomp(2)) answers before the kernel looks at what a call is given; the kernel itself calls it invalid. So
nothing is done, and what is forbidden is known before anything is built, not when the first program runs in a pod.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import sys
from collections.abc import Callable, Iterator

from lab.kernel.seccomp import KEYCTL
from lab.kernel.syscalls import MOUNT_ATTR_RDONLY, MS_NODEV, MS_NOEXEC, MS_NOSUID, fsmount, mount

_REFUSED = (errno.EPERM, errno.EACCES, errno.ENOSYS)
_KEYRING = "keyctl"
"""With it the runtime of the DNS servers' containers makes a keyring for each; it does without where there are none."""
_NO_FLAGS, _NO_FILE, _NO_OPERATION = -1, -1, 9999

_libc = ctypes.CDLL(None, use_errno=True)


def _by_number(number: int, *arguments: int | None) -> Callable[[], int]:
    return lambda: int(_libc.syscall(number, *arguments))


# By name. Numbers from 424 on are the same on every architecture.
_TRIED: dict[str, Callable[[], int]] = {
    "unshare": lambda: int(_libc.unshare(_NO_FLAGS)),
    "setns": lambda: int(_libc.setns(_NO_FILE, 0)),
    "sethostname": lambda: int(_libc.sethostname(None, -1)),
    "mount": lambda: int(_libc.mount(None, None, None, ctypes.c_ulong(0), None)),
    "umount2": lambda: int(_libc.umount2(None, _NO_FLAGS)),
    "pivot_root": lambda: int(_libc.pivot_root(None, None)),
    "open_tree": _by_number(428, _NO_FILE, None, _NO_FLAGS),
    "move_mount": _by_number(429, _NO_FILE, None, _NO_FILE, None, _NO_FLAGS),
    "fsopen": _by_number(430, None, _NO_FLAGS),
    "fsconfig": _by_number(431, _NO_FILE, _NO_OPERATION, None, None, 0),
    "fsmount": _by_number(432, _NO_FILE, _NO_FLAGS, _NO_FLAGS),
    "mount_setattr": _by_number(442, _NO_FILE, None, _NO_FLAGS, None, 0),
}
if KEYCTL is not None:
    _TRIED[_KEYRING] = _by_number(KEYCTL, _NO_OPERATION, 0, 0, 0, 0)
NAMES = tuple(_TRIED)


def refused() -> tuple[str, ...]:
    """Those that are forbidden. Whoever asks is root of user, mount and UTS namespaces of their own: others the kernel
    itself refuses some.
    """
    return tuple(_forbidden())


def require() -> None:
    """PermissionError, in the kernel's words for the first of them, where some are forbidden to whoever asks so."""
    for name in _forbidden():
        raise PermissionError(errno.EPERM, f"{name}: {os.strerror(errno.EPERM)}")


def _forbidden() -> Iterator[str]:
    for name, call in _TRIED.items():
        refused_with = ctypes.get_errno() if call() < 0 else 0
        if refused_with in _REFUSED and (name, refused_with) != (_KEYRING, errno.ENOSYS):
            yield name


def _refused_afresh() -> Iterator[str]:
    try:
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    except OSError:
        yield "/proc"
    try:
        os.close(fsmount("sysfs", MOUNT_ATTR_RDONLY))
    except OSError:
        yield "/sys"


def main() -> int:
    """Print what is forbidden in the namespaces in which we are root: names of calls, or else where file systems of the
    kernel's belong that it does not give afresh.
    """
    lacking = refused() or tuple(_refused_afresh())
    sys.stdout.write(json.dumps(lacking))
    return 0


if __name__ == "__main__":
    sys.exit(main())
