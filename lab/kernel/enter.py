"""Becoming a place: its network, its own /etc/resolv.conf, /etc/hosts and hostname, then the program.

    python3 -m lab.kernel.enter [--terminal] [--env NAME=VALUE]… PLACE PROGRAM ARGUMENT…

inside the sandbox, for a pod's `command:`

`visit` does the same for a command that comes from outside; both end in the program itself, without a shell.
With --terminal, standard input is a terminal, and from now on the session's own: Ctrl-C in it reaches the program.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from lab.kernel.syscalls import CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWUTS, MS_BIND, mount, sethostname, setns, unshare
from lab.network.objects import UNDERLAY, netns_name
from lab.network.resolver import OWN_FILES

NOT_FOUND, NOT_EXECUTABLE = 127, 126  # as a shell says it


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
                hostname = path.read_text(encoding="utf-8").strip()
            target = Path("/etc", path.name)
            if target.exists():
                mount(str(path), str(target), "none", MS_BIND)
    sethostname(hostname[:64])


def main(arguments: list[str]) -> int:
    """[--terminal] [--env NAME=VALUE]… PLACE PROGRAM ARGUMENT… The status is for a program that cannot be run."""
    if arguments[0] == "--terminal":
        del arguments[0]
        _own_terminal()
    while arguments[0] == "--env":
        name, _, value = arguments[1].partition("=")
        os.environ[name] = value
        del arguments[:2]
    become(arguments[0])
    program = arguments[1:]
    restore_signals()
    try:
        os.execvp(program[0], program)  # noqa: S606  no shell is the point
    except OSError as error:
        return excuse(program[0], error, os.environ.get("PATH", os.defpath))


def restore_signals() -> None:
    """What this interpreter ignores for itself a program finds as it is used to: a broken pipe ends it."""
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)


def excuse(program: str, error: OSError, path: str, *, root: bool = True) -> int:
    """Say why a program could not be run, looked for in `path`; gives the status to end with.

    `root`: whoever asked may install packages without sudo.
    """
    import shutil  # noqa: PLC0415  what every program of every pod comes through starts without it

    from lab.kernel import programs, tools  # noqa: PLC0415  as above

    # A folder of PATH that may not be looked into is no reason to call a program forbidden: it was not found.
    nowhere = "/" not in program and shutil.which(program, path=path) is None
    if nowhere or isinstance(error, FileNotFoundError):
        sys.stderr.write(tools.missing(program, tools.how_to_get(program, programs.family(), root=root)))
        return NOT_FOUND
    sys.stderr.write(f"hoplab: {program}: {error.strerror}\n")
    return NOT_EXECUTABLE


def _own_terminal() -> None:
    import fcntl  # noqa: PLC0415  every program of every pod comes through here, few have a terminal
    import termios  # noqa: PLC0415

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
