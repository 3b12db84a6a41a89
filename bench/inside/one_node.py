"""Run in namespaces of its own: a node gets the rules of many Services, a client behind it asks through the last one.

    client 10.9.1.2 ── 10.9.1.1 node-0 10.9.2.1 ── 10.9.2.2 server

    python3 -m bench.inside.one_node MODE SERVICES ALONE     prints JSON: seconds, and microseconds of connections

The same rules are loaded into two more namespaces by the very programs, without anything of Hoplab around them: the
same text, and (where ALONE is 1) the same lines as one transaction, as kube-proxy writes them.
"""

from __future__ import annotations

import gc
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from lab.cluster.objects import Cluster, Endpoint, EndpointSlice, PortEndpoints, Service, ServicePort
from lab.errors import KernelError
from lab.kernel.rules import iptables as rules
from lab.kernel.rules import nft
from lab.kernel.rules.loaders import Loading, room
from lab.kernel.rules.running import Running
from lab.kernel.sandbox.namespaces import Namespaces
from lab.kernel.syscalls import mount
from lab.network.kubeproxy.iptables.restore import built_in_chains, restore_text
from lab.network.kubeproxy.iptables.ruleset import chains as service_chains
from lab.network.kubeproxy.iptables.ruleset import jumps
from lab.network.kubeproxy.nftables.ruleset import tables
from lab.network.kubeproxy.options import ProxyOptions
from lab.plan import NftStep, RuleStep, Step
from lab.plan.nft_input import transactions
from lab.plan.restore import restore_input
from lab.plan.steps import ChainChange

NODE, CLIENT, SERVER = "node-0", "client", "server"
SAME, ALONE = "same", "alone"  # the places of the peers
ADDRESS, PORT = "10.9.2.2", 8080
CIDRS = ("172.16.0.0/12",)
OPTIONS = ProxyOptions("10.0.0.0/8")
CONNECTIONS, WARM = 300, 20


Start = Callable[[Namespaces, str, str], Running]


class _Addresses:
    """All endpoints are bare addresses."""

    nodes: ClassVar[Mapping[str, str]] = MappingProxyType({NODE: "10.9.1.1"})

    def held(self, node: str) -> tuple[str, ...]:
        return (self.nodes[node],)

    def pod(self, place: str) -> str:
        raise KeyError(place)


ADDRESSES = _Addresses()


@dataclass(frozen=True, slots=True)
class Given:
    """What the peers are given: text by text as Hoplab has it, and in one piece; and the program that takes it."""

    texts: tuple[str, ...]
    whole: str
    start: Start


def clusterip(number: int) -> str:
    """The address of the Service with that number."""
    high, low = divmod(number, 250)
    return f"172.{16 + high // 250}.{high % 250}.{low + 1}"


def cluster(services: int) -> Cluster:
    """So many Services with an endpoint each, the last in the order of their names with the server's."""
    found, slices = [], []
    for number in range(services):
        high, low = divmod(number, 250)
        name = f"service-{number:06}"
        found.append(Service("bench", name, "ClusterIP", clusterip(number), (ServicePort("http", "TCP", 80, PORT),)))
        address = ADDRESS if number == services - 1 else f"10.{100 + high // 250}.{high % 250}.{low + 1}"
        endpoints = (Endpoint(address=address, node=NODE),)
        slices.append(EndpointSlice("bench", f"{name}-1", name, (PortEndpoints("http", "TCP", PORT, endpoints),)))
    return Cluster((NODE,), ("bench",), (), tuple(found), tuple(slices))


def made(mode: str, services: Cluster) -> RuleStep | NftStep:
    """What the node should hold, as Hoplab makes it."""
    if mode == "nftables":
        objects = tables(services, ADDRESSES, NODE, OPTIONS, CIDRS)
        return NftStep(NODE, tuple(Step("add", item) for item in objects))
    own = service_chains(services, ADDRESSES, NODE, OPTIONS)
    chains = (*built_in_chains(NODE, jumps()), *own)
    return RuleStep(NODE, tuple(ChainChange("add", chain) for chain in chains))


def given(step: RuleStep | NftStep) -> Given:
    """The same for the peers."""
    if isinstance(step, NftStep):
        texts = transactions(step.changes, room()).changes
        return Given(texts, "".join(texts), nft.start_load)
    return Given(
        (restore_input(step.changes),), restore_text(change.chain for change in step.changes), rules.start_restore
    )


def wire(namespaces: Namespaces) -> None:
    """The three places, linked; the node forwards."""
    for number, place in ((1, CLIENT), (2, SERVER)):
        namespaces.create(place)
        _ip("-n", NODE, "link", "add", place, "type", "veth", "peer", "name", "eth0", "netns", place)
        for where, device, last in ((NODE, place, 1), (place, "eth0", 2)):
            _ip("-n", where, "address", "add", f"10.9.{number}.{last}/24", "dev", device)
            _ip("-n", where, "link", "set", device, "up")
        _ip("-n", place, "route", "add", "default", "via", f"10.9.{number}.1")
    with namespaces.entered(NODE):
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1", encoding="ascii")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def connections(namespaces: Namespaces, address: str, port: int) -> list[float]:
    """Microseconds from the first packet to the answer, of one connection after the other."""
    with namespaces.entered(SERVER):
        server = socket.create_server((ADDRESS, PORT), backlog=WARM + CONNECTIONS)
    times = []
    with server, namespaces.entered(CLIENT):
        for _ in range(WARM + CONNECTIONS):
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as asking:
                asking.settimeout(3)
                began = time.perf_counter_ns()
                asking.connect((address, port))
                times.append((time.perf_counter_ns() - began) / 1000)
    return times[WARM:]


def loaded(namespaces: Namespaces, place: str, start: Start, texts: tuple[str, ...]) -> float:
    """Seconds that the program alone takes for the texts."""
    namespaces.create(place)
    began = time.perf_counter()
    for text in texts:
        start(namespaces, place, text).result()
    return time.perf_counter() - began


def main(mode: str, number: int, alone: bool) -> dict[str, object]:
    """All of it, measured once."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)  # as the agent has it
    mount("tmpfs", "/run", "tmpfs")
    namespaces = Namespaces()
    namespaces.create(NODE)
    wire(namespaces)
    direct = connections(namespaces, ADDRESS, PORT)
    services = cluster(number)
    began = time.perf_counter()
    step = made(mode, services)
    generated = time.perf_counter()
    loading = Loading(namespaces)
    loading.add(step)
    loading.finish(1)
    ended = time.perf_counter()
    through = connections(namespaces, clusterip(number - 1), 80)
    peers = given(step)
    told: dict[str, object] = {
        "generate": generated - began,
        "load": ended - generated,
        "direct": direct,
        "through": through,
        "same": loaded(namespaces, SAME, peers.start, peers.texts),
    }
    if alone:
        try:
            told["alone"] = loaded(namespaces, ALONE, peers.start, (peers.whole,))
        except KernelError as error:
            told["refused"] = error.message.strip().splitlines()[-1]
    return told


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "1")) + "\n")
