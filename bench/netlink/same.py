"""Run in namespaces of its own: a network is built, read and watched through netlink, in one of two ways.

    python3 -m bench.netlink.same own|by_pyroute2 < NETWORK      prints JSON: seconds of each part

NETWORK are objects, pickled: namespaces, links, addresses, routes, neighbours, FDB entries. The namespaces are there
before the clock starts, for both; what a way imports counts. Either builds everything, reads everything back, then adds
an address in every place and waits until it has heard of each.
"""

from __future__ import annotations

import importlib
import itertools
import json
import pickle
import sys
import time

from bench.netlink.places import Namespaces, by_place
from lab.network.objects import Network

PARTS = ("import", "build", "read", "watch")


def main(way: str) -> dict[str, float]:
    """Seconds of each part."""
    network: Network = pickle.load(sys.stdin.buffer)  # noqa: S301  our own parent's
    namespaces = Namespaces(network.places)
    times = [time.perf_counter()]
    kernel = importlib.import_module(f"bench.netlink.{way}").Way(network, namespaces)
    times.append(time.perf_counter())
    kernel.build()
    times.append(time.perf_counter())
    found = kernel.read()
    times.append(time.perf_counter())
    kernel.watch()
    times.append(time.perf_counter())
    wanted = sum(map(len, by_place(network).values()))
    if found < wanted:
        raise SystemExit(f"{way} reads {found} of the {wanted} objects that it built")
    return dict(zip(PARTS, (after - before for before, after in itertools.pairwise(times)), strict=True))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1])) + "\n")
