"""The folder that a lab has on the host: its agent's socket and lock, and the kubeconfig for its API.

Root: /run/hoplab/LAB. Others: $XDG_RUNTIME_DIR/hoplab/LAB, or /tmp/hoplab-UID/LAB where there is no such folder.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
from pathlib import Path

from lab.errors import MachineError, UsageError
from lab.suggestion import did_you_mean

SOCKET = "agent.sock"
LOCK = "lock"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def base() -> Path:
    """The folder of all labs of this user, made if it is missing. MachineError if somebody else owns it."""
    uid = os.geteuid()
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if uid == 0:
        folder = Path("/run/hoplab")
    elif runtime and os.access(runtime, os.W_OK):
        folder = Path(runtime, "hoplab")
    else:
        folder = Path(f"/tmp/hoplab-{uid}")  # noqa: S108  its owner and mode are checked below
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != uid or status.st_mode & 0o077:
        raise MachineError(
            f"{folder} is not a folder of yours alone", f"remove it, or set XDG_RUNTIME_DIR: ls -ld {folder}"
        )
    return folder


def of(lab: str) -> Path:
    """The folder of that lab, which may not exist. UsageError for what cannot be a lab's name."""
    if not _NAME.fullmatch(lab):
        raise UsageError(f"{lab!r} cannot be a lab's name", "up to 63 small letters, digits and -, as for a host")
    return base() / lab


def lock(lab: str) -> int | None:
    """Take the lab's lock for as long as the descriptor is open, making the folder; None if another process has it."""
    folder = of(lab)
    while True:
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            continue  # somebody removed the folder of the dead lab in between
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        if _is_still(descriptor, folder / LOCK):
            return descriptor
        os.close(descriptor)


def _is_still(descriptor: int, path: Path) -> bool:
    """False when the file was removed after it was opened: a lock on it locks nobody out."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def running() -> tuple[str, ...]:
    """The labs whose agent lives. The folders of dead ones are removed on the way."""
    alive = []
    for folder in sorted(base().iterdir()):
        if not _NAME.fullmatch(folder.name):
            continue
        descriptor = lock(folder.name)
        if descriptor is None:
            alive.append(folder.name)
        else:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)
    return tuple(alive)


def choose(lab: str | None) -> str:
    """The lab that is meant: the named one, HOPLAB_LAB, or the only one running. UsageError otherwise."""
    named = lab or os.environ.get("HOPLAB_LAB")
    alive = running()
    if named:
        if named not in alive:
            told = f"running: {', '.join(alive)}" if alive else "none is running: ./inv up --topology two-subnet"
            raise UsageError(f"no lab {named!r} is running", did_you_mean(named, alive, told))
        return named
    if not alive:
        raise UsageError("no lab is running", "./inv up --topology two-subnet")
    if len(alive) > 1:
        raise UsageError(f"several labs are running: {', '.join(alive)}", "say which: --lab NAME, or set HOPLAB_LAB")
    return alive[0]
