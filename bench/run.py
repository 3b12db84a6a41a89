"""`bench`: what is asked for, measured, and told."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count

from bench.continuity import CHANGES, QUICK_CHANGES, figures
from bench.figures import Figure, as_json, as_table
from bench.machine import load, machine
from bench.measure import Bench
from bench.printing import put
from lab import terminal
from lab.errors import UsageError

COUNTS, SERVICES, NODES, MANY = (100, 1000), (1000, 10_000), 100, 10_000
MOST_PODS, MOST_SERVICES, MOST_NODES, MOST_CHANGES = 10_000, 30_000, 200, 10_000
RUNS, QUICK_RUNS = 3, 1


def counts(words: str, option: str, most: int, usual: tuple[int, ...]) -> tuple[int, ...]:
    """The numbers that follow an option, `usual` where there are none. UsageError if it holds anything else."""
    if not words:
        return usual
    if words == "0":
        return ()
    found = words.split(",")
    if not all(word.isdecimal() and 1 <= int(word) <= most for word in found):
        told = f"{option} {words!r} is not a list of numbers"
        raise UsageError(told, f"1 to {most}: {option} {','.join(map(str, usual))}, or 0 for none")
    return tuple(int(word) for word in found)


def _one(option: str, words: str, most: int, usual: int) -> int:
    """The number that follows an option that takes one, 0 for none."""
    found = counts(words, option, most, (usual,))
    if len(found) > 1:
        raise UsageError(f"{option} {words!r} is several numbers", f"there is one such lab: {option} {usual}")
    return sum(found)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be measured, as people type it: "" for the usual."""

    pods: str = ""
    services: str = ""
    nodes: str = ""
    many: str = ""
    quick: bool = False


def bench(asked: Asked, json_file: str) -> None:
    """Measure, and print the table; with `json_file` the JSON is written there too, or printed instead for `-`."""
    pods = counts(asked.pods, "--pods", MOST_PODS, COUNTS)
    services = counts(asked.services, "--services", MOST_SERVICES, SERVICES)
    nodes = _one("--nodes", asked.nodes, MOST_NODES, NODES)
    many = _one("--many", asked.many, MOST_PODS, MANY)
    runs = QUICK_RUNS if asked.quick else RUNS
    _measure(lambda tell: Bench(runs, tell).all(pods, services, nodes, many), json_file)


def continuity(changes: int, json_file: str, *, quick: bool) -> None:
    """What is lost in so many changes of every kind (0 for the usual number), printed as `bench` prints its figures."""
    number = changes or (QUICK_CHANGES if quick else CHANGES)
    if not 0 < number <= MOST_CHANGES:
        raise UsageError(f"{changes} changes of a kind are not possible", f"1 to {MOST_CHANGES}: --changes {CHANGES}")
    names = (f"bench-{os.getpid()}-{one}" for one in count())
    _measure(lambda tell: figures(lambda: next(names), number, tell), json_file)


def _measure(work: Callable[[Callable[[str], None]], Iterable[Figure]], json_file: str) -> None:
    # Asked to end, it ends as for Ctrl-C: the labs that it built go with it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    found = machine()
    with terminal.Progress("bench") as progress:
        measured = tuple(work(lambda what: progress.show(0, 1, what)))
    found["load_after"] = load()
    put(as_table(found, measured), as_json(found, measured), json_file)
