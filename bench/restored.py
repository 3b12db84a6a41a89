"""Run in namespaces of its own: nodes' rules loaded by `iptables-restore` alone, two nodes side by side.

    python3 -m bench.restored < TEXTS        prints the seconds that it took

TEXTS is JSON: for each node the input of `ipset restore`, which is loaded before the clock starts, and that of
`iptables-restore`, the very text that Hoplab gives it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench import ROOT
from bench.peers import SANDBOX
from lab.agent.design.blueprint import read_design
from lab.errors import HoplabError
from lab.kernel.rules import iptables
from lab.kernel.sandbox.namespaces import Namespaces
from lab.kernel.syscalls import mount
from lab.network.objects import IpSet, Network
from lab.plan import RuleStep, Step, plan
from lab.plan.commands import ipset_input
from lab.plan.restore import restore_input

SIDE_BY_SIDE = 2

Texts = Mapping[str, Sequence[str]]


def seconds(file: str) -> float:
    """Seconds that the rules of all nodes of a topology file take."""
    command = [*SANDBOX, sys.executable, "-m", "bench.restored"]
    given = json.dumps(_texts(file))
    done = subprocess.run(command, input=given, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        raise HoplabError(f"the rules of {file}: {done.stderr.strip()}")
    return float(done.stdout)


def _texts(file: str) -> Texts:
    network = read_design(Path(file).read_text(encoding="utf-8"), file, ()).network
    steps = plan(network, Network()).steps
    loads = {step.place: restore_input(step.changes) for step in steps if isinstance(step, RuleStep)}
    made = [step.object for step in steps if isinstance(step, Step)]
    # Sets of sets come last, as the agent makes them.
    sets = sorted((one for one in made if isinstance(one, IpSet)), key=lambda one: one.type.startswith("list:"))
    return {
        place: ("".join(ipset_input(one, None) for one in sets if one.place == place), text)
        for place, text in loads.items()
    }


def main(texts: Texts) -> float:
    """Loads them; gives the seconds."""
    mount("tmpfs", "/run", "tmpfs")
    namespaces = Namespaces()
    for place, (sets, _) in texts.items():
        namespaces.create(place)
        if sets:
            iptables.start_ipset(namespaces, place, sets).result()

    def load(place: str) -> None:
        iptables.start_restore(namespaces, place, texts[place][1]).result()

    began = time.perf_counter()
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        list(pool.map(load, texts))
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.stdout.write(f"{main(json.load(sys.stdin))}\n")
