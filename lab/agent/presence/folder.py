"""The folder that a lab has on the host: its agent's socket and lock, and the kubeconfig for its API.

Root: /run/hoplab/LAB. Others: $XDG_RUNTIME_DIR/hoplab/LAB, or /tmp/hoplab-UID/LAB where there is no such folder, or it
went with the last log-out.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lab.agent.presence import witness
from lab.errors import MachineError, UsageError
from lab.kernel.sandbox import identity
from lab.suggestion import did_you_mean

SOCKET = "agent.sock"
LOCK = "lock"
KUBECONFIG = "kubeconfig"
MACHINE = "vm"
"""Says that the lab is in a virtual machine, and has the release of its kernel."""
ROOTS_MODE = 0o1771
"""Root's folder of labs: root's labs make theirs in it, and nobody takes another's away."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def candidates() -> tuple[Path, ...]:
    """Where this user's labs may be, the best first: none of them need exist."""
    uid = os.geteuid()
    if uid == 0:
        return (witness.common(),)
    runtimes = (os.environ.get("XDG_RUNTIME_DIR", ""), f"/run/user/{uid}")
    usable = [Path(folder, "hoplab") for folder in runtimes if folder and os.access(folder, os.W_OK)]
    return tuple(dict.fromkeys((*usable, witness.common())))


def base() -> Path:
    """The folder in which a lab of this user is made, made itself if it is missing. MachineError if somebody else owns
    it, or it cannot be made.
    """
    folder = candidates()[0]
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if identity.is_machines_root():
            # Root's labs are nobody outside; each finds its own folder here, and makes it anew when it has vanished.
            os.chown(folder, 0, identity.of_root().gid)
            folder.chmod(ROOTS_MODE)
    except FileExistsError:
        pass  # it is no folder: said below
    except OSError as error:
        raise MachineError(f"{folder} cannot be made: {error.strerror}", _hint(error)) from error
    if not is_own(folder):
        raise MachineError(
            f"{folder} is not a folder of yours alone", f"remove it, or set XDG_RUNTIME_DIR: ls -ld {folder}"
        )
    return folder


def _hint(error: OSError) -> str:
    from lab.kernel.host import privileges  # noqa: PLC0415  every command comes here, and few for nothing

    hint = "labs are kept there"
    if error.errno == errno.EROFS and privileges.runtime():
        return f"{hint}: {privileges.FOLDER.hint()}"
    return hint


def is_own(folder: Path) -> bool:
    """Whether it is a folder, of this user, that nobody else may even read, but for root's labs in root's."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    if not stat.S_ISDIR(status.st_mode):
        return False
    if status.st_uid == os.geteuid() and not status.st_mode & 0o077:
        return True
    return stat.S_IMODE(status.st_mode) == ROOTS_MODE and (status.st_uid, status.st_gid) in _owners_of_roots()


def _owners_of_roots() -> tuple[tuple[int, int], ...]:
    """Who root's folder of labs belongs to, as root sees it, and as a lab of root's does."""
    unmapped = int(Path("/proc/sys/kernel/overflowuid").read_text(encoding="ascii"))
    return ((0, identity.of_root().gid),) if identity.is_machines_root() else ((unmapped, os.getegid()),)


def bases() -> tuple[Path, ...]:
    """Where labs of this user are looked for: what there is of the candidates. MachineError as of `base`."""
    first = base()
    return (first, *(folder for folder in candidates()[1:] if is_own(folder)))


def require_name(lab: str) -> None:
    """UsageError for what cannot be a lab's name."""
    if not _NAME.fullmatch(lab):
        raise UsageError(f"{lab!r} cannot be a lab's name", "up to 63 small letters, digits and -, as for a host")


def new(lab: str) -> Path:
    """The folder that a lab gets which is not running. UsageError for what cannot be a lab's name."""
    require_name(lab)
    return base() / lab


def of(lab: str) -> Path:
    """The folder of that lab where it runs, or that which it would get. UsageError for what cannot be a lab's name."""
    require_name(lab)
    there = bases()
    for folder in there:
        if (folder / lab / SOCKET).exists():
            return folder / lab
    told = witness.told_folder(lab)  # one that was started with another XDG_RUNTIME_DIR
    return Path(told) if told and is_own(Path(told).parent) else there[0] / lab


def is_in_machine(lab: str) -> bool:
    """Whether it is a virtual machine's."""
    return (of(lab) / MACHINE).exists()


def lock(lab: str) -> int | None:
    """Take the lab's lock for as long as the descriptor is open, making the folder; None if another process has it.
    MachineError if something else is in the way.
    """
    return lock_in(new(lab))


def lock_in(folder: Path) -> int | None:
    """The same of the lab with that folder."""
    while True:
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            descriptor = open_lock(folder)
        except FileNotFoundError:
            if folder.parent.is_dir():
                continue  # somebody removed the folder of the dead lab in between
            raise MachineError(f"{folder.parent} has just been removed", "try again") from None
        except OSError as error:
            told = f"{folder} cannot be a lab's folder: {error.strerror}"
            raise MachineError(told, f"it is in the way: ls -ld {folder} {folder}/{LOCK}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        if is_still(descriptor, folder / LOCK):
            return descriptor
        os.close(descriptor)


def open_lock(folder: Path) -> int:
    """The lock's file, made if it is missing. FileNotFoundError when the folder is; other OSErrors when something else
    has its name.
    """
    directory = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return os.open(LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600, dir_fd=directory)
    finally:
        os.close(directory)


def is_still(descriptor: int, path: Path) -> bool:
    """False when the file was removed after it was opened: a lock on it locks nobody out."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _bury(folder: Path) -> None:
    """Of a lab that has ended: its folder, and the control groups that it had."""
    from lab.kernel.sandbox.cgroups import grouping  # noqa: PLC0415  most commands find no lab that has ended

    with suppress(FileNotFoundError):
        made = (folder / grouping.RECORD).read_text(encoding="utf-8").splitlines()
        if not grouping.remove(made, folder.name):
            return  # the next command finds the lab ended as well
    shutil.rmtree(folder, ignore_errors=True)


def running() -> tuple[str, ...]:
    """The labs whose agent lives, answering or not. The folders of dead ones are removed on the way, and what is no
    folder of a lab is left alone.
    """
    alive, ended = set(witness.seen()), False
    for folder in _folders():
        if folder.name in alive:
            continue
        with suppress(MachineError):
            descriptor = lock_in(folder)
            if descriptor is None:  # with a name that we cannot see: an agent in another network namespace
                alive.add(folder.name)
            else:
                _bury(folder)
                ended = True
                os.close(descriptor)
    if ended:
        sweep()
    return tuple(sorted(alive))


def sweep(own: str = "") -> None:
    """Remove the control groups of labs of which nothing else is left that could tell of them, but for those of `own`.

    Of a lab of which nothing is seen from here, in another network namespace or one that is just starting, the groups
    have no members yet: its lock must be had, under which they are made.
    """
    from lab.kernel.sandbox.cgroups import grouping  # noqa: PLC0415  most commands find no lab that has ended

    for lab, groups in grouping.there().items():
        if lab == own or not _NAME.fullmatch(lab) or witness.is_named(lab):
            continue
        with suppress(MachineError):
            there = base() / lab
            descriptor = lock_in(there)
            if descriptor is not None:
                if not witness.is_named(lab):
                    grouping.remove(groups, lab)
                    _bury(there)
                os.close(descriptor)


def _folders() -> Iterator[Path]:
    """What may be a lab's."""
    for there in bases():
        for folder in sorted(there.iterdir()):
            if _NAME.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink():
                yield folder


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
