"""The name that an agent holds in the kernel for as long as it lives: an abstract Unix socket for each user and lab.

A file can be removed by whoever tidies a folder; this name cannot. With it two agents of one name are impossible
whatever becomes of the lock, and a lab whose folder has vanished is still seen, and can be ended. Anybody may bind such
a name (unix(7)): what is no agent of the same user counts for nothing.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab.kernel.sandbox import identity

_TABLE = "/proc/net/unix"
_PREFIX = "hoplab/"
_NS_GET_OWNER_UID = 0xB704  # ioctl_ns(2)
TELLING_SECONDS = 0.5
BACKLOG = 4096  # so many may ask for one that is stopped


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a Unix socket: its process id, and its user as the kernel tells it to us."""

    pid: int
    uid: int

    @classmethod
    def of(cls, connection: socket.socket) -> Peer:
        """Whoever last said that it listens there (SO_PEERCRED), which need not have taken the connection yet."""
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        pid, uid, _ = struct.unpack("=iII", credentials)
        return cls(pid, uid)

    @property
    def is_ours(self) -> bool:
        """Whether it is ourselves, or one of root's labs, whose ids nobody else has, in a user namespace that root has
        made. The process id alone tells nothing: it may be another's by now, or a stranger's in some container.
        """
        if self.uid == os.geteuid():
            return True
        return identity.is_machines_root() and self.uid == identity.of_root().uid and _made_by(self.pid) == 0


def take(lab: str) -> socket.socket | None:
    """The lab's name, held for as long as the socket is open. None if an agent of this user has it."""
    witness = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        witness.bind(address(lab))
    except OSError:  # somebody has it
        if holder(lab) is not None:
            witness.close()
            return None
        witness.bind("")  # a stranger has it: some other name, by which nobody asks, and the lock alone must do
    announce(witness)
    return witness


def announce(witness: socket.socket) -> None:
    """From now on whoever asks is told of the calling process, even one that is stopped and takes no connection."""
    witness.listen(BACKLOG)


def answer(witness: socket.socket, folder: str) -> None:
    """Tell whoever has come where the lab's folder is. It is no secret, and whoever reads slowly gets none of it."""
    with suppress(OSError):
        while True:
            connection, _ = witness.accept()
            with connection, suppress(OSError):
                connection.setblocking(False)
                connection.send(folder.encode())


def holder(lab: str) -> Peer | None:
    """The agent that has the lab's name, answering or not. None if there is none of this user."""
    connection = _connected(lab)
    if connection is None:
        return None
    with connection:
        peer = Peer.of(connection)
    return peer if peer.is_ours else None


def told_folder(lab: str) -> str:
    """Where the lab's folder is, as its agent says; "" if none of this user answers."""
    connection = _connected(lab)
    if connection is None:
        return ""
    with connection, suppress(OSError):
        if Peer.of(connection).is_ours:
            connection.settimeout(TELLING_SECONDS)
            return connection.recv(4096).decode(errors="replace")
    return ""


def seen() -> tuple[str, ...]:
    """The labs whose names agents of this user hold."""
    prefix = f"@{address('')[1:]}"
    names = {line.rpartition(prefix)[2] for line in _lines() if f" {prefix}" in line}
    return tuple(sorted(name for name in names if holder(name) is not None))


def is_named(lab: str) -> bool:
    """Whether anybody holds such a name, seen from any file system: then nothing of that lab's is to be touched."""
    return any(f" @{_PREFIX}{os.geteuid()}/" in line and line.endswith(f"/{lab}") for line in _lines())


def _lines() -> list[str]:
    try:
        return Path(_TABLE).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # forbidden to look: the folders alone must do
        return []


def common() -> Path:
    """The folder of labs that this user has in every session. It need not exist."""
    uid = os.geteuid()
    return Path("/run/hoplab" if uid == 0 else f"/tmp/hoplab-{uid}")  # noqa: S108  whoever uses it looks whose it is


def address(lab: str) -> str:
    """The lab's name in the kernel. It holds among those who see the same file system there: whoever has another one
    mounted (a container with the host's network) has labs of its own.
    """
    there = common()
    device = (there if there.exists() else there.parent).stat().st_dev
    return f"\0{_PREFIX}{os.geteuid()}/{device:x}/{lab}"


def _connected(lab: str) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        connection.connect(address(lab))
    except OSError:  # nobody, or nobody who has taken a connection for long
        connection.close()
        return None
    return connection


def _made_by(pid: int) -> int | None:
    """Who made the user namespace in which the process lives; None for that in which we live, and where the kernel
    does not tell.
    """
    with suppress(OSError):
        if Path(f"/proc/{pid}/ns/user").readlink() == Path("/proc/self/ns/user").readlink():
            return None
        namespace = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return int(struct.unpack("=I", fcntl.ioctl(namespace, _NS_GET_OWNER_UID, b"\0\0\0\0"))[0])
        finally:
            os.close(namespace)
    return None
