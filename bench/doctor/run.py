"""`bench --doctor`: puts in what was drawn, case by case, and prints the table."""

from __future__ import annotations

import os
import platform
import signal

from bench.doctor.case import BROKEN, cases
from bench.doctor.table import as_json, as_table
from bench.doctor.trial import bed
from bench.doctor.verdict import Outcome
from bench.printing import put
from lab import terminal
from lab.errors import UsageError
from lab.tasks.commandline.task import Exit

SEED, MOST = 10, 10_000
NOT_AS_IT_SHOULD_BE = 3


def judge(seed: int, number: int, pairs: int, json_file: str) -> None:
    """Try so many faults, 0 for every one on every place, and so many pairs, and print the table; with `json_file` the
    JSON is written there too, or printed instead for `-`. Status 3 when something was not named, mended or cleared.
    """
    if not 0 <= number <= MOST or not 0 <= pairs <= MOST:
        raise UsageError(f"{number} faults and {pairs} pairs are not possible", f"0 to {MOST} of each")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    drawn = cases(seed, number, pairs)
    found: list[Outcome] = []
    with terminal.Progress("doctor") as progress:
        for configuration in BROKEN:
            own = [case for case in drawn if case.configuration == configuration.name]
            if not own:
                continue
            with bed(configuration, f"doctor-{os.getpid()}-{configuration.name}") as one:
                for case in own:
                    progress.show(len(found), len(drawn), str(case))
                    found.append(one.attempt(case))
                    if found[-1].wrongs:  # hours before the table
                        terminal.warn(f"{case}: {', '.join(found[-1].wrongs)}")
    kernel = platform.release()
    put(as_table(seed, kernel, found), as_json(seed, kernel, found), json_file)
    if any(one.wrongs for one in found):
        raise Exit(code=NOT_AS_IT_SHOULD_BE)
