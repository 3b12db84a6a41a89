"""System calls that Python 3.11 lacks, each under its own name."""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 0x1000
MS_MOVE = 0x2000
MS_REC = 0x4000
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20
MNT_DETACH = 2

MOUNT_ATTR_RDONLY = 1
MOUNT_ATTR_NOSUID = 2
MOUNT_ATTR_NODEV = 4
MOUNT_ATTR_NOEXEC = 8
MOUNT_ATTR_IDMAP = 0x00100000

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NAME = 15
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24

RESOLVE_NO_SYMLINKS = 4
RESOLVE_IN_ROOT = 16

# On every architecture: numbers from 424 on are the same everywhere.
_OPEN_TREE, _MOVE_MOUNT, _FSOPEN, _FSCONFIG, _FSMOUNT = 428, 429, 430, 431, 432
_OPENAT2, _PIDFD_GETFD, _MOUNT_SETATTR = 437, 438, 442
_OPEN_TREE_CLONE, _OPEN_TREE_CLOEXEC, _MOVE_MOUNT_F_EMPTY_PATH = 1, os.O_CLOEXEC, 4
_FSOPEN_CLOEXEC, _FSMOUNT_CLOEXEC, _FSCONFIG_CMD_CREATE = 1, 1, 6
_AT_FDCWD, _AT_EMPTY_PATH, _AT_RECURSIVE = -100, 0x1000, 0x8000

_SECCOMP_MODE_FILTER = 2
_PR_SET_MM, _PR_SET_MM_MAP = 35, 14

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
    _checked(_libc.umount2(target.encode(), MNT_DETACH), f"umount2 {target}")


def open_tree(path: str) -> int:
    """A detached copy of what is mounted at `path`, with all below it, as a descriptor (Linux 5.2). OSError."""
    flags = _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC | _AT_RECURSIVE
    made: int = _libc.syscall(ctypes.c_long(_OPEN_TREE), _AT_FDCWD, path.encode(), flags)
    _checked(made, f"open_tree {path}")
    return made


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def openat2(folder: int, path: str, flags: int, resolve: int) -> int:
    """Open what is at `path` below a folder's descriptor, looked for as `resolve` says (Linux 5.6). OSError."""
    how = _OpenHow(flags, 0, resolve)
    told = (folder, path.encode(), ctypes.byref(how), ctypes.c_size_t(ctypes.sizeof(how)))
    made: int = _libc.syscall(ctypes.c_long(_OPENAT2), *told)
    _checked(made, f"openat2 {path}")
    return made


class _MountAttributes(ctypes.Structure):
    _fields_ = (
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns", ctypes.c_uint64),
    )


def mount_setattr(tree: int, attributes: int, userns: int = 0, *, recursive: bool = True) -> None:
    """Set attributes of a mount given as a descriptor, and of those below it (Linux 5.12). OSError on refusal."""
    told = _MountAttributes(attributes, 0, 0, userns)
    flags = _AT_EMPTY_PATH | (_AT_RECURSIVE if recursive else 0)
    size = ctypes.sizeof(told)
    result = _libc.syscall(ctypes.c_long(_MOUNT_SETATTR), tree, b"", flags, ctypes.byref(told), size)
    _checked(result, "mount_setattr")


def move_mount(tree: int, target: str) -> None:
    """Mount a detached tree upon `target` (Linux 5.2). OSError on refusal."""
    told = (tree, b"", _AT_FDCWD, target.encode(), _MOVE_MOUNT_F_EMPTY_PATH)
    _checked(_libc.syscall(ctypes.c_long(_MOVE_MOUNT), *told), f"move_mount {target}")


def fsmount(kind: str, attributes: int) -> int:
    """A new file system of that kind, mounted nowhere yet, as a descriptor (Linux 5.2). The attributes are those of the
    mount alone, not of the file system as with mount(2). OSError on refusal.
    """
    context: int = _libc.syscall(ctypes.c_long(_FSOPEN), kind.encode(), _FSOPEN_CLOEXEC)
    _checked(context, f"fsopen {kind}")
    try:
        _checked(_libc.syscall(ctypes.c_long(_FSCONFIG), context, _FSCONFIG_CMD_CREATE, None, None, 0), "fsconfig")
        made: int = _libc.syscall(ctypes.c_long(_FSMOUNT), context, _FSMOUNT_CLOEXEC, attributes)
        _checked(made, f"fsmount {kind}")
        return made
    finally:
        os.close(context)


def pivot_root(new: str, old: str) -> None:
    """Make `new` the root of the mount namespace and put the old one upon `old`, below it. OSError on refusal."""
    _checked(_libc.pivot_root(new.encode(), old.encode()), "pivot_root")


def prctl(option: int, value: int | bytes) -> None:
    """prctl(2) with one argument."""
    argument = ctypes.c_char_p(value) if isinstance(value, bytes) else ctypes.c_ulong(value)
    _checked(_libc.prctl(option, argument, 0, 0, 0), "prctl")


def map_memory(told: bytes) -> None:
    """Say where in our memory the program, its words and its environment are: a struct prctl_mm_map. OSError."""
    given = ctypes.create_string_buffer(told, len(told))
    size = ctypes.c_ulong(len(told))
    _checked(_libc.prctl(_PR_SET_MM, ctypes.c_ulong(_PR_SET_MM_MAP), ctypes.byref(given), size, 0), "prctl")


def seccomp(program: bytes) -> None:
    """Have the kernel ask this filter, of struct sock_filter, before each system call of ours, for good. OSError."""
    kept = ctypes.create_string_buffer(program, len(program))
    told = _FilterProgram(len(program) // 8, ctypes.cast(kept, ctypes.c_void_p))
    _checked(_libc.prctl(PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(told), 0, 0), "seccomp")


class _FilterProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def pidfd_getfd(pidfd: int, descriptor: int) -> int:
    """A descriptor of our own for what another process has open (Linux 5.6). OSError on refusal."""
    made: int = _libc.syscall(ctypes.c_long(_PIDFD_GETFD), pidfd, descriptor, 0)
    _checked(made, "pidfd_getfd")
    return made


def sethostname(name: str) -> None:
    """Name the calling thread's UTS namespace."""
    encoded = name.encode()
    _checked(_libc.sethostname(encoded, len(encoded)), "sethostname")
