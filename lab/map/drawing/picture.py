"""Draws a lab: boxes for subnets, nodes, pods and machines, lines for cables and the tunnel, a panel of Services."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from lab.map.drawing.arrangement import (
    CHANNEL,
    CHIP,
    GAP,
    GUTTER,
    MARGIN,
    PAD,
    ROW,
    Arrangement,
    Grid,
    Spot,
    arrange,
    subnet_title,
    under_pod,
)
from lab.map.drawing.structure import Structure, addresses_of, service_lines, shown_pods, structure
from lab.map.drawing.svg import (
    BODY,
    HEADING,
    MONO,
    MONO_MUTED,
    MONO_ORANGE,
    MONO_STRONG,
    MUTED,
    ORANGE,
    STRONG,
    TITLE,
    Box,
    Drawing,
    Line,
)

if TYPE_CHECKING:
    from lab.map.labmap import LabMap
    from lab.map.place import Place, Subnet

SERVICES = 12
"""So many Services are listed; the others are counted."""
SERVICES_WIDTH = 460
"""At most."""
SERVICES_HEIGHT = 420
"""A panel may be so high even where the subnets are lower."""


def picture(lab: LabMap) -> Drawing:
    """The drawing of a lab."""
    found = structure(lab)
    stands = arrange(found)
    drawing = Drawing(lab.lab, margin=MARGIN)
    drawing.write(MARGIN, MARGIN + 16, lab.lab, 600, TITLE)
    counted = f"{len(lab.of_kind('node'))} nodes, {len(lab.of_kind('pod'))} pods"
    about = ", ".join(part for part in (counted, lab.encapsulation) if part)
    drawing.write(MARGIN, MARGIN + 36, about, 600, MUTED)
    for subnet, _ in found.subnets:
        _draw_subnet(drawing, found, subnet, stands.grids[subnet.bridge])
    for place in found.machines:
        _draw_machine(drawing, found, place, stands.machines[place.name])
    _draw_drops(drawing, found, stands)
    _draw_between(drawing, found, stands)
    _draw_tunnel(drawing, found, stands)
    _draw_services(drawing, lab, stands)
    return drawing


def _draw_subnet(drawing: Drawing, found: Structure, subnet: Subnet, grid: Grid) -> None:
    spot = grid.spot
    drawing.boxes.append(Box(spot.x, spot.y, spot.width, spot.height, "subnet"))
    drawing.lines.append(Line(((spot.x, spot.y), (spot.right, spot.y)), "bar"))
    room = grid.cards[0][1].width if grid.cards else spot.width - 2 * GUTTER
    drawing.write(spot.x + GUTTER, spot.y + 25, subnet_title(subnet), room, HEADING)
    for node, card in grid.cards:
        _draw_node(drawing, found, node, card)
        wire = card.right + GUTTER / 2
        drawing.lines.append(Line(((wire, spot.y), (wire, card.y + 38), (card.right, card.y + 38)), "wire"))


def _draw_node(drawing: Drawing, found: Structure, node: Place, card: Spot) -> None:
    drawing.boxes.append(Box(card.x, card.y, card.width, card.height, "node", place=node.name))
    room = card.width - 2 * PAD
    drawing.write(card.x + PAD, card.y + 20, node.name, room, HEADING)
    y = card.y + 24
    tunnel = found.tunnel.devices.get(node.name) if found.tunnel else None
    for line in addresses_of(node):
        y += ROW
        font = MONO_ORANGE if tunnel and line.startswith(f"{tunnel.name} ") else MONO
        drawing.write(card.x + PAD, y, line, room, font)
    y += GAP
    pods, left_out = shown_pods(found, node.name)
    for pod in pods:
        style = "unready" if not pod.ready else "system" if pod.name.startswith("kube-system/") else "pod"
        drawing.boxes.append(Box(card.x + PAD, y, room, CHIP, style, place=pod.name))
        drawing.write(card.x + 2 * PAD, y + 17, pod.name, room - 2 * PAD, BODY)
        drawing.write(card.x + 2 * PAD, y + 33, under_pod(pod), room - 2 * PAD, MONO_MUTED)
        y += CHIP + GAP
    if left_out:
        drawing.write(card.x + 2 * PAD, y + 13, f"+ {left_out} more", room - 2 * PAD, MUTED)


def _draw_machine(drawing: Drawing, found: Structure, place: Place, spot: Spot) -> None:
    """Interfaces towards other machines as rows, those into subnets as cells at the foot."""
    drawing.boxes.append(Box(spot.x, spot.y, spot.width, spot.height, "machine", place=place.name))
    drawing.write(spot.x + PAD, spot.y + 20, place.name, spot.width - 2 * PAD, HEADING)
    y = spot.y + 24
    for cable in found.cables_aside(place.name):
        for address in cable.link.addresses or ("",):
            y += ROW
            drawing.write(spot.x + PAD, y, f"{cable.link.name} {address}", spot.width - 2 * PAD, MONO)
    down = found.cables_down(place.name)
    for i, cable in enumerate(down):
        x, room = spot.x + PAD + i * spot.width / len(down), spot.width / len(down) - PAD
        drawing.write(x, spot.bottom - 24, cable.link.name, room, MONO_STRONG)
        drawing.write(x, spot.bottom - 8, cable.address, room, MONO)


def _draw_drops(drawing: Drawing, found: Structure, stands: Arrangement) -> None:
    """From a cell at a machine's foot down to the bar of its subnet; every cable runs at a height of its own."""
    cells = [
        (cable, spot.x + spot.width * (i + 0.5) / len(down), spot.bottom)
        for name, spot in stands.machines.items()
        for down in (found.cables_down(name),)
        for i, cable in enumerate(down)
    ]
    into = [cable.segment for cable, _, _ in cells]
    for i, (cable, x, y) in enumerate(cells):
        bar = stands.grids[cable.segment].spot
        end = bar.x + bar.width * (into[:i].count(cable.segment) + 1) / (into.count(cable.segment) + 1)
        channel = stands.below + i * CHANNEL
        drawing.lines.append(Line(((x, y), (x, channel), (end, channel), (end, bar.y)), "wire"))


def _draw_between(drawing: Drawing, found: Structure, stands: Arrangement) -> None:
    """Neighbours in the row are joined straight, others above the row."""
    order = list(stands.machines)
    channel = stands.above
    for ends in found.between_machines():
        for one, other in pairwise(ends):
            left, right = sorted((one.place, other.place), key=order.index)
            a, b = stands.machines[left], stands.machines[right]
            if order.index(right) == order.index(left) + 1:
                drawing.lines.append(Line(((a.right, a.y + GUTTER), (b.x, a.y + GUTTER)), "wire"))
            else:
                points = ((a.middle, a.y), (a.middle, channel), (b.middle, channel), (b.middle, b.y))
                drawing.lines.append(Line(points, "wire"))
                channel -= CHANNEL


def _draw_tunnel(drawing: Drawing, found: Structure, stands: Arrangement) -> None:
    """A dashed line below all subnets, with a branch up to each node that sends through the tunnel."""
    if found.tunnel is None:
        return
    below = max(grid.spot.bottom for grid in stands.grids.values()) + GUTTER
    branches = []
    for node, card in (card for grid in stands.grids.values() for card in grid.cards):
        if device := found.tunnel.devices.get(node.name):
            named = [line.partition(" ")[0] for line in addresses_of(node)]
            x, y = card.x - GUTTER / 2, card.y + 38
            y += ROW * named.index(device.name) if device.name in named else 0
            branches.append(x)
            drawing.lines.append(Line(((card.x, y), (x, y), (x, below)), "tunnel"))
    drawing.lines.append(Line(((min(branches), below), (max(branches), below)), "tunnel"))
    drawing.write(min(branches), below + GUTTER, found.tunnel.label, 900, ORANGE)


def _draw_services(drawing: Drawing, lab: LabMap, stands: Arrangement) -> None:
    """Panels right of the subnets, as high as those, as many as are needed."""
    listed = [service_lines(service) for service in lab.services[:SERVICES]]
    if len(lab.services) > SERVICES:
        listed.append((f"+ {len(lab.services) - SERVICES} more",))
    spots = [grid.spot for grid in stands.grids.values()]
    x = max((spot.right for spot in spots), default=0) + 2 * MARGIN
    top = min((spot.y for spot in spots), default=0)
    bottom = max((spot.bottom for spot in spots), default=0)
    bottom = max(bottom, top + SERVICES_HEIGHT)
    width = max((max(MONO.width(line), STRONG.width(line)) for lines in listed for line in lines), default=0)
    width = min(width + 3 * PAD, SERVICES_WIDTH)
    while listed:
        y = top + 25
        drawing.write(x + PAD, y, "Services", width - 2 * PAD, HEADING)
        first = True
        while listed and (first or y + 26 + ROW * len(listed[0]) < bottom):
            name, *lines = listed.pop(0)
            y += 26
            drawing.write(x + PAD, y, name, width - 2 * PAD, STRONG if lines else MUTED)
            for line in lines:
                y += ROW
                inset = PAD if line[0] in "→+" else 0
                drawing.write(x + PAD + inset, y, line, width - 2 * PAD - inset, MONO_MUTED if inset else MONO)
            first = False
        drawing.boxes.append(Box(x, top, width, y - top + PAD, "services"))
        x += width + MARGIN
