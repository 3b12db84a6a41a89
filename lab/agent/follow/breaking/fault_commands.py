"""Faults for which nothing in a network's design stands: commands, run in their place."""

from __future__ import annotations

from collections.abc import Sequence

from lab.agent.place_programs import Programs
from lab.errors import HoplabError
from lab.kernel.rules import running


def run(programs: Programs, place: str, commands: Sequence[tuple[str, str]], back: Sequence[tuple[str, str]]) -> None:
    """The programs in the place, one after the other; where one fails, those that take back what was done."""
    done = 0
    with programs.entered(place):
        try:
            for command, given in commands:
                running.start(place, command, given).result()
                done += 1
        except HoplabError:
            for command, given in back if done else ():
                running.start(place, command, given).process.communicate()
            raise
