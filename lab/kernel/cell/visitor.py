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
from dataclasses import dataclass, field
from typing import NoReturn

from lab.errors import LabError
from lab.kernel import seccomp
from lab.kernel.cell import crowd, pty
from lab.kernel.cell.door import Door
from lab.kernel.cell.enter import ENVIRONMENT, NOT_EXECUTABLE, NOT_FOUND, excuse, execute
from lab.kernel.cell.feeding import Feed
from lab.kernel.cell.keyboard import Keyboard
from lab.kernel.cell.relay import Relay
from lab.kernel.sandbox import capabilities, identity
from lab.kernel.sandbox.cgroups import cgroup
from lab.kernel.sandbox.sandbox import Sandbox
from lab.kernel.syscalls import PR_SET_DUMPABLE, PR_SET_PDEATHSIG, prctl

_PASSED_ON = ("TERM", "LANG", "COLORTERM")
_FORWARDED = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP)
_TO_ALL = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)  # terminals send them to whatever a command has started
STANDARD = (0, 1, 2)
_UNBOUNDED = """\
hoplab: {program} runs outside of the lab's limits: its control group is one that we may not leave for the lab's
hint: systemd-run --user --scope ./inv exec …
"""


@dataclass(frozen=True, slots=True)
class Visit:
    """A cell as it is reached from outside: the process id of its init, in the sandbox, the capabilities that a program
    may have in it, the folders of the person's that it shows, and the variables of whatever runs there.
    """

    sandbox: Sandbox
    place: str
    init: int
    capabilities: tuple[str, ...]
    shared: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

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
    environment = _environment({**visit.variables, **extra})
    refusing = os.pipe2(os.O_CLOEXEC)
    sys.stdout.flush()
    guide = os.fork()
    if guide == 0:
        os.close(refusing[0])
        _guide(visit, door, streams, argv, environment, refusing[1])
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
    return _excuse(visit, argv[0], int(told), environment["PATH"]) if told else code


def _excuse(visit: Visit, program: str, number: int, path: str) -> int:
    """Say why the place could not run it, looked for in `path`; gives the status."""
    refused = OSError(number, os.strerror(number))
    if isinstance(refused, FileNotFoundError):
        from lab.kernel.cell import unseen  # noqa: PLC0415  10 ms that only who asks for what is not there waits for

        own = os.pathsep.join((os.environ.get("PATH", os.defpath), ENVIRONMENT["PATH"]))
        if told := unseen.reason(program, path, own, visit.shared):
            sys.stderr.write(told)
            return NOT_FOUND
    return excuse(program, refused, path, root=os.geteuid() == 0)


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
        ours, theirs = pty.open_in(f"{visit.proc}/{visit.init}/root")
    except OSError as error:
        if not os.path.isdir(f"{visit.proc}/{visit.init}"):
            raise _ended() from error
        why = os.strerror(error.errno or 0)
        raise LabError(
            f"{visit.place} has no terminal to give: its /dev is not as it was made ({why})",
            f"a command whose output goes elsewhere needs none: ./inv exec {visit.place} -- … | cat",
        ) from error
    if sits[0] and not sits[1]:
        pty.hush(theirs)
    at = [theirs if there else fd for there, fd in zip(sits, given, strict=True)]
    return _Streams((at[0], at[1], at[2]), feed, ours, theirs)


def _accompany(guide: int, ours: int | None) -> int:
    """Stay with it: relay, hand signals on, and give its status."""

    def hand_on(number: int, _frame: object) -> None:
        with suppress(ProcessLookupError):
            os.kill(guide, number)

    for number in _FORWARDED:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, hand_on)
    if ours is not None:
        screen = next(fd for fd in (1, 2) if os.isatty(fd))
        # Whoever reads what it says, such as a pager, has the same terminal: with lines alone it can be shared.
        keyboard = Keyboard(0, keys=os.isatty(1)) if os.isatty(0) else None
        pidfd = os.pidfd_open(guide)
        try:
            Relay(ours, keyboard, screen).run(pidfd)
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
    """The process whose child is born in the cell: it waits for that, and ends as it ends.

    What the person's terminal sends to all of a job it hears from who stays with it, and once.
    """
    status = NOT_EXECUTABLE
    try:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.setpgid(0, 0)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # what it says of itself, it says from the background
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
            signal.signal(number, lambda number, _frame: _hand_in(child, number))
        os.close(refusing)
        door.close()
        if streams.theirs is not None:
            os.close(streams.theirs)
        _, waited = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(waited)
        status = code if code >= 0 else 128 - code
    except OSError as error:
        sys.stderr.write(crowd.sentence(visit.place, error))
    finally:
        sys.stderr.flush()
        os._exit(status)


def _hand_in(child: int, number: int) -> None:
    """Hand a signal on to the program, which leads a group of its own as soon as it begins."""
    try:
        (os.killpg if number in _TO_ALL else os.kill)(child, number)
    except ProcessLookupError:
        os.kill(child, number)


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
    from lab.program_name import spoken  # noqa: PLC0415  hardly anybody is told

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
            pty.control(streams.theirs)
        for fd, stream in zip(streams.standard, STANDARD, strict=True):
            os.dup2(fd, stream)
        with suppress(OSError):
            os.chdir(start)
        seccomp.give_up()
        capabilities.keep(kept)
        error = execute(argv, environment)
        status = NOT_EXECUTABLE
        os.write(refusing, str(error.errno).encode())
    finally:
        os._exit(status)
