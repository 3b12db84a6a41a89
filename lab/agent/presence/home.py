"""The lab's folder on the host as its agent holds it: watched, and made anew when somebody tidies it away.

The agent lives in a sandbox with another view of the host's file system: it reaches the host's by a descriptor of its
root, opened before.
"""

from __future__ import annotations

import fcntl
import os
import socket
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from lab.agent.presence import folder as folders

NOTHING = ""
BACKLOG = 64


@dataclass(slots=True)
class Home:
    """`folder` is its path on the host, `candidates` are the folders of labs among which it may be made anew.

    `lock` is the descriptor by which the lab is held, `descriptor` that of the folder, `listening` the agent's socket,
    another one when it was made anew.
    """

    lab: str
    folder: Path
    candidates: tuple[Path, ...]
    lock: int
    descriptor: int = -1
    listening: socket.socket = field(init=False)
    _root: int = field(init=False)
    _bound: os.stat_result = field(init=False)
    _kept: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """On the host, before the sandbox is entered: have a socket there. OSError when it cannot be made."""
        self._root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        # Links are followed here and now: from inside the sandbox they would lead elsewhere.
        self.candidates = tuple(dict.fromkeys((self.folder.parent.resolve(), *_resolved(self.candidates))))
        self.folder = self.candidates[0] / self.lab
        self.descriptor = _open(self.folder)
        self._listen()

    def missing(self) -> str:
        """What of it is not as it was made, in a word or two; "" when nothing is."""
        if not folders.is_still(self.descriptor, self._seen(self.folder)):
            return "folder"
        if not folders.is_still(self.lock, self._seen(self.folder / folders.LOCK)):
            return "lock"
        if not self._is_bound():
            return "socket"
        return next((name for name in self._kept if not self._seen(self.folder / name).exists()), NOTHING)

    def _is_bound(self) -> bool:
        with suppress(OSError):
            return os.path.samestat(self._bound, self._seen(self.folder / folders.SOCKET).lstat())
        return False

    def keep(self, name: str, content: str) -> None:
        """Have a file of that name in the folder, for its owner only, whatever happens to it. OSError when it cannot
        be written.
        """
        aside = Path(f"/proc/self/fd/{self.descriptor}", f".{name}")
        file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as stream:
            stream.write(content)
        aside.replace(aside.with_name(name))
        self._kept[name] = content  # only now: who looks for what is missing writes it under the same name

    def give_to(self, uid: int, gid: int) -> None:
        """Let the lab's own root, known by these ids here, write in the folder, which is nobody else's to read but
        root's. OSError when that is refused.
        """
        for path in (self.folder, *self.folder.iterdir()):
            os.chown(path, uid, gid, follow_symlinks=False)

    def make_anew(self) -> None:
        """Where `list` looks: at its place, or in another folder of labs where there is none for it any more.

        BlockingIOError while somebody else has the lock for a moment, other OSErrors when there is no place for it.
        """
        if folders.is_still(self.descriptor, self._seen(self.folder)):
            self._lock_anew(self._seen(self.folder))
            self._fill()
            return
        refused: OSError | None = None
        here = self.folder.parent
        for base in (here, *(one for one in self.candidates if one != here)):
            try:
                self._settle(base)
            except BlockingIOError:
                raise
            except OSError as error:
                refused = refused or error
            else:
                return
        assert refused is not None
        raise refused

    def _settle(self, base: Path) -> None:
        seen = self._seen(base)
        seen.mkdir(mode=0o700, exist_ok=True)
        if not folders.is_own(seen):
            raise PermissionError(f"{base} is not a folder of ours alone")
        (seen / self.lab).mkdir(mode=0o700, exist_ok=True)
        made = _open(seen / self.lab)
        try:
            self._lock_anew(seen / self.lab)
        except OSError:
            os.close(made)
            raise
        os.close(self.descriptor)
        self.descriptor, self.folder = made, base / self.lab
        self._fill()

    def _fill(self) -> None:
        if not self._is_bound():
            self._listen()
        for name, content in self._kept.items():
            self.keep(name, content)

    def _lock_anew(self, seen: Path) -> None:
        if folders.is_still(self.lock, seen / folders.LOCK):
            return
        lock = folders.open_lock(seen)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise
        os.close(self.lock)
        self.lock = lock

    def _listen(self) -> None:
        """A socket in the folder, for its owner only, instead of what has its name."""
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        os.fchmod(made.fileno(), 0o600)  # what bind(2) gives the file; a umask would be every thread's
        path = Path(f"/proc/self/fd/{self.descriptor}", folders.SOCKET)  # a socket's path is 107 bytes at most
        try:
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            path.unlink(missing_ok=True)
            made.bind(str(path))
            self._bound = path.lstat()
        except OSError:
            made.close()
            raise
        made.listen(BACKLOG)
        self.listening = made

    def _seen(self, path: Path) -> Path:
        """The host's path, as it is reached from inside."""
        return Path(f"/proc/self/fd/{self._root}{path}")


def _resolved(candidates: Iterable[Path]) -> Iterable[Path]:
    return (path.parent.resolve() / path.name for path in candidates)


def _open(folder: Path) -> int:
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(f"{folder} is no folder")
    return os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
