"""Becoming a place: its network, or its cell with all of it, and then the program.

    python3 -m lab.kernel.cell.enter [--cell FD --report FD] [--terminal] [--env NAME=VALUE]… PLACE PROGRAM ARGUMENT…

inside the sandbox, for a pod's `command:`, probes and `kubectl exec`. Without --cell it is for the lab's own programs:
the place's network, and the sandbox's files. With it, the program runs in the cell that was handed over in that
descriptor, with its variables; the cell is made if there is none. The program's process id is written to the other
descriptor before it begins, and it becomes a child of the sandbox's init. The status is why it did not begin: an errno.

`visit` does the same for a command that comes from outside; all end in the program itself, without a shell.
With --terminal, standard input is a terminal, and from now on the session's own: Ctrl-C in it reaches the program.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from lab.kernel import seccomp
from lab.kernel.cell import crowd
from lab.kernel.sandbox import own_files
from lab.kernel.sandbox.capabilities import keep
from lab.kernel.sandbox.cgroups import cgroup
from lab.kernel.syscalls import (
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWUTS,
    MS_BIND,
    PR_SET_DUMPABLE,
    mount,
    prctl,
    sethostname,
    setns,
    unshare,
)
from lab.network.place_names import OWN_FILES, UNDERLAY, netns_name

if TYPE_CHECKING:
    from lab.kernel.cell.door import Door

NOT_FOUND, NOT_EXECUTABLE = 127, 126  # as a shell says it
NO_CELL = 125  # as `docker run` says that the container could not be had
ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
}
"""What a program in a cell finds: nothing of the person's own."""


def become(place: str) -> None:
    """Turn the calling process, already in the sandbox's mount namespace, into one that lives in the place.

    It gets a mount namespace of its own, so that the files are the place's for it and its children only.
    """
    if place == UNDERLAY:
        return
    netns = os.open(f"/run/netns/{netns_name(place)}", os.O_RDONLY | os.O_CLOEXEC)
    setns(netns, CLONE_NEWNET)
    os.close(netns)
    unshare(CLONE_NEWNS | CLONE_NEWUTS)
    own = Path(OWN_FILES, netns_name(place))
    hostname = place.rpartition("/")[2]
    if own.is_dir():
        for path in own.iterdir():
            if path.name == "hostname":
                hostname = own_files.hostname(str(path)) or hostname
            target = Path("/etc", path.name)
            if target.exists():
                mount(str(path), str(target), "none", MS_BIND)
    sethostname(hostname[:64])


def main(arguments: list[str]) -> int:
    """See the module. The status is for a program that cannot be run."""
    given: dict[str, str] = {}
    cell, report, terminal = -1, -1, False
    while arguments[0].startswith("--"):
        option = arguments.pop(0)
        if option == "--terminal":
            terminal = True
        elif option == "--cell":
            cell = int(arguments.pop(0))
        elif option == "--report":
            report = int(arguments.pop(0))
        else:
            name, _, given[name] = arguments.pop(0).partition("=")
    place, program = arguments[0], arguments[1:]
    if cell >= 0:
        return _in_cell(cell, report, program, terminal=terminal)
    become(place)
    os.environ.update(given)
    path = os.environ.get("PATH", os.defpath)
    # One of the lab's own may be told to read again (SIGHUP) before it has begun to heed that.
    return excuse(program[0], execute(program, dict(os.environ), ignoring=(signal.SIGHUP,)), path)


def _in_cell(handed: int, report: int, program: Sequence[str], *, terminal: bool) -> int:
    from lab.kernel.cell.cell import Cell, ensure  # noqa: PLC0415  the lab's own programs come without
    from lab.kernel.cell.door import Door  # noqa: PLC0415  as above

    os.set_inheritable(
        report, False
    )  # what a cell that is made begins with would keep it, for its programs to write in
    cell, given = Cell.taken(handed)
    environment = {**ENVIRONMENT, **given}
    try:
        door = Door.of(ensure(cell))
        door.send_children()
        begun = Beginning()
        prctl(PR_SET_DUMPABLE, 0)  # whoever is in the cell sees it before it has let go of all that is outside
        child = os.fork()
    except OSError as error:
        sys.stderr.write(crowd.sentence(cell.place, error))
        return NO_CELL
    if child == 0:
        os.close(report)
        begun.be(door, program, environment, cell.capabilities, terminal=terminal)
    os.write(report, str(child).encode())
    os.close(report)
    begun.allow()
    refused = begun.refused()
    if refused is None:
        return 0
    return errno.ENOENT if excuse(program[0], refused, environment["PATH"]) == NOT_FOUND else refused.errno or NO_CELL


class Beginning:
    """A program that is about to begin in a child of this process, which is told whether it did."""

    def __init__(self) -> None:
        self._allowing, self._refusing = os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)

    def be(
        self,
        door: Door,
        program: Sequence[str],
        environment: Mapping[str, str],
        kept: Sequence[str],
        *,
        terminal: bool,
    ) -> NoReturn:
        """In the child: wait until it may, then go through the door and become the program."""
        status = NOT_EXECUTABLE
        try:
            os.close(self._allowing[1])
            if not os.read(self._allowing[0], 1):
                os._exit(status)  # whoever was to allow it has ended
            os.setsid()
            if terminal:
                _own_terminal()
            cgroup.enter(cgroup.inside())
            door.enter()
            os.chdir("/")
            seccomp.give_up()
            keep(kept)
            error = execute(program, environment)
            status = NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
            os.write(self._refusing[1], str(error.errno).encode())
        finally:
            os._exit(status)

    def allow(self) -> None:
        """In the parent: it may begin."""
        os.write(self._allowing[1], b".")

    def refused(self) -> OSError | None:
        """Why it did not begin; None once it has."""
        os.close(self._refusing[1])
        with os.fdopen(self._refusing[0], "rb") as pipe:
            told = pipe.read()
        return OSError(int(told), os.strerror(int(told))) if told else None


def execute(program: Sequence[str], environment: Mapping[str, str], ignoring: Sequence[signal.Signals] = ()) -> OSError:
    """Become the program, looked for in the environment's PATH; gives why that was not possible.

    Nothing is imported here: in a cell there is no library of ours.
    """
    restore_signals(ignoring)
    name = program[0]
    folders = [""] if "/" in name else environment.get("PATH", os.defpath).split(os.pathsep)
    refused: OSError = FileNotFoundError(2, os.strerror(2))
    for folder in folders:
        try:
            os.execve(f"{folder}/{name}" if folder else name, list(program), dict(environment))  # noqa: S606  no shell is the point
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            refused = error
    return refused


def restore_signals(ignoring: Sequence[signal.Signals] = ()) -> None:
    """What this interpreter, or who has started it, ignores or blocks, a program finds as it is used to: a broken pipe
    ends it, and Ctrl-C. What is heeded by ourselves the kernel forgets when it begins (execve(2)).
    """
    for number in signal.valid_signals():
        if signal.getsignal(number) is signal.SIG_IGN and number not in ignoring:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def excuse(program: str, error: OSError, path: str, *, root: bool = True) -> int:
    """Say why a program could not be run, looked for in `path`; gives the status to end with.

    `root`: whoever asked may install packages without sudo.
    """
    import shutil  # noqa: PLC0415  what every program of every pod comes through starts without it

    from lab.kernel.host import packages, tools  # noqa: PLC0415  as above

    # A folder of PATH that may not be looked into is no reason to call a program forbidden: it was not found.
    nowhere = "/" not in program and shutil.which(program, path=path) is None
    if nowhere or isinstance(error, FileNotFoundError):
        sys.stderr.write(tools.missing(program, tools.how_to_get(program, packages.family(), root=root)))
        return NOT_FOUND
    sys.stderr.write(f"hoplab: {program}: {error.strerror}\n")
    return NOT_EXECUTABLE


def _own_terminal() -> None:
    import fcntl  # noqa: PLC0415  every program of every pod comes through here, few have a terminal
    import termios  # noqa: PLC0415

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
