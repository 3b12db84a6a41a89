"""Where everything stands in a lab's picture.

Machines (routers, gateway, internet) stand in a row above the subnets; a subnet's nodes in a grid. Right of every
column of nodes runs its wire up to the subnet's bar, left of it the tunnel down to the dashed line below all subnets.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import ceil, inf, sqrt
from typing import TYPE_CHECKING

from lab.map.drawing.structure import Structure, addresses_of, host_end, shown_pods
from lab.map.drawing.svg import BODY, HEADING, MONO

if TYPE_CHECKING:
    from lab.map.place import Place, Subnet

MARGIN = 24
PAD = 12
GUTTER = 22
ROW = 18
CHIP = 40
GAP = 8
CHANNEL = 12
"""Between two cables that run side by side."""
HEADER = 52
"""Of the picture: the lab's name."""
SUBNET_HEADER = 34
CARD_WIDTH = (200, 330)


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a thing stands."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return self.x + self.width / 2

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height


@dataclass(frozen=True, slots=True)
class Grid:
    """Nodes of one subnet: all cards equally wide, a row as high as its highest card."""

    spot: Spot
    cards: tuple[tuple[Place, Spot], ...]


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Grids by bridge and machines by name, from left to right; `above` and `below` are the heights next to those."""

    grids: dict[str, Grid]
    machines: dict[str, Spot]
    above: float
    below: float


def arrange(found: Structure) -> Arrangement:
    """Room for everything, from the top left."""
    card = _card_width(found)
    row = _machine_row(found, _grids(found, card, 0))
    order = list(row)
    detours = sum(
        abs(order.index(one.place) - order.index(other.place)) > 1
        for ends in found.between_machines()
        for one, other in pairwise(ends)
    )
    top = MARGIN + HEADER + CHANNEL * detours
    lowest = top + max((spot.height for spot in row.values()), default=0)
    drops = sum(len(found.cables_down(place.name)) for place in found.machines)
    grids = _grids(found, card, lowest + CHANNEL * (drops + 2))
    machines = {name: Spot(spot.x, top, spot.width, spot.height) for name, spot in row.items()}
    return Arrangement(_equally_high(grids), machines, top - CHANNEL, lowest + CHANNEL)


def _card_width(found: Structure) -> float:
    """Wide enough for the longest line of any node's card, within limits."""
    widest: float = CARD_WIDTH[0]
    for subnet, nodes in found.subnets:
        widest = max(widest, HEADING.width(subnet_title(subnet)))
        for node in nodes:
            widest = max(widest, HEADING.width(node.name) + 2 * PAD)
            widest = max(widest, *(MONO.width(line) + 2 * PAD for line in ("", *addresses_of(node))))
            for pod in shown_pods(found, node.name)[0]:
                widest = max(widest, BODY.width(pod.name) + 4 * PAD, MONO.width(under_pod(pod)) + 4 * PAD)
    return min(ceil(widest), CARD_WIDTH[1])


def subnet_title(subnet: Subnet) -> str:
    """What stands above a subnet's nodes, as wide as one of them at most."""
    return f"{subnet.name} {subnet.cidr}"


def under_pod(pod: Place) -> str:
    """The line under a pod's name: its address and the node's end of its veth."""
    return "  ".join(part for part in (pod.address, host_end(pod), "" if pod.ready else "not ready") if part)


def _card_height(found: Structure, node: Place) -> float:
    pods, left_out = shown_pods(found, node.name)
    rows = len(addresses_of(node))
    return 30 + rows * ROW + len(pods) * (CHIP + GAP) + (ROW if left_out else 0) + PAD


def _grids(found: Structure, card: float, top: float) -> dict[str, Grid]:
    """Subnets from left to right, by bridge; one without nodes is as wide as one node."""
    grids = {}
    left = float(MARGIN)
    for subnet, nodes in found.subnets:
        columns = min(len(nodes), ceil(sqrt(1.5 * len(nodes)))) or 1
        cell = card + 2 * GUTTER
        cards = []
        y = top + SUBNET_HEADER + GAP
        for first in range(0, len(nodes), columns):
            row = nodes[first : first + columns]
            for i, node in enumerate(row):
                cards.append((node, Spot(left + i * cell + GUTTER, y, card, _card_height(found, node))))
            y += max(_card_height(found, node) for node in row) + 2 * GAP
        grids[subnet.bridge] = Grid(Spot(left, top, columns * cell, y - top), tuple(cards))
        left += columns * cell + MARGIN
    return grids


def _equally_high(grids: dict[str, Grid]) -> dict[str, Grid]:
    highest = max((grid.spot.height for grid in grids.values()), default=0)
    return {
        bridge: Grid(Spot(grid.spot.x, grid.spot.y, grid.spot.width, highest), grid.cards)
        for bridge, grid in grids.items()
    }


def _machine_row(found: Structure, grids: dict[str, Grid]) -> dict[str, Spot]:
    """Routers above the middle of their subnets, then whoever is behind them; from left to right, nobody too near."""
    wanted = []
    for place in found.machines:
        down, aside = found.cables_down(place.name), found.cables_aside(place.name)
        rows = [f"{cable.link.name} {address}" for cable in aside for address in cable.link.addresses or ("",)]
        cell = max((MONO.width(cable.address) for cable in down), default=0) + 2 * PAD
        needed = (cell * len(down), HEADING.width(place.name) + 2 * PAD, *(MONO.width(row) + 2 * PAD for row in rows))
        height = 30 + ROW * len(rows) + (46 if down else GAP)
        middle = sum(grids[cable.segment].spot.middle for cable in down) / len(down) if down else inf
        wanted.append((middle, place.name, max(needed), height))
    spots: dict[str, Spot] = {}
    left = float(MARGIN)
    for middle, name, width, height in sorted(wanted, key=lambda one: one[0]):
        x = left if middle == inf else max(left, middle - width / 2)
        spots[name] = Spot(x, 0, width, height)
        left = x + width + 2 * MARGIN
    return spots
