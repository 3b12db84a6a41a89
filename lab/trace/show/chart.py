"""The lab's map with a journey drawn on it: the places on the way, the way there and back, and where it ended."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from lab.map.drawing.arrangement import MARGIN
from lab.map.drawing.picture import picture
from lab.map.drawing.svg import Drawing
from lab.map.labmap import LabMap
from lab.network.place_names import UNDERLAY
from lab.trace.journey import DATA, DELIVERED, DNS, LOST, REPLY, REQUEST, Hop, Journey
from lab.trace.show.trail import Point, Stretch, Trail, trail

LEAST_SCALE, MOST_SCALE = 1.34, 1.8
"""The smallest letters of a map are 12 pixels high; at full size they have 16 at least."""
HEADING = 40
"""So high is what stands above everything: the picture's own title, which a part of the lab has not."""
_SIZE = re.compile(r'width="(\d+)" height="(\d+)" viewBox="[^"]*"')
MOST_ENDPOINTS = 3
"""Of those that might have been chosen, when none was."""


def chart(journey: Journey, labmap: LabMap) -> str:
    """An SVG element. What belongs to a hop has its number as `data-hop`, a place's box its name as `data-place`."""
    phase = DATA if journey.part(DATA, REQUEST) else DNS
    legs = {direction: journey.part(phase, direction) for direction in (REQUEST, REPLY)}
    shown = part(labmap, journey, (*legs[REQUEST], *legs[REPLY]))
    drawing = picture(shown)
    drawing.texts = [text for text in drawing.texts if text.y > MARGIN + HEADING]
    homes = {pod.name: pod.node for pod in shown.of_kind("pod")}
    trails = {direction: trail(drawing, homes, hops) for direction, hops in legs.items()}
    extra = [line for direction, one in trails.items() for line in _way(one, direction)]
    extra += _blame(drawing, journey)
    extra += _badges(drawing, legs[REQUEST])
    extra += [line for one in trails.values() for line in _stops(one)]
    extra += _cross(journey, trails)
    return _fitted(drawing.to_svg()).replace("</svg>", "\n".join([*extra, "</svg>"]))


def part(labmap: LabMap, journey: Journey, hops: Sequence[Hop]) -> LabMap:
    """Of the map what is on the way, where it should have gone, and the routers between; `graph` draws all of it."""
    wanted = {hop.place for hop in hops} | {journey.request.source} | set(_bound_for(labmap, hops))
    if journey.lost:
        wanted.add(journey.lost.place)
    wanted |= {labmap.by_name[name].node for name in wanted if name in labmap.by_name}
    places = tuple(
        place for place in labmap.places if place.name in wanted or place.kind == "router" or place.name == UNDERLAY
    )
    if journey.verdict == DELIVERED and not any(hop.packet.outer for hop in hops):
        places = tuple(replace(place, routes=()) for place in places)  # a tunnel is drawn where a route leads into it
    used = {subnet for place in places if place.kind == "node" for subnet in place.subnets}
    return replace(labmap, places=places, services=(), subnets=tuple(one for one in labmap.subnets if one.name in used))


def _bound_for(labmap: LabMap, hops: Sequence[Hop]) -> Iterator[str]:
    """Who has the address that the request was last sent to; of a Service's, those who might have been chosen."""
    sent = [hop.packet.dst for hop in hops if hop.direction == REQUEST]
    owner = labmap.owners.get(sent[-1]) if sent else None
    if owner:
        yield owner[0].name
        return
    for service in labmap.services:
        if sent and sent[-1] in service.addresses:
            found = (one.pod for port in service.ports for one in port.endpoints if one.pod)
            yield from list(dict.fromkeys(found))[:MOST_ENDPOINTS]


def _way(one: Trail, direction: str) -> Iterator[str]:
    for stretch in one.stretches:
        kind = f"way {direction}{' wrapped' if stretch.wrapped else ''}"
        yield f'<polyline class="{kind}" points="{_points(stretch.points)}"/>'
    for stretch in one.stretches:
        kind = f"arrow {direction}{' wrapped' if stretch.wrapped else ''}"
        yield from (f'<path class="{kind}" d="{arrow}"/>' for arrow in _arrows(stretch))


def _arrows(stretch: Stretch) -> Iterator[str]:
    """Before the middle of every line that is long enough for one, so that there and back they do not meet."""
    for (x, y), (to_x, to_y) in pairwise(stretch.points):
        length = abs(to_x - x) + abs(to_y - y)
        if length >= 44:
            across, down = (to_x - x) / length, (to_y - y) / length
            tip_x, tip_y = x + 0.36 * (to_x - x) + 8 * across, y + 0.36 * (to_y - y) + 8 * down
            back_x, back_y = tip_x - 14 * across, tip_y - 14 * down
            sides = f"L{back_x - 6 * down:g},{back_y + 6 * across:g} L{back_x + 6 * down:g},{back_y - 6 * across:g}"
            yield f"M{tip_x:g},{tip_y:g} {sides} Z"


def _badges(drawing: Drawing, hops: Sequence[Hop]) -> Iterator[str]:
    """On each place's upper edge the numbers of the steps that the request made there."""
    for box in drawing.boxes:
        steps = dict.fromkeys(hop.step for hop in hops if hop.place == box.place)
        if box.place and steps:
            text = " ".join(map(str, steps))
            width = 14 + 9 * len(text)
            x, y = box.x + box.width - width - 10, box.y - 11
            yield f'<g class="badge"><rect x="{x:g}" y="{y:g}" width="{width}" height="22" rx="11"/>'
            yield f'<text x="{x + width / 2:g}" y="{y + 16:g}" font-size="15" text-anchor="middle">{text}</text></g>'


def _blame(drawing: Drawing, journey: Journey) -> Iterator[str]:
    """A frame around the place where it was lost."""
    lost = journey.lost
    for box in drawing.boxes:
        if lost is not None and box.place == lost.place:
            at = f'x="{box.x - 4:g}" y="{box.y - 4:g}" width="{box.width + 8:g}" height="{box.height + 8:g}" rx="9"'
            yield f'<rect class="blame" {at}/>'


def _cross(journey: Journey, trails: dict[str, Trail]) -> Iterator[str]:
    """A cross where the way ends."""
    if journey.verdict == LOST and journey.lost is not None:
        end = trails[journey.lost.direction].end
        if end:
            x, y = end
            yield f'<path class="cross" d="M{x - 10:g},{y - 10:g} l20,20 m0,-20 l-20,20"/>'


def _stops(one: Trail) -> Iterator[str]:
    for seq, (x, y) in one.stops.items():
        yield f'<circle class="stop" data-hop="{seq}" cx="{x:g}" cy="{y:g}" r="9"/>'


def _points(points: Sequence[Point]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)


def _fitted(svg: str) -> str:
    """Without the empty heading, with its greatest width on the page, and the least one at full size."""
    width, height = (int(size) for size in _SIZE.findall(svg)[0])
    least, most, high = round(width * LEAST_SCALE), round(width * MOST_SCALE), height - HEADING
    style = f'style="--least:{least}px;max-width:{most}px"'
    return _SIZE.sub(f'{style} width="{width}" height="{high}" viewBox="0 {HEADING} {width} {high}"', svg, count=1)
