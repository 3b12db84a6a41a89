"""Running a program inside a running lab, from outside: `exec` and `shell`.

It runs in its place's cell, with none of the person's files and variables, and ends with us. Where the person sits at a
terminal it gets one of the cell's own.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from lab.errors import LabError
from lab.kernel.enter import ENVIRONMENT, NOT_EXECUTABLE, NOT_FOUND, excuse, execute
from lab.kernel.feeding import Feed
from lab.kernel.places import Sandbox
from lab.kernel.sandbox import calls, capabilities, cgroup, identity, terminal
from lab.kernel.sandbox.door import Door
from lab.kernel.syscalls import PR_SET_DUMPABLE, PR_SET_PDEATHSIG, prctl

_PASSED_ON = ("TERM", "LANG", "COLORTERM")
_FORWARDED = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP)
STANDARD = (0, 1, 2)
_UNSEEN = """\
hoplab: {program}: {here} is not seen in places, which show this machine's /usr and /opt
hint: share its folder when the lab is built: up --share {folder}
"""
_UNBOUNDED = """\
hoplab: {program} runs outside of the lab's limits: its control group is one that we may not leave for the lab's
hint: systemd-run --user --scope ./inv exec …
"""


@dataclass(frozen=True, slots=True)
class Visit:
    """A cell as it is reached from outside: the process id of its init, in the sandbox, the capabilities that a program
    may have in it, and the folders of the person's that it shows.
    """

    sandbox: Sandbox
    place: str
    init: int
    capabilities: tuple[str, ...]
    shared: tuple[str, ...] = ()

    @property
    def proc(self) -> str:
        """The sandbox's /proc."""
        return f"/proc/{self.sandbox.pid}/root/proc"


def run(visit: Visit, argv: Sequence[str], extra: Mapping[str, str]) -> int:
    """Run `argv` in the place with our standard streams, and `extra` beside the few variables that a cell has. Gives
    its exit status, as a shell would. LabError when the lab has just ended.
    """
    try:
        door = Door.of(visit.init, visit.proc)
    except (FileNotFoundError, ProcessLookupError) as error:
        raise _ended() from error
    streams = _streams(visit)
    _keep_descriptors()
    refusing = os.pipe2(os.O_CLOEXEC)
    sys.stdout.flush()
    guide = os.fork()
    if guide == 0:
        os.close(refusing[0])
        _guide(visit, door, streams, argv, _environment(extra), refusing[1])
    os.close(refusing[1])
    door.close()
    if streams.theirs is not None:
        os.close(streams.theirs)
    if streams.feed is not None:
        streams.feed.begin()
    code = _accompany(guide, streams.ours)
    if streams.feed is not None:
        streams.feed.end()
    with os.fdopen(refusing[0], "rb") as pipe:
        told = pipe.read()
    if told:
        refused = OSError(int(told), os.strerror(int(told)))
        import shutil  # noqa: PLC0415  10 ms that only who asks for what is not there waits for

        here = shutil.which(argv[0]) if isinstance(refused, FileNotFoundError) else None
        if here:
            sys.stderr.write(_UNSEEN.format(program=argv[0], here=here, folder=os.path.dirname(os.path.realpath(here))))
            return NOT_FOUND
        return excuse(argv[0], refused, ENVIRONMENT["PATH"], root=os.geteuid() == 0)
    return code


def _ended() -> LabError:
    return LabError("the lab has just ended", "./inv up builds it again")


def _keep_descriptors() -> None:
    """Whatever else we were given open by who started us is not the program's."""
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # the listing's own is closed by now
            if int(name) not in STANDARD:
                os.set_inheritable(int(name), False)


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**ENVIRONMENT, **passed, **extra}


@dataclass(frozen=True, slots=True)
class _Streams:
    """The program's standard streams, and what feeds the first of them where that is a file; where the person sits at
    a terminal also both ends of one of the cell's.
    """

    standard: tuple[int, int, int]
    feed: Feed | None = None
    ours: int | None = None
    theirs: int | None = None


def _streams(visit: Visit) -> _Streams:
    sits = [os.isatty(fd) for fd in STANDARD]
    feed = Feed.of(STANDARD[0])
    given = (feed.reading if feed else STANDARD[0], *STANDARD[1:])
    if not any(sits):
        return _Streams(given, feed)
    if not any(sits[1:]):
        # What it says goes elsewhere, such as to a pager, which is who reads what is typed.
        return _Streams((os.open(os.devnull, os.O_RDONLY), 1, 2))
    try:
        ours, theirs = terminal.open_in(f"{visit.proc}/{visit.init}/root")
    except OSError as error:
        if not os.path.isdir(f"{visit.proc}/{visit.init}"):
            raise _ended() from error
        why = os.strerror(error.errno or 0)
        raise LabError(
            f"{visit.place} has no terminal to give: its /dev is not as it was made ({why})",
            f"a command whose output goes elsewhere needs none: ./inv exec {visit.place} -- … | cat",
        ) from error
    at = [theirs if there else fd for there, fd in zip(sits, given, strict=True)]
    return _Streams((at[0], at[1], at[2]), feed, ours, theirs)


def _accompany(guide: int, ours: int | None) -> int:
    """Stay with it: relay, hand signals on, and give its status."""

    def hand_on(number: int, _frame: object) -> None:
        with suppress(ProcessLookupError):
            os.kill(guide, number)

    for number in _FORWARDED:
        signal.signal(number, hand_on)
    if ours is not None:
        screen = next(fd for fd in (1, 2) if os.isatty(fd))
        pidfd = os.pidfd_open(guide)
        try:
            terminal.Relay(ours, 0 if os.isatty(0) else None, screen).run(pidfd)
        finally:
            os.close(pidfd)
            os.close(ours)
    _, status = os.waitpid(guide, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _guide(
    visit: Visit,
    door: Door,
    streams: _Streams,
    argv: Sequence[str],
    environment: Mapping[str, str],
    refusing: int,
) -> NoReturn:
    """The process whose child is born in the cell: it waits for that, and ends as it ends."""
    status = NOT_EXECUTABLE
    try:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if streams.feed is not None:
            streams.feed.leave()
        here = os.getcwd()
        bounded = _enter_groups(visit)
        visit.sandbox.join_user_namespace()
        door.send_children()
        if not bounded:
            _tell_of_no_limits(argv[0])
        prctl(PR_SET_DUMPABLE, 0)  # whoever is in the cell sees it before it has let go of all that is outside
        child = os.fork()
        if child == 0:
            start = here if any(f"{here}/".startswith(f"{one}/") for one in visit.shared) else "/"
            _become_program(door, streams, argv, environment, visit.capabilities, start, refusing)
        for number in _FORWARDED:
            signal.signal(number, lambda number, _frame: os.kill(child, number))
        os.close(refusing)
        door.close()
        if streams.theirs is not None:
            os.close(streams.theirs)
        _, waited = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(waited)
        status = code if code >= 0 else 128 - code
    except OSError as error:
        sys.stderr.write(f"hoplab: {visit.place} cannot be entered: {error.strerror}\n")
    finally:
        sys.stderr.flush()
        os._exit(status)


def _enter_groups(visit: Visit) -> bool:
    """Whether what this process starts is within the lab's limits. The kernel lets only those move from one control
    group to another who may write in a group around both: from another session of theirs people may not.
    """
    try:
        cgroup.enter(cgroup.inside(f"/proc/{visit.sandbox.pid}/root"))
    except OSError:
        return False
    return True


def _tell_of_no_limits(program: str) -> None:
    from lab.calling import spoken  # noqa: PLC0415  hardly anybody is told

    with suppress(OSError):
        sys.stderr.write(spoken(_UNBOUNDED.format(program=program)))
        sys.stderr.flush()


def _become_program(
    door: Door,
    streams: _Streams,
    argv: Sequence[str],
    environment: Mapping[str, str],
    kept: Sequence[str],
    start: str,
    refusing: int,
) -> NoReturn:
    status = NOT_EXECUTABLE
    try:
        for number in _FORWARDED:
            signal.signal(number, signal.SIG_DFL)
        door.enter()
        identity.become_root()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # becoming somebody else has undone it
        os.setsid()
        if streams.theirs is not None:
            terminal.control(streams.theirs)
        for fd, stream in zip(streams.standard, STANDARD, strict=True):
            os.dup2(fd, stream)
        with suppress(OSError):
            os.chdir(start)
        calls.give_up()
        capabilities.keep(kept)
        error = execute(argv, environment)
        status = NOT_EXECUTABLE
        os.write(refusing, str(error.errno).encode())
    finally:
        os._exit(status)
