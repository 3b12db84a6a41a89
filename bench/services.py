"""Many Services: their rules on one node, beside the programs that load them; one of their endpoints in a lab."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bench import ROOT, labs, restored
from bench.api import Api
from bench.figures import Figure
from bench.listening import listening
from lab.agent.client import calls
from lab.agent.presence import folder
from lab.errors import HoplabError

MODES = ("iptables", "nftables")
PROGRAMS = {"iptables": "iptables-restore", "nftables": "nft -f"}
BUDGETED = 10_000  # Services that the budgets are for
OF_THE_PEER = 1.1  # design: multiples of the program's time for the same text
UP, FOLLOWED, USUALLY_FOLLOWED, MEMORY = 1.2, 300.0, 150.0, 350.0  # multiples of design and the same text, ms, ms, MiB
MOST_ALONE = 10_000  # as one transaction, more take minutes: the time grows with their square
LAB_NODES, MOST_IN_A_LAB = 3, 10_000  # a file of more is longer than what is read
CHANGES, QUICK_CHANGES = 50, 5
PATCHED = f"/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/{labs.CHANGED}-1"
SANDBOX = ("--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child")

Tell = Callable[[str], None]


def on_a_node(services: int, runs: int, tell: Tell) -> Iterator[Figure]:
    """Making and loading the rules of so many Services in both modes, and what a first packet pays for them."""
    told: dict[str, list[dict[str, Any]]] = {mode: [] for mode in MODES}
    for run in range(runs):
        for mode in MODES:
            tell(f"{services:,} Services in {mode} mode, run {run + 1} of {runs}")
            # What takes longest is a peer that does not vary much: it is measured once.
            told[mode].append(_one_node(mode, services, alone=run == 0 and services <= MOST_ALONE))
    for mode in MODES:
        yield from _rules(f"{services:,} Services on a node, {mode}", services, PROGRAMS[mode], told[mode])
    group = f"first packet through the last of {services:,} Services"
    for mode in MODES:
        yield Figure(group, mode, "µs", _all(told[mode], "through"))
    direct = (*_all(told[MODES[0]], "direct"), *_all(told[MODES[1]], "direct"))
    yield Figure(group, "without a Service", "µs", direct)


def _all(runs: Sequence[dict[str, Any]], name: str) -> tuple[float, ...]:
    return tuple(one for run in runs for one in run[name])


def _rules(group: str, services: int, program: str, runs: Sequence[dict[str, Any]]) -> Iterator[Figure]:
    def figure(name: str, *keys: str) -> Figure:
        return Figure(group, name, "ms", tuple(sum(run[key] for key in keys) * 1000 for run in runs))

    yield figure("make", "generate")
    yield figure("load", "load")
    both, same = figure("make and load", "generate", "load"), figure(f"{program}, same text", "same")
    yield both
    yield same
    yield both.over(same, OF_THE_PEER if services == BUDGETED else None)
    alone = tuple(run["alone"] * 1000 for run in runs if "alone" in run)
    refused = next((run["refused"] for run in runs if "refused" in run), "")
    why = "" if alone else refused or f"not for more than {MOST_ALONE:,}: it takes minutes"
    yield Figure(group, f"{program}, a transaction a table", "ms", alone, note=why)


def _one_node(mode: str, services: int, *, alone: bool) -> dict[str, Any]:
    user = ("--user", "--map-root-user") if os.geteuid() else ()
    command = [
        "unshare",
        *user,
        *SANDBOX,
        sys.executable,
        "-m",
        "bench.inside.one_node",
        mode,
        str(services),
        str(int(alone)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        raise HoplabError(f"the rules of {services} Services in {mode} mode: {done.stderr.strip()}")
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def in_a_lab(name: str, mode: str, services: int, changes: int, file: str, tell: Tell) -> Iterator[Figure]:
    """A lab of LAB_NODES nodes with so many Services: building it, its memory, and how soon its nodes follow a change.

    The lab is left standing.
    """
    group, judged = f"{services:,} Services in a lab of {LAB_NODES} nodes, {mode}", services == BUDGETED
    tell(group)
    phases = labs.build(name, file)
    for part, spent in phases.items():
        yield Figure(group, f"up: {part}", "ms", (spent,))
    whole = Figure(group, "up, in the agent", "ms", (sum(phases.values()),))
    yield whole
    if mode == "iptables":  # nft takes a transaction that nothing else may interrupt: side by side it is no faster
        alone = restored.seconds(file) * 1000
        yield Figure(group, "iptables-restore, same text, two side by side", "ms", (alone,))
        beside = Figure(group, "design and iptables-restore, same text", "ms", (phases["design"] + alone,))
        yield whole.over(beside, UP if judged else None)
    used = labs.memory(name)
    yield Figure(group, "memory", "MiB", (used,), MEMORY if judged else None, "sum of PSS")
    times = tuple(_followed(name, changes))
    note = f"{len(times)} changes of one endpoint, from the API to the last node's kernel"
    yield Figure(group, "followed, p50", "ms", times, USUALLY_FOLLOWED if judged else None, note)
    slowest = sorted(times)[math.ceil(0.99 * len(times)) - 1]
    yield Figure(group, "followed, p99", "ms", (slowest,), FOLLOWED if judged else None)


def _followed(name: str, changes: int) -> Iterator[float]:
    """Milliseconds from each change until the last node's kernel has the new rules."""
    places = [f"node-{number}" for number in range(LAB_NODES)]
    with Api(folder.of(name) / "kubeconfig") as api, calls.connect(name) as lab, listening(name, places) as nodes:
        lab.request("place", name=places[0])  # after whatever is still done to be ready for changes
        for number in range(changes):
            began = time.time()
            address = f"10.99.{number >> 8}.{number & 255}"
            api.patch(PATCHED, {"endpoints": [{"addresses": [address]}]})
            lab.request("settled")
            yield (max(node.first(began) for node in nodes) - began) * 1000
