"""User namespaces: whom the lab's root is to the machine.

An ordinary user's lab has one id: its root is that user. Root's lab has a range of ids that mean nothing outside: its
root owns no file of the machine, and is nobody to the kernel.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from lab.kernel.syscalls import CLONE_NEWNS, CLONE_NEWUSER, unshare

COUNT = 65536
# Above all that distributions give to people, services and containers (systemd: UIDS-GIDS.md), below the 32nd bit.
ELSEWHERE = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Ids:
    """The first of the ids, user's and group's, as which the lab's root and those after it are known outside."""

    uid: int
    gid: int
    count: int


def is_machines_root() -> bool:
    """Whether we are root of the machine: not an ordinary user, nor root of a container's user namespace, who is nobody
    outside anyway.
    """
    mapped = Path("/proc/self/uid_map").read_text(encoding="ascii").split()
    return os.geteuid() == 0 and mapped == ["0", "0", "4294967295"]


def of_root(files: tuple[Path, Path] = (Path("/etc/subuid"), Path("/etc/subgid"))) -> Ids:
    """What root's lab has: a range that subuid(5) and subgid(5) give to root, else one that nobody has."""
    uid, gid = (_given(path) for path in files)
    return Ids(uid or ELSEWHERE, gid or ELSEWHERE, COUNT)


def ourselves() -> Ids:
    """What the lab of an ordinary user has: the one id that the user is."""
    return Ids(os.geteuid(), os.getegid(), 1)


def _given(path: Path) -> int | None:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, rest = line.partition(":")
        first, _, count = rest.partition(":")
        if name in ("root", "0") and first.isdecimal() and count.isdecimal() and int(count) >= COUNT and int(first):
            return int(first)
    return None


def make(ids: Ids) -> int:
    """A new user namespace with these ids, as a descriptor; the calling process stays where it is. OSError on refusal.

    The caller is root of the machine: nobody else may give away ids that are not their own.
    """
    made, told = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        _be_one(made[1], told)
    os.close(made[1])
    os.close(told[0])
    try:
        refused = os.read(made[0], 16)
        if refused != b"0":
            number = int(refused or b"1")
            raise OSError(number, os.strerror(number))
        for kind, first in (("uid", ids.uid), ("gid", ids.gid)):
            Path(f"/proc/{child}/{kind}_map").write_text(f"0 {first} {ids.count}", encoding="ascii")
        return os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(told[1])
        os.close(made[0])
        os.waitpid(child, 0)


def _be_one(made: int, told: tuple[int, int]) -> None:
    """In the child: make the namespace, and be in it until the other side has seen it."""
    try:
        os.close(told[1])
        unshare(CLONE_NEWUSER)
        os.write(made, b"0")
        os.read(told[0], 1)
    except OSError as error:
        os.write(made, str(error.errno).encode())
    finally:
        os._exit(0)


def become_root_of_own() -> None:
    """Put the calling process into a new user and mount namespace, in which it is root with the one id that it has.

    OSError on refusal.
    """
    uid, gid = os.geteuid(), os.getegid()
    unshare(CLONE_NEWUSER | CLONE_NEWNS)
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    map_one(uid, gid)


def map_one(uid: int, gid: int) -> None:
    """In a fresh user namespace: be its root, with the id that one has in the namespace around it."""
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1", encoding="ascii")


def become_root() -> None:
    """Be the root of the user namespace that one is in, and nobody else: groups of the machine are left behind.

    For a process that came from outside, whose id means nothing here; for others it changes nothing.
    """
    if Path("/proc/self/setgroups").read_text(encoding="ascii").strip() == "allow":
        os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def own_root() -> int | None:
    """The id as which a program of the machine is to be started inside; None where we have it. Who came from outside
    into the namespace of root's lab is nobody in it: powerful, but only until an exec.
    """
    return 0 if os.geteuid() else None
