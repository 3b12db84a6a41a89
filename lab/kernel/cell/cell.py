"""A place's cell: the PID, mount, IPC and UTS namespaces in which its programs run, beside its network namespace.

It is made when something first runs there, and held by its init, a program that does nothing: what a pod's sandbox
container is on a real node. A pod's cell is nested in its node's, so a node sees the programs of its pods, and a pod
sees its own. An idle place has none, and costs nothing.

Whoever calls this is root in the sandbox's own namespaces and has one thread.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

from lab.kernel import seccomp
from lab.kernel.cell import crowd, filesystem
from lab.kernel.sandbox import capabilities, own_files
from lab.kernel.sandbox.cgroups import cgroup
from lab.kernel.sandbox.confinement import Confinement
from lab.kernel.sandbox.tree import LINKED
from lab.kernel.syscalls import (
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUTS,
    MS_REC,
    MS_SLAVE,
    PR_SET_DUMPABLE,
    mount,
    prctl,
    sethostname,
    setns,
    unshare,
)
from lab.network.place_names import OWN_FILES, UNDERLAY, netns_name

FOLDER = Path("/run/hoplab/cells")
_LOCK, _INIT = "lock", "init"
_STARTED = 19  # field 22 of proc_pid_stat(5), of those after the name
INIT = "/usr/bin/cat"
"""It reads from a pipe in which nothing comes. Orphans are the kernel's to bury: it ignores their ends."""


Files = tuple[tuple[str, str], ...]
"""Paths and contents."""

FilesIn = Callable[[str], Mapping[str, str]]
"""The same by place."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What is asked for. `node` is the place of the node for a pod, "" for others; `capabilities` are what the program
    that is started may have; `shared` are folders of the person's; `size` bounds what is written, in bytes,
    `pids` the number of processes, 0 for as many as the machine has; `files` are further ones, paths and contents.
    """

    place: str
    node: str = ""
    capabilities: tuple[str, ...] = capabilities.NODE
    shared: tuple[str, ...] = ()
    size: int = 0
    pids: int = 0
    files: Files = ()
    files_of_node: Files = ()

    @staticmethod
    def within(
        confinement: Confinement,
        place: str,
        node: str,
        kept: tuple[str, ...],
        files: Callable[[str], Mapping[str, str]],
    ) -> Cell:
        """One of a lab that is confined so; `files(place)` are what is put into a place, by their paths."""
        limits, own, nodes = confinement.limits, files(place), files(node) if node else {}
        further = (tuple(own.items()), tuple(nodes.items()))
        return Cell(place, node, kept, confinement.shared, limits.disk, limits.pids, *further)

    def handed(self, environment: Iterable[str] = ()) -> int:
        """For a program of ours, with variables as `NAME=value`: a file without a name, as a descriptor. There are
        tokens in it, and arguments are everybody's to read, a pod's as well (/proc/PID/cmdline).
        """
        file = os.memfd_create("cell", os.MFD_CLOEXEC)
        with os.fdopen(os.dup(file), "w", encoding="utf-8") as stream:
            json.dump([asdict(self), list(environment)], stream)
        os.lseek(file, 0, os.SEEK_SET)
        return file

    @staticmethod
    def taken(file: int) -> tuple[Cell, dict[str, str]]:
        """What was `handed`, which is closed: the cell, and the variables by their names."""
        with os.fdopen(file, "r", encoding="utf-8") as stream:
            told, environment = json.load(stream)
        tuples = {name: tuple(told[name]) for name in ("capabilities", "shared")}
        files = {name: tuple((path, text) for path, text in told[name]) for name in ("files", "files_of_node")}
        variables = (one.partition("=") for one in environment)
        return Cell(**{**told, **tuples, **files}), {name: value for name, _, value in variables}

    @property
    def of_node(self) -> Cell:
        """The cell around this one."""
        return Cell(self.node, "", capabilities.NODE, self.shared, self.size, self.pids, self.files_of_node)


def init_of(place: str) -> int:
    """The process id, in the sandbox, of the cell's init; 0 where there is no cell."""
    try:
        told = (FOLDER / netns_name(place) / _INIT).read_text(encoding="ascii")
    except FileNotFoundError:
        return 0
    pid = int(told.partition(" ")[0] or 0)
    return pid if told and told == _identity(pid) else 0


def full(places: Iterable[str]) -> list[str]:
    """Those of the places in whose cells nothing more, or no more files, can be written."""
    try:
        there = set(os.listdir(FOLDER))
    except FileNotFoundError:  # nothing has run in any place yet
        return []
    return [place for place in places if netns_name(place) in there and _is_full(init_of(place))]


def _is_full(pid: int) -> bool:
    if not pid:
        return False
    try:
        found = os.statvfs(f"/proc/{pid}/root")
    except OSError:  # it has just ended
        return False
    return found.f_bfree == 0 or found.f_ffree == 0


def _identity(pid: int) -> str:
    """The process, and when it began: its number may be another's by now. "" for one that has ended."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if words[0] in "ZX" else f"{pid} {words[_STARTED]}"


def is_spoiled(pid: int) -> bool:
    """Whether somebody in the cell of that init has removed all programs, or the ways to what they need: nothing else
    will run in it.
    """
    needed = (INIT, *(f"/{name}" for name in LINKED if os.path.lexists(f"/{name}")))
    return not all(os.path.lexists(f"/proc/{pid}/root{path}") for path in needed)


def end(place: str) -> None:
    """End the cell and whatever runs in it; nothing is left of what was written there."""
    pid = init_of(place)
    if pid:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def ensure(cell: Cell) -> int:
    """The process id of the cell's init, made if there is none of use. OSError when the kernel refuses."""
    folder = FOLDER / netns_name(cell.place)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        pid = init_of(cell.place)
        if pid and not is_spoiled(pid):
            return pid
        end(cell.place)
        pid = _make(cell, ensure(cell.of_node) if cell.node else 0)
        Path(folder, _INIT).write_text(_identity(pid), encoding="ascii")
        return pid


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Whoever makes the cell for the block; others wait."""
    lock = os.open(folder / _LOCK, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _make(cell: Cell, around: int) -> int:
    """Start the init; gives its process id once the cell is whole."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        os.close(reading)
        _between(cell, around, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()  # until the init has become another program
    os.waitpid(child, 0)
    pid, _, refused = told.decode().partition(" ")
    if refused or not pid:
        raise OSError(1, f"a cell for {cell.place} cannot be made: {refused or 'its init died'}")
    return int(pid)


def _between(cell: Cell, around: int, telling: int) -> NoReturn:
    """In the sandbox's PID namespace: has the init born in one within the node's, and tells its process id."""
    try:
        if around:
            setns(os.open(f"/proc/{around}/ns/pid", os.O_RDONLY | os.O_CLOEXEC), CLONE_NEWPID)
        (born, bearing), (seen, seeing) = os.pipe(), os.pipe()
        mother = os.fork()
        if mother == 0:
            os.close(seeing)
            _bear(cell, telling, bearing, seen)
        os.close(bearing)
        if os.read(born, 1):
            children = Path(f"/proc/{mother}/task/{mother}/children").read_text(encoding="ascii")
            os.write(telling, f"{children.split()[0]} ".encode())
    except OSError as error:
        os.write(telling, f"0 {crowd.why(error)}".encode())
    finally:
        os._exit(0)


def _bear(cell: Cell, telling: int, bearing: int, seen: int) -> NoReturn:
    """In the PID namespace around the cell's: whoever is in one only may make another in it."""
    try:
        prctl(PR_SET_DUMPABLE, 0)  # a node sees the init of its pod's cell before that has let go of all outside
        unshare(CLONE_NEWPID)
        if os.fork() == 0:
            _be_init(cell, telling)
        os.write(bearing, b".")
        os.read(seen, 1)  # until its process id was seen
    except OSError as error:
        os.write(telling, f"0 {crowd.why(error)}".encode())
    finally:
        os._exit(0)


def _be_init(cell: Cell, telling: int) -> NoReturn:
    try:
        if cell.place != UNDERLAY:
            setns(os.open(f"/run/netns/{netns_name(cell.place)}", os.O_RDONLY | os.O_CLOEXEC), CLONE_NEWNET)
        unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC)
        mount("none", "/", "none", MS_REC | MS_SLAVE)
        sethostname(_hostname(cell.place)[:64])
        os.umask(0o022)
        cgroup.enter(cgroup.inside())
        filesystem.build(cell.place, cell.shared, cell.size, pids=cell.pids, files=cell.files)
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        silent, kept = os.pipe()
        os.dup2(silent, 0)
        for stream in (1, 2):
            os.dup2(os.open("/dev/null", os.O_WRONLY), stream)
        os.set_inheritable(kept, True)
        seccomp.give_up()
        capabilities.keep(cell.capabilities)
        os.execve(INIT, ["cat"], {})  # noqa: S606  no shell is the point
    except OSError as error:
        os.write(telling, f"0 {crowd.why(error)}".encode())
    finally:
        os._exit(1)


def _hostname(place: str) -> str:
    try:
        told = own_files.hostname(f"{OWN_FILES}/{netns_name(place)}/hostname")
    except FileNotFoundError:
        told = ""
    return told or place.rpartition("/")[2] or os.uname().nodename


def main(arguments: list[str]) -> int:
    """FD, the descriptor of a cell that was handed: make it if there is none, and print the process id of its init."""
    try:
        sys.stdout.write(f"{ensure(Cell.taken(int(arguments[0]))[0])}\n")
    except OSError as error:
        sys.stderr.write(f"{crowd.why(error)}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
