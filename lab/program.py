"""The `hoplab` program: it reads the command line and does what is asked for; `./inv` is the same plus the developers'
tasks.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import PurePath

from lab import terminal
from lab.errors import HoplabError
from lab.kernel.host import limits
from lab.program_name import program
from lab.tasks import TASKS
from lab.tasks.commandline import parsing
from lab.tasks.commandline.exit_status import status_of
from lab.tasks.commandline.task import Command, Context


def act(named: parsing.Tasks, words: Sequence[str]) -> None:
    """Do what these words ask for, with these tasks. Exit, or an error of Hoplab's, for an end that is none."""
    asked = parsing.parse(named, words)
    if isinstance(asked, parsing.Wanted):
        if asked.command.enters:
            from lab.tasks.commandline import into_machine  # noqa: PLC0415  # only these commands may have to run elsewhere

            into_machine.forward(asked)
        asked.command(Context(asked.rest), **asked.arguments)
    else:
        _tell(named, asked)


def _tell(tasks: parsing.Tasks, asked: parsing.Asked) -> None:
    """What the command line says about itself."""
    from lab.tasks.commandline import usage  # noqa: PLC0415  # a task that runs needs none of it

    match asked:
        case parsing.Help(None):
            terminal.out(usage.FIRST_SCREEN)
        case parsing.Help(Command() as command):
            terminal.out(usage.task(command, terminal.width()))
        case parsing.Listing():
            terminal.out(usage.listing(tasks, terminal.width()))
        case parsing.Version():
            terminal.out(f"Hoplab {_version()}")
        case parsing.Script(shell):
            from lab.tasks.commandline.completionscripts import script  # noqa: PLC0415

            terminal.data(script(shell, PurePath(program()).name))
        case parsing.Completion(words):
            _complete(tasks, words)


def _complete(tasks: parsing.Tasks, words: Sequence[str]) -> None:
    """The candidates, one a line. Whatever goes wrong, nothing is said: a person is in the middle of a line."""
    from lab.tasks.commandline import known  # noqa: PLC0415
    from lab.tasks.commandline.completing import candidates  # noqa: PLC0415

    known.be_quick()
    try:
        found = candidates(tasks, words, known.Machine())
    except HoplabError:
        return
    terminal.data("".join(f"{one}\n" for one in found))


def _version() -> str:
    """Of the installed package."""
    from importlib.metadata import version  # noqa: PLC0415  # 40 ms that only --version needs

    return version("hoplab")


def run(tasks: parsing.Tasks) -> None:
    """Do what the command line says with these tasks, and end the process with the right status."""

    def asked() -> None:
        limits.require(limits.COMMAND)
        act(tasks, sys.argv[1:])

    status = status_of(asked)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # there is nothing left to interrupt: what was told is how it ended
    os._exit(status)  # all is told and sent, and to take the interpreter apart takes 10 ms


def main() -> None:
    """`hoplab`: all tasks but the developers'."""
    run(TASKS)
