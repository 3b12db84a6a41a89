"""Routes of the underlay: nodes to their routers, routers to each other and to the gateway, the gateway back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lab.network.objects import Chain, Object, Route, Rule
from lab.network.wiring import GATEWAY, Wiring, wiring

if TYPE_CHECKING:
    from lab.network.ipam import Addresses
    from lab.topology.schema import Topology


def routing(topology: Topology, addresses: Addresses) -> Iterator[Object]:
    """Routes of nodes, routers and gateway. The internet has none but its own: it knows no private address."""
    wires = wiring(topology)
    for node, subnet in wires.nodes.items():
        yield from _node_routes(wires, addresses, node, subnet)
    for router in wires.routers:
        yield from _router_routes(wires, addresses, router)
    for subnet, cidr in wires.subnets.items():
        yield Route(GATEWAY, cidr, via=addresses.router_transit, device="eth0", intent=f"back to {subnet}")


def nat(topology: Topology) -> Chain:
    """The gateway's source NAT: what leaves for the internet leaves with the gateway's address."""
    text = '-o eth1 -m comment --comment "private addresses leave as the gateway" -j MASQUERADE'
    intent = f"source NAT towards {topology.spec.internet.cidr}"
    return Chain(GATEWAY, "nat", "POSTROUTING", (Rule(text, intent=intent),), "ACCEPT", intent="NAT gateway")


def next_router(wires: Wiring, subnet: str, target: str) -> str:
    """The router that somebody on `subnet` hands packets for the subnet `target` to; "" when none leads there."""
    reach = {
        router: distance
        for router in wires.routers_of(subnet)
        if (distance := wires.distance_to_subnet(router, target)) is not None
    }
    default = default_router(wires, subnet)
    if not reach:
        return ""
    nearest = min(reach.values())
    if reach.get(default) == nearest:
        return default
    return next(router for router, distance in reach.items() if distance == nearest)


def default_router(wires: Wiring, subnet: str) -> str:
    """The router of a subnet that is nearest to the gateway; "" when no router is on it."""
    distances = wires.distances(wires.first_router)
    candidates = wires.routers_of(subnet)
    return min(candidates, key=lambda router: distances.get(router, len(wires.routers)), default="")


def _node_routes(wires: Wiring, addresses: Addresses, node: str, subnet: str) -> Iterator[Route]:
    default = default_router(wires, subnet)
    if default:
        address = addresses.routers[default, subnet]
        yield Route(node, "default", via=address, device="eth0", intent=f"everything else through {default}")
    for target, cidr in wires.subnets.items():
        router = next_router(wires, subnet, target)
        if target != subnet and router not in ("", default):
            address = addresses.routers[router, subnet]
            yield Route(node, cidr, via=address, device="eth0", intent=f"{target} is nearer through {router}")


def _router_routes(wires: Wiring, addresses: Addresses, router: str) -> Iterator[Route]:
    joined = wires.routers[router]
    for target, cidr in wires.subnets.items():
        hop = router_hop(wires, addresses, router, target)
        if target not in joined and hop:
            address, device, neighbour = hop
            yield Route(router, cidr, via=address, device=device, intent=f"{target} through {neighbour}")
    if router == wires.first_router:
        device = f"eth{len(joined)}"
        yield Route(router, "default", via=addresses.gateway_transit, device=device, intent="to the gateway")
        return
    distances = wires.distances(wires.first_router)
    for neighbour, subnet in _neighbours(wires, router):
        if distances.get(neighbour, len(wires.routers)) < distances.get(router, 0):
            address = addresses.routers[neighbour, subnet]
            device = device_towards(wires, router, subnet)
            yield Route(router, "default", via=address, device=device, intent=f"to the gateway through {neighbour}")
            return


def router_hop(wires: Wiring, addresses: Addresses, router: str, target: str) -> tuple[str, str, str] | None:
    """A router's next hop to a subnet it is not on: address, device, the neighbour's name; None when there is none."""
    best: tuple[int, str, str] | None = None
    for neighbour, subnet in _neighbours(wires, router):
        distance = wires.distance_to_subnet(neighbour, target)
        if distance is not None and (best is None or distance < best[0]):
            best = (distance, neighbour, subnet)
    if best is None:
        return None
    _, neighbour, subnet = best
    return addresses.routers[neighbour, subnet], device_towards(wires, router, subnet), neighbour


def _neighbours(wires: Wiring, router: str) -> Iterator[tuple[str, str]]:
    """Routers that share a subnet with this one, each with that subnet."""
    for subnet in wires.routers[router]:
        for neighbour in wires.routers_of(subnet):
            if neighbour != router:
                yield neighbour, subnet


def device_towards(wires: Wiring, router: str, subnet: str) -> str:
    """The router's interface in one of its subnets."""
    return f"eth{wires.routers[router].index(subnet)}"
