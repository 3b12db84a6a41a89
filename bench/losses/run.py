"""`bench --losses`: draws breaks until so many have lost their request, tries each, and prints the table."""

from __future__ import annotations

import os
import platform
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.losses.configuration import CONFIGURATIONS, Configuration
from bench.losses.drawing import draw
from bench.losses.table import as_json, as_table, failures
from bench.losses.trial import Bed, Outcome
from bench.printing import put
from lab import terminal
from lab.errors import UsageError
from lab.tasks.commandline.task import Exit

SEED, BREAKS, MOST = 10, 500, 10_000
NOT_AS_IT_SHOULD_BE = 3


@contextmanager
def bed(configuration: Configuration) -> Iterator[Bed]:
    """A lab of that configuration for the length of the block."""
    one = Bed(configuration, f"losses-{os.getpid()}-{configuration.name}")
    try:
        one.begin()
        yield one
    finally:
        one.end()


def attempts(configuration: Configuration, seed: int, breaks: int, tell: Callable[[Outcome], None]) -> list[Outcome]:
    """The outcomes of a configuration's breaks, in order, until so many have lost their request."""
    found: list[Outcome] = []
    if not breaks:
        return found
    lost = 0
    with bed(configuration) as one:
        for drawn in draw(configuration, seed):
            outcome = one.attempt(drawn)
            found.append(outcome)
            tell(outcome)
            lost += outcome.is_loss
            if lost == breaks:
                break
    return found


def losses(seed: int, breaks: int, json_file: str) -> None:
    """Try them, and print the table; with `json_file` the JSON is written there too, or printed instead for `-`.

    Status 3 when something was not named, or a fix did not mend.
    """
    if not 1 <= breaks <= MOST:
        raise UsageError(f"{breaks} breaks are not possible", f"1 to {MOST}: --breaks {BREAKS}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    share, rest = divmod(breaks, len(CONFIGURATIONS))
    found: list[Outcome] = []
    with terminal.Progress("losses") as progress:

        def tell(outcome: Outcome) -> None:
            done.append(outcome)
            progress.show(sum(one.is_loss for one in done), breaks, outcome.drawn.configuration)

        done: list[Outcome] = []
        for number, configuration in enumerate(CONFIGURATIONS):
            found += attempts(configuration, seed, share + (number < rest), tell)
    kernel = platform.release()
    put(as_table(seed, kernel, found), as_json(seed, kernel, found), json_file)
    if failures(found):
        raise Exit(code=NOT_AS_IT_SHOULD_BE)
