"""A task that ends as a command should: its errors are a sentence and an exit status, never a traceback.

This lives in the task and not in the program, so that `invoke TASK` by hand behaves as `hoplab TASK` does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import overload

from invoke import Exit, Task, task

from lab.errors import FileError, HoplabError

INTERRUPTED = 130  # what a shell reports for a command that Ctrl-C ended
PIPE_CLOSED = 141  # and for one whose reader went away
DEFECT = 70  # EX_SOFTWARE of sysexits.h

LAB = {"lab": "Which lab; without it the only one running, or HOPLAB_LAB."}
"""Help for the option that every task on a running lab has."""


def describe(error: HoplabError) -> str:
    """What the person reads: the message, marked as ours, and under it what they can do."""
    if isinstance(error, FileError):
        # One mistake per line and nothing before it: editors and terminals make `file:line:column` a link.
        lines = [*map(str, error.mistakes), f"hoplab: error: {error.outcome}"]
    else:
        lines = [f"hoplab: error: {error.message}"]
    if error.hint:
        lines.append(f"hint: {error.hint}")
    return "\n".join(lines)


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


def remainder(arguments: list[str] | None = None) -> tuple[str, ...]:
    """Everything after `--` on the command line, word by word as it was typed.

    Invoke joins these words with spaces, and so forgets which of them belonged together; the process's own arguments
    still tell, whichever program runs the task.
    """
    words = sys.argv if arguments is None else arguments
    return tuple(words[words.index("--") + 1 :]) if "--" in words else ()


class Command(Task[Callable[..., None]]):
    """A task of Invoke whose errors are what `describe` says, with the error's own exit status."""

    def __call__(self, *args: object, **kwargs: object) -> Callable[..., None]:
        try:
            result = super().__call__(*args, **kwargs)
            sys.stdout.flush()  # a reader that went away is met here, not in the interpreter's last breath
        except HoplabError as error:
            raise Exit(describe(error), code=error.exit_status) from error
        except KeyboardInterrupt:
            raise Exit(code=INTERRUPTED) from None
        except BrokenPipeError:
            # The reader has seen enough (`| head`). Python would complain once more when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise Exit(code=PIPE_CLOSED) from None
        except Exception as error:
            if isinstance(error, Exit) or os.environ.get("HOPLAB_DEBUG"):
                raise
            raise Exit(describe_defect(error), code=DEFECT) from error
        return result


@overload
def command(body: Callable[..., None], /) -> Command: ...
@overload
def command(**options: object) -> Callable[[Callable[..., None]], Command]: ...
def command(*body: Callable[..., None], **options: object) -> object:
    """Invoke's `task` decorator, making a `Command`."""
    return task(*body, klass=Command, **options)
