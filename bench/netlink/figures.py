"""The same network built, read and watched through netlink in two ways: Hoplab's own, and pyroute2's IPRoute."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench import ROOT
from bench.figures import Figure
from bench.netlink.same import PARTS
from bench.peers import SANDBOX
from lab.agent.design.blueprint import read_design
from lab.errors import HoplabError
from lab.network.objects import Address, FdbEntry, Interface, Namespace, Neighbour, Network, Route

OF_PYROUTE2 = 1 / 1.5  # design: own netlink stays where it is at least 1.5 times as fast, imports included
_BY_NETLINK = Namespace | Interface | Address | Route | Neighbour | FdbEntry


def figures(name: str, file: str, runs: int) -> Iterator[Figure]:
    """Of the network of one topology file."""
    network = read_design(Path(file).read_text(encoding="utf-8"), file, ()).network
    given = pickle.dumps(Network(tuple(item for item in network if isinstance(item, _BY_NETLINK))))
    told = [(_run("own", given), _run("by_pyroute2", given)) for _ in range(runs)]
    group = f"netlink: {name} built, read and watched"
    whole = []
    for number, way in enumerate(("own", "pyroute2")):
        spent = [run[number] for run in told]
        for part in PARTS:
            yield Figure(group, f"{way}: {part}", "ms", tuple(run[part] * 1000 for run in spent))
        whole.append(Figure(group, way, "ms", tuple(sum(run[part] for part in PARTS) * 1000 for run in spent)))
    yield from whole
    yield whole[0].over(whole[1], OF_PYROUTE2)


def _run(way: str, given: bytes) -> Mapping[str, float]:
    command = [*SANDBOX, sys.executable, "-m", "bench.netlink.same", way]
    done = subprocess.run(command, input=given, capture_output=True, cwd=ROOT, check=False)
    if done.returncode:
        raise HoplabError(f"a network by {way}: {done.stderr.decode(errors='replace').strip()}")
    told: Mapping[str, float] = json.loads(done.stdout)
    return told
