"""How a topology's places are joined: which router and which node is on which subnet."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.network.ipv4 import Prefix
from lab.topology.defaults import pools_of

if TYPE_CHECKING:
    from lab.topology.schema import Topology

GATEWAY = "gateway"
INTERNET = "internet"
TRANSIT = "transit"
TRANSIT_CIDRS = ("192.168.255.0/29", "172.31.255.0/29", "10.255.255.0/29", "100.127.255.0/29")


@dataclass(frozen=True, slots=True)
class Wiring:
    """`routers` in the file's order, each with its subnets; the first one has the gateway behind it."""

    subnets: dict[str, str]
    nodes: dict[str, str]
    routers: dict[str, tuple[str, ...]]
    transit: str

    @property
    def first_router(self) -> str:
        return next(iter(self.routers))

    def routers_of(self, subnet: str) -> tuple[str, ...]:
        """Routers on a subnet, in order: the first has its .1."""
        return tuple(name for name, joined in self.routers.items() if subnet in joined)

    def distances(self, router: str) -> dict[str, int]:
        """Hops from a router to every router that can be reached from it."""
        found = {router: 0}
        queue = deque([router])
        while queue:
            here = queue.popleft()
            for subnet in self.routers[here]:
                for neighbour in self.routers_of(subnet):
                    if neighbour not in found:
                        found[neighbour] = found[here] + 1
                        queue.append(neighbour)
        return found

    def distance_to_subnet(self, router: str, subnet: str) -> int | None:
        """Routers between a router and a subnet: 0 when it stands on it, None when no path leads there."""
        reached = self.distances(router)
        return min((reached[name] for name in self.routers_of(subnet) if name in reached), default=None)


def wiring(topology: Topology) -> Wiring:
    """The wiring of a topology whose defaults are filled in (`lab.topology.defaults.complete`)."""
    spec = topology.spec
    subnets = {subnet.name: subnet.cidr for subnet in spec.subnets}
    return Wiring(
        subnets,
        {node.name: node.subnet or "" for node in spec.nodes},
        {router.name: router.subnets for router in spec.routers},
        _transit(topology),
    )


def _transit(topology: Topology) -> str:
    """The prefix between the first router and the gateway: one that nothing in the file uses."""
    spec = topology.spec
    pods = (pool.cidr for pool in pools_of(spec.cni))
    used = [Prefix.of(cidr) for cidr in (*pods, spec.services.cidr, spec.internet.cidr)]
    used += [Prefix.of(subnet.cidr) for subnet in spec.subnets]
    free = (cidr for cidr in TRANSIT_CIDRS if not any(Prefix.of(cidr).overlaps(prefix) for prefix in used))
    return next(free, TRANSIT_CIDRS[0])
