"""Which blocks of the pods' addresses each node has: by Calico's affinities, Node objects, the machines' own routes,
and last by the pods themselves.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from ipaddress import IPv4Network

from lab.exchange.importing.collection.notes import Notes
from lab.exchange.importing.collection.objects import Objects
from lab.exchange.importing.surroundings.network import FLANNEL, Network, Routes
from lab.topology.defaults import PLUGINS

Blocks = dict[str, list[IPv4Network]]
"""by the node's name"""


def blocks(objects: Objects, network: Network, routes: Routes, notes: Notes) -> Blocks:
    """Each block of one node."""
    length, pools = PLUGINS[network.plugin].block, network.prefixes
    owners: dict[IPv4Network, str] = {}

    def claim(node: str, text: str) -> None:
        try:
            block = IPv4Network(text)
        except ValueError:
            return
        if block.prefixlen == length and any(block.subnet_of(pool) for pool in pools):
            owners.setdefault(block, node)

    for node, cidr in objects.affinities:
        claim(node, cidr)
    for one in objects.nodes:
        for cidr in one.pod_cidrs:
            claim(one.name, cidr)
            if network.plugin == FLANNEL and not cidr.endswith(f"/{length}"):
                notes.add(
                    f"nodes have {cidr} and the like for pods: in the lab each has a /{length}, pods other addresses"
                )
    for name, found in routes.items():
        for route in found:
            if route.kind == "blackhole":
                claim(name, route.destination)
    if network.plugin != FLANNEL:
        for text, node in _by_pods(objects, length):
            claim(node, text)
    made: Blocks = {node.name: [] for node in objects.nodes}
    for block, node in sorted(owners.items()):
        if node in made and not (network.plugin == FLANNEL and made[node]):
            made[node].append(block)
    return made


def _by_pods(objects: Objects, length: int) -> Iterator[tuple[str, str]]:
    """Blocks and the nodes that have most of their pods."""
    votes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for pod in objects.pods:
        if not pod.host:
            votes[str(IPv4Network(f"{pod.address}/{length}", strict=False))][pod.node] += 1
    for text, count in votes.items():
        yield text, count.most_common(1)[0][0]
