"""Many traces begun at once in one place: how long the last one takes beside one alone, and whether its times are its
own.

A trace is at work nearly all of its time, so of many on a few processors the last takes as many times longer as there
are traces to a processor, whatever they do; that is said beside the figure.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from statistics import median
from threading import Thread

from bench import ROOT, labs
from bench.figures import Figure

TRACES = 30
MOST_TIMES = 5.0
ASKED = ("--from", "namespace001/pod-0", "--to", "myapp.namespace001")
GROUP = f"{TRACES} traces at once, of one pod"


def figures(name: str, runs: int) -> Iterator[Figure]:
    """With two-subnet standing: whole processes, and the requests' own times as the journeys tell them."""
    one, slowest, own, own_at_once = [], [], [], []
    for _ in range(runs):
        ((spent, told),) = _at_once(name, 1)
        one.append(spent)
        own.append(told)
        found = _at_once(name, TRACES)
        slowest.append(max(spent for spent, _ in found))
        own_at_once.append(median(told for _, told in found))
    alone = Figure(GROUP, "one alone", "ms", tuple(one))
    last = Figure(GROUP, "the last of them", "ms", tuple(slowest))
    share = TRACES / (os.cpu_count() or 1)
    times = last.over(alone, MOST_TIMES)
    yield from (alone, last)
    yield Figure(GROUP, times.name, "times", times.runs, MOST_TIMES, f"{share:g} traces to a processor")
    yield Figure(GROUP, "request and answer, alone", "ms", tuple(own))
    yield Figure(GROUP, "request and answer, at once", "ms", tuple(own_at_once), note="median of them")


def _at_once(name: str, number: int) -> list[tuple[float, float]]:
    """Of each its whole process and what it tells that its request took, in ms. CalledProcessError if one fails."""
    found: list[tuple[float, float]] = []
    failed: list[Exception] = []

    def ask() -> None:
        argv = [*labs.command(), "trace", *ASKED, "--lab", name, "--json", "-"]
        began = time.monotonic()
        try:
            done = subprocess.run(argv, capture_output=True, check=True, cwd=ROOT)
        except subprocess.CalledProcessError as error:
            failed.append(error)
            return
        spent = (time.monotonic() - began) * 1000
        found.append((spent, json.loads(done.stdout)["duration_us"] / 1000))

    threads = [Thread(target=ask) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return found
