"""Which pod goes to which node, in place of a scheduler."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

MAX_PODS = 110  # kubelet's default for a node


@dataclass(frozen=True, slots=True)
class Placement:
    """The node of each pod, in the order asked; `crowded` are nodes with more pods than kubelet would take."""

    nodes: tuple[str, ...]
    crowded: tuple[str, ...]


def place(nodes: tuple[str, ...], wanted: Iterable[tuple[str, ...]]) -> Placement:
    """Each of `wanted` has the nodes that a pod may be on, () for all: it goes to the first of those with the fewest
    pods so far.
    """
    load = dict.fromkeys(nodes, 0)
    order = {node: index for index, node in enumerate(nodes)}
    free = [(0, index) for index in range(len(nodes))]
    heapify(free)
    chosen = []
    for allowed in wanted:
        node = min(allowed, key=lambda name: (load[name], order[name])) if allowed else ""
        while not node:
            count, index = heappop(free)
            node = nodes[index] if load[nodes[index]] == count else ""  # an entry of before the node got a pod
        load[node] += 1
        heappush(free, (load[node], order[node]))
        chosen.append(node)
    return Placement(tuple(chosen), tuple(node for node, count in load.items() if count > MAX_PODS))
