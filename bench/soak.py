"""`bench --soak`: a Deployment of ten and its Service come and go again and again; what the lab keeps is measured.

Each cycle waits until all ten are endpoints and, after both were deleted, until the last pod is gone. Every tenth makes
a request through the Service that must be answered.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import ROOT, labs
from bench.api import Api
from lab import terminal
from lab.agent.presence import folder
from lab.agent.presence.folder import KUBECONFIG
from lab.errors import LabError, UsageError
from lab.tasks.commandline.task import Exit

REPLICAS = 10
WARM = 200  # cycles after which what is remembered has reached its bounds
BUDGET_MIB = 5.0  # what the cycles after these may add
TOLD_EVERY, ASKED_EVERY = 100, 10
PATIENCE_SECONDS, LOOK_EVERY_SECONDS = 60.0, 0.02
MOST = 100_000
NOT_AS_IT_SHOULD_BE = 3

SPACE = "/api/v1/namespaces/default"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name"
LABELS = {"app": "soak"}
SERVICE = {"spec": {"selector": LABELS, "ports": [{"port": 80, "targetPort": 8080}]}}
DEPLOYMENT = {
    "spec": {
        "replicas": REPLICAS,
        "selector": {"matchLabels": LABELS},
        "template": {
            "metadata": {"labels": LABELS},
            "spec": {"containers": [{"name": "server", "image": "built-in", "ports": [{"containerPort": 8080}]}]},
        },
    },
}


def soak(cycles: int, json_file: str) -> None:
    """So many cycles; a line each hundred on standard output. Status 3 if those after the first 200 kept too much."""
    if not 1 <= cycles <= MOST:
        raise UsageError(f"{cycles} cycles are not possible", f"1 to {MOST}: --soak 1000")
    name = f"soak-{os.getpid()}"
    with labs.ended(name), terminal.Progress(f"soak {name}") as progress:
        labs.build(name, str(ROOT / "topologies" / "two-subnet.yaml"))
        found = {0: labs.memory(name, "Pss_Anon")}
        try:
            for cycle, mib in soaked(name, cycles, lambda cycle: progress.show(cycle, cycles, "cycles")):
                found[cycle] = mib
        except KeyboardInterrupt:  # what was seen so far is told
            terminal.warn("interrupted")
    terminal.out(told(found))
    if json_file and json_file != "-":
        Path(json_file).write_text(json.dumps({"memory_mib": found}, indent=1), encoding="utf-8")
    if more(found) > BUDGET_MIB:
        raise Exit(code=NOT_AS_IT_SHOULD_BE)


def soaked(name: str, cycles: int, tell: Callable[[int], None]) -> Iterator[tuple[int, float]]:
    """MiB of all the lab's processes after so many cycles, but for what is a file's: every hundred, and the last."""
    with Api(folder.of(name) / KUBECONFIG) as api:
        for cycle in range(1, cycles + 1):
            named = f"soak-{cycle}"
            _come(api, named)
            if cycle % ASKED_EVERY == 0:
                _ask(name, named)
            _go(api, named)
            if cycle % TOLD_EVERY == 0 or cycle == cycles:
                yield cycle, labs.memory(name, "Pss_Anon")
            tell(cycle)


def _come(api: Api, named: str) -> None:
    api.post(f"{SPACE}/services", {"metadata": {"name": named}, **SERVICE})
    api.post(DEPLOYMENTS, {"metadata": {"name": named}, **DEPLOYMENT})
    _until(lambda: _ready(api, named) == REPLICAS, "all ten pods are endpoints of their Service")


def _go(api: Api, named: str) -> None:
    api.delete(f"{DEPLOYMENTS}/{named}")
    api.delete(f"{SPACE}/services/{named}")
    _until(lambda: not api.get(f"{SPACE}/pods?labelSelector=app=soak")["items"], "the last pod is gone")


def _ready(api: Api, named: str) -> int:
    endpoints = [one for item in api.get(f"{SLICES}={named}")["items"] for one in item.get("endpoints") or ()]
    return sum(one["conditions"].get("ready", False) for one in endpoints)


def _ask(name: str, named: str) -> None:
    """A pod asks the Service by its name."""
    words = [*labs.command(), "trace", "--from", "pod-0", "--to", f"{named}.default", "--lab", name]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"the request was not answered: {done.stdout[-600:]}{done.stderr[-600:]}", "try it again")


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise LabError(f"{PATIENCE_SECONDS:.0f} s have passed, and it is not so that {what}", "see `events`")
        time.sleep(LOOK_EVERY_SECONDS)


def more(found: dict[int, float]) -> float:
    """MiB that the cycles after the first 200 have added; 0 where there were no more."""
    return found[max(found)] - found.get(WARM, found[max(found)])


def told(found: dict[int, float]) -> str:
    """The table, and what counts."""
    table = terminal.table(("CYCLES", "MIB"), [(str(cycle), f"{mib:.1f}") for cycle, mib in found.items()])
    return f"{table}\n\nafter the first {WARM}: {more(found):+.1f} MiB (budget {BUDGET_MIB:.0f})"
