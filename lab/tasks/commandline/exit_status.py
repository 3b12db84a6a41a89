"""How a command ends: with a status, and an error as a sentence, never a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from lab import terminal
from lab.errors import FileError, HoplabError
from lab.program_name import spoken
from lab.refusal import refusal
from lab.tasks.commandline import standard_streams
from lab.tasks.commandline.task import Exit

INTERRUPTED = 130  # what a shell reports for a command that Ctrl-C ended
PIPE_CLOSED = 141  # and for one whose reader went away
DEFECT = 70  # EX_SOFTWARE of sysexits.h


def describe(error: HoplabError) -> str:
    """What the person reads: the message, marked as ours, and under it what they can do."""
    if isinstance(error, FileError):
        # One mistake per line and nothing before it: editors and terminals make `file:line:column` a link.
        lines = [*map(str, error.mistakes), f"hoplab: error: {error.outcome}"]
    else:
        lines = [f"hoplab: error: {error.message}"]
    if error.hint:
        lines.append(f"hint: {error.hint}")
    return spoken("\n".join(lines))


def describe_defect(error: Exception) -> str:
    """One line for what should never happen: what, where in our code, and how to see all of it."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return (
        f"hoplab: internal error: {type(error).__name__}: {error} (at {place})\n"
        "hint: this is a defect of Hoplab; HOPLAB_DEBUG=1 shows where it comes from"
    )


def status_of(act: Callable[[], None]) -> int:
    """Do it; gives the exit status, after whatever went wrong was told on standard error."""
    try:
        status, told = _outcome(act if standard_streams.prepare() else _refuse)
        if told:
            terminal.warn(told)
    except BrokenPipeError:
        status = PIPE_CLOSED
    _let_go()
    return status


def _refuse() -> None:
    raise standard_streams.closed()


def _outcome(act: Callable[[], None]) -> tuple[int, str]:
    """The status and the words for standard error. BrokenPipeError when the reader has seen enough (`| head`)."""
    try:
        return _ended(act)
    except HoplabError as error:
        return error.exit_status, describe(error)
    except KeyboardInterrupt:
        return INTERRUPTED, ""
    except BrokenPipeError:
        raise
    except Exception as error:
        refused = refusal(error)
        if refused is not None:
            return refused.exit_status, describe(refused)
        if os.environ.get("HOPLAB_DEBUG"):
            raise
        return DEFECT, describe_defect(error)


def _ended(act: Callable[[], None]) -> tuple[int, str]:
    """A reader that went away is met here, not in the interpreter's last breath."""
    status, told = 0, ""
    try:
        act()
    except Exit as asked:
        status, told = asked.code, spoken(asked.message)
    terminal.flush()
    return status, told


def _let_go() -> None:
    """Python flushes both once more at its end, and would complain then of what has been said, or nobody reads."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
