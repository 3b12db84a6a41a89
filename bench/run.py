"""`bench`: what is asked for, measured, and told."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from bench.figures import as_json, as_table
from bench.machine import load, machine
from bench.measure import Bench
from lab import terminal
from lab.errors import UsageError

COUNTS = (100, 1000)
MOST_PODS = 5000
RUNS, QUICK_RUNS = 3, 1


def counts(pods: str) -> tuple[int, ...]:
    """The numbers of pods in `--pods`. UsageError if it holds anything else."""
    if not pods:
        return COUNTS
    words = pods.split(",")
    if not all(word.isdecimal() and 1 <= int(word) <= MOST_PODS for word in words):
        raise UsageError(f"--pods {pods!r} is not a list of numbers of pods", f"1 to {MOST_PODS}: --pods 100,1000")
    return tuple(int(word) for word in words)


def bench(pods: str, quick: bool, json_file: str) -> None:
    """Measure, and print the table; with `json_file` the JSON is written there too, or printed instead for `-`."""
    wanted = counts(pods)
    # Asked to end, it ends as for Ctrl-C: the labs that it built go with it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    found = machine()
    with terminal.Progress("bench") as progress:
        figures = tuple(Bench(QUICK_RUNS if quick else RUNS, lambda what: progress.show(0, 1, what)).all(wanted))
    found["load_after"] = load()
    text = json.dumps(as_json(found, figures), indent=1, ensure_ascii=False)
    if json_file == "-":
        terminal.out(text)
        return
    terminal.out(as_table(found, figures))
    if json_file:
        Path(json_file).write_text(f"{text}\n", encoding="utf-8")
