"""`up --profile`: where the milliseconds of a whole command go.

The command is run once more, as it was typed, by a process that knows when it began and sees it end. What it notes
meanwhile it sends through a pipe, the agent's phases with its own.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from lab import BEGAN, spans, terminal
from lab.program_name import TASKS_FILE, VARIABLE
from lab.spans import Span
from lab.tasks.commandline import outputs
from lab.tasks.commandline.task import Exit
from lab.tasks.profile.flame import Profile, chrome, table

MEASURED = "HOPLAB_PROFILE"
"""Has, in the command that is measured: where to send what it notes, when it was started, and, by ./inv, when that
handed over to Python: a descriptor, nanoseconds of CLOCK_MONOTONIC, and nanoseconds since the epoch.
"""
COMMAND, AGENT = "command", "agent"
SCRIPT = "shell script"
_LEAST_DESCRIPTOR = 20  # ./inv uses some of those below


def is_measured() -> bool:
    """Whether this process is the command that is measured."""
    return MEASURED in os.environ


def measure(file: str) -> None:
    """Run what was typed, and tell where its time went: in a table, and in a file where one is named. Exit with its
    status.
    """
    with outputs.opened(profile=file) as opened:
        status, profile = _measured(sys.stderr if opened.on_standard else None)
        if profile is not None:
            opened.write_text("profile", chrome(profile))
            if not opened.on_standard:
                terminal.out(f"\n{table(profile)}")
    if status:
        raise Exit(code=status)


def _measured(says_to: TextIO | None) -> tuple[int, Profile | None]:
    """Its status as a shell tells it, and the profile of one that has come to its end. None: it says what it does where
    it always does.
    """
    reading, writing = os.pipe()
    high = fcntl.fcntl(writing, fcntl.F_DUPFD_CLOEXEC, _LEAST_DESCRIPTOR)
    os.close(writing)
    began = spans.now()
    with _signals_handed_on() as begin, os.fdopen(reading, "rb") as told:
        environment = {**os.environ, MEASURED: f"{high} {began}"}
        process = subprocess.Popen(_typed(), env=environment, pass_fds=[high], stdout=says_to)
        begin(process)
        os.close(high)
        text = told.read()
        status = process.wait()
    end = spans.now()
    if not text:
        return status if status >= 0 else 128 - status, None
    noted = {name: [Span(*one) for one in of_one] for name, of_one in json.loads(text).items()}
    last = max(one.end for one in noted[COMMAND])
    noted[COMMAND].append(Span("ending", last, end))
    return status, Profile("up", began, end, noted)


def _typed() -> list[str]:
    """The command line of this process, so that it is the same program; of ./inv all of it, not the Python alone."""
    script = Path(sys.argv[0])
    if script.name == TASKS_FILE and os.environ.get(VARIABLE):
        return [str(script.resolve().with_name("inv")), *sys.argv[1:]]
    return [sys.executable, *sys.orig_argv[1:]]


@contextmanager
def _signals_handed_on() -> Iterator[Callable[[subprocess.Popen[bytes]], None]]:
    """Ctrl-C reaches both, and the other one says how it ends; what is sent to us alone is meant for the process that
    is told to what this gives, also when it came before.
    """
    to: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def hand_on(number: int, _frame: object) -> None:
        for process in to:
            process.send_signal(number)
        if not to:
            early.append(number)

    def begin(process: subprocess.Popen[bytes]) -> None:
        to.append(process)
        for number in early:
            process.send_signal(number)

    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, hand_on)
    try:
        yield begin
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def note(work: Callable[[], Mapping[str, Any]]) -> None:
    """In the command that is measured: do the work, which gives an `up`'s answer with the agent's phases, and send what
    was noted when it has succeeded.
    """
    descriptor, began, *handed = map(int, os.environ.pop(MEASURED).split())
    with spans.recording() as of_command:
        begun = began
        for at in handed:
            begun = at - time.time_ns() + spans.now()
            of_command.append(Span(SCRIPT, began, begun))
        of_command.append(Span("interpreter", begun, BEGAN))
        spans.note("imports and the command line", BEGAN)
        result = work()
    of_agent = [one for one in (Span(*told) for told in result["profile"]) if one.begin >= began]
    with os.fdopen(descriptor, "w") as pipe:
        json.dump({COMMAND: of_command, AGENT: of_agent}, pipe)
