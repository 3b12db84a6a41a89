"""Running a program inside a running lab, from outside: `exec` and `shell`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence

from lab.errors import LabError
from lab.kernel.enter import NOT_EXECUTABLE, become, excuse, restore_signals
from lab.kernel.places import Sandbox
from lab.kernel.programs import search_path
from lab.kernel.syscalls import CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUTS, PR_SET_PDEATHSIG, prctl, setns

_NAMESPACES = {"pid": CLONE_NEWPID, "uts": CLONE_NEWUTS, "net": CLONE_NEWNET, "mnt": CLONE_NEWNS}


def run(sandbox: Sandbox, place: str, argv: Sequence[str], extra: Mapping[str, str]) -> int:
    """Run `argv` in the place with our terminal, working directory and environment (plus `extra`). Gives its exit
    status, as a shell would.

    The process lives in the sandbox's PID namespace: it ends with the lab, and with us. UsageError if there is no
    such place.
    """
    os.close(sandbox.open_netns(place))
    here, root = os.getcwd(), os.geteuid() == 0  # everybody is root in the sandbox
    _join(sandbox)
    child = os.fork()
    if child == 0:
        _become_program(place, here, argv, extra, root)
    for interrupt in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(interrupt, signal.SIG_IGN)  # the terminal sends them to the program as well; it decides
    signal.signal(signal.SIGTERM, lambda number, _frame: os.kill(child, number))
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _join(sandbox: Sandbox) -> None:
    try:
        opened = {name: os.open(f"/proc/{sandbox.pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC) for name in _NAMESPACES}
        sandbox.join_user_namespace()
        for name, fd in opened.items():
            setns(fd, _NAMESPACES[name])
            os.close(fd)
    except (FileNotFoundError, ProcessLookupError) as error:
        raise LabError("the lab has just ended", "./inv up builds it again") from error


def _become_program(place: str, here: str, argv: Sequence[str], extra: Mapping[str, str], root: bool) -> None:
    status = NOT_EXECUTABLE
    try:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        become(place)
        os.chdir(here if os.path.isdir(here) else "/")
        restore_signals()
        os.execvpe(argv[0], list(argv), {**os.environ, "PATH": search_path(), **extra})  # noqa: S606  no shell is the point
    except OSError as error:
        status = excuse(argv[0], error, search_path(), root=root)
    finally:
        sys.stderr.flush()
        os._exit(status)
