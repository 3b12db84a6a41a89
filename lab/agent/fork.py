"""An agent that is forked from the command that starts it, which has imported half of what both are made of: 0.1 s less
than with an interpreter of its own.

It keeps nothing of the command: not its session and terminal, its folder, its open files, what it does on signals,
its output. For a process with one thread only.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, NoReturn

from lab import spans
from lab.agent.client import spawn
from lab.agent.client.spawn import Started
from lab.kernel.sandbox import title
from lab.kernel.sandbox.confinement import USUAL, Confinement

_MOST_DESCRIPTORS = 1 << 20


@dataclass(frozen=True, slots=True)
class Forked:
    """A process of ours that was not started by `subprocess`."""

    pid: int

    def wait(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


def start(
    lab: str, confinement: Confinement | None, patience: float = spawn.START_SECONDS, *, warm: bool = False
) -> Started | None:
    """As `spawn.start`. A `warm` process has everything imported already."""

    def run(command: Sequence[str], environment: Mapping[str, str]) -> tuple[Forked, IO[bytes]]:
        reading, writing = os.pipe2(os.O_CLOEXEC)
        began = spans.now()
        # Whoever presses Ctrl-C means the command: until it has a session of its own it hears nothing of it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            pid = os.fork()
            if pid == 0:
                _live(command, environment, writing, lab, confinement or USUAL, began, warm=warm)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(writing)
        return Forked(pid), os.fdopen(reading, "rb", buffering=0)

    return spawn.start(lab, confinement, patience, run)


def _live(
    command: Sequence[str],
    environment: Mapping[str, str],
    words: int,
    lab: str,
    confinement: Confinement,
    began: int,
    *,
    warm: bool,
) -> NoReturn:
    status = 1
    try:
        sys.excepthook = sys.__excepthook__
        _let_go(words)
        os.environ.update(environment)
        try:
            name = title.change(command)
        except OSError:  # nobody would know it by its words: it is started as others are
            os.execve(command[0], [*command], os.environ)  # noqa: S606  the same program, by its path
        from lab.agent.__main__ import begin  # noqa: PLC0415  the command does not wait for that

        begin(lab, confinement, began, warm=warm)
        name.flush()  # it was kept until here
        status = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def _let_go(words: int) -> None:
    """Be a process as it is started afresh, whose standard output is `words`."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # what came of it until now is forgotten
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.chdir("/")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(words, 1)
    os.closerange(3, _MOST_DESCRIPTORS)
    # What the command has written and not sent yet is the command's.
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, closefd=False) for number, mode in ((0, "r"), (1, "w"), (2, "w"))
    )
