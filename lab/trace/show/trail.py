"""The path of a request and of its reply on the lab's picture: along the cables that are drawn there.

A cable is found by where it ends: at the edge of a place's box, or on a subnet's bar. Both ways keep to the right hand
side of their direction, so that they lie next to each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import hypot

from lab.map.drawing.svg import Box, Drawing, Line
from lab.trace.journey import Hop

Point = tuple[float, float]
ASIDE = 4.0
"""Pixels between a way and the middle of its cable."""
NEAR = 1.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the way, all of it inside of a tunnel or none of it."""

    points: tuple[Point, ...]
    wrapped: bool


@dataclass(frozen=True, slots=True)
class Trail:
    """One direction's way, and where on it each hop is, by the hop's number."""

    stretches: tuple[Stretch, ...]
    stops: dict[int, Point]

    @property
    def end(self) -> Point | None:
        return self.stretches[-1].points[-1] if self.stretches else None


@dataclass(frozen=True, slots=True)
class _Leg:
    """From one place to the next: its corners, and the numbers of the hops at its beginning and at its end."""

    points: list[Point]
    wrapped: bool
    leaving: tuple[int, ...]
    arriving: tuple[int, ...]


def trail(drawing: Drawing, homes: Mapping[str, str], hops: Sequence[Hop]) -> Trail:
    """The way of one direction's hops. `homes` has the node of each pod; places that are not drawn are left out."""
    ground = _Ground(drawing, homes)
    stays = [
        (place, list(found))
        for place, found in groupby((hop for hop in hops if hop.place in ground.boxes), key=lambda hop: hop.place)
    ]
    legs = [
        _Leg(
            ground.way(one, other),
            arrived[0].packet.outer is not None,
            tuple(hop.seq for hop in left if hop.way == "out"),
            tuple(hop.seq for hop in arrived if hop.way != "out"),
        )
        for (one, left), (other, arrived) in pairwise(stays)
    ]
    if not legs:
        spots = {hop.seq: ground.middle(place) for place, found in stays for hop in found}
        return Trail((), spots)
    return _joined(ground, [place for place, _ in stays], legs)


def _joined(ground: _Ground, places: list[str], legs: list[_Leg]) -> Trail:
    """The legs end to end, around the edge of the places between them, moved to the right of their direction."""
    points: list[Point] = []
    wrapped: list[bool] = []  # of the line to each point
    stops: dict[int, int] = {}
    for number, leg in enumerate(legs):
        corners = list(leg.points)
        if points:
            inside = wrapped[-1] and leg.wrapped
            around = ground.around(places[number], points[-1], corners[0])
            points += around
            wrapped += [inside] * len(around)
        else:
            points.append(corners.pop(0))
            wrapped.append(leg.wrapped)
        stops.update(dict.fromkeys(leg.leaving, len(points) - 1))
        if corners and corners[0] == points[-1]:
            corners.pop(0)
        points += corners
        wrapped += [leg.wrapped] * len(corners)
        stops.update(dict.fromkeys(leg.arriving, len(points) - 1))
    moved = _aside(points)
    stretches = []
    for inside, found in groupby(range(1, len(moved)), key=lambda place: wrapped[place]):
        run = list(found)
        stretches.append(Stretch(tuple(moved[run[0] - 1 : run[-1] + 1]), inside))
    return Trail(tuple(stretches), {seq: moved[place] for seq, place in stops.items()})


class _Ground:
    """What stands on the picture, and which cables there are."""

    def __init__(self, drawing: Drawing, homes: Mapping[str, str]) -> None:
        self.boxes = {box.place: box for box in drawing.boxes if box.place}
        self._homes = {pod: node for pod, node in homes.items() if node in self.boxes}
        bars = [line for line in drawing.lines if line.style == "bar"]
        self._cables: dict[str, list[tuple[tuple[Point, ...], str]]] = {}
        for line in drawing.lines:
            if line.style == "wire":
                for points in (line.points, line.points[::-1]):
                    at = self._place_at(points[0])
                    far = self._place_at(points[-1]) or _bar_at(bars, points[-1])
                    if at and far:
                        self._cables.setdefault(at, []).append((points, far))

    def way(self, one: str, other: str) -> list[Point]:
        """The corners between two places."""
        if self._homes.get(one) == other or (one in self._homes and self._homes[one] == self._homes.get(other)):
            inside = self._out_of_pod(one, self._homes[one])
            return (
                inside
                if self._homes.get(other) is None
                else [*inside[:-1], *self._out_of_pod(other, self._homes[other])[-2::-1]]
            )
        if self._homes.get(other) == one:
            return self._out_of_pod(other, one)[::-1]
        for points, far in self._cables.get(one, ()):
            if far == other:
                return self._from_within(one, points)
            for back, bar in self._cables.get(other, ()):
                if bar == far:
                    return [*self._from_within(one, points), *self._from_within(other, back)[::-1]]
        return [self.middle(one), self.middle(other)]

    def around(self, place: str, here: Point, there: Point) -> list[Point]:
        """The corners from one point on a box's edge to another, the shorter way round; ends with the second."""
        if here == there:
            return []
        box = self.boxes[place]
        corners = _corners(box)
        length = 2 * (box.width + box.height)
        start, end = _along(box, here), _along(box, there)
        if start is None or end is None:
            return [there]
        forward = (end - start) % length <= length / 2
        passed = []
        for corner in corners:
            at = _along(box, corner)
            assert at is not None
            gone, all_of_it = (
                ((at - start) % length, (end - start) % length)
                if forward
                else (
                    (start - at) % length,
                    (start - end) % length,
                )
            )
            if 0 < gone < all_of_it:
                passed.append((gone, corner))
        return [*(corner for _, corner in sorted(passed)), there]

    def middle(self, place: str) -> Point:
        box = self.boxes[place]
        return box.x + box.width / 2, box.y + box.height / 2

    def _lane(self, node: str) -> Point:
        """Where a node's ways meet: beside its pods, at the height of its cable."""
        box = self.boxes[node]
        chips = [self.boxes[pod] for pod, home in self._homes.items() if home == node and pod in self.boxes]
        right = box.x + box.width
        inner = max((chip.x + chip.width for chip in chips), default=right - 12)
        ends = [points[0][1] for points, _ in self._cables.get(node, ())]
        return (inner + right) / 2, ends[0] if ends else box.y + box.height / 2

    def _out_of_pod(self, pod: str, node: str) -> list[Point]:
        chip, (x, y) = self.boxes[pod], self._lane(node)
        middle = chip.y + chip.height / 2
        return [(chip.x + chip.width, middle), (x, middle), (x, y)]

    def _from_within(self, place: str, points: tuple[Point, ...]) -> list[Point]:
        """A cable, from the lane of a node that has one."""
        return [self._lane(place), *points] if place in self._homes.values() else list(points)

    def _place_at(self, point: Point) -> str:
        return next((place for place, box in self.boxes.items() if _along(box, point) is not None), "")


def _corners(box: Box) -> tuple[Point, ...]:
    right, bottom = box.x + box.width, box.y + box.height
    return (box.x, box.y), (right, box.y), (right, bottom), (box.x, bottom)


def _along(box: Box, point: Point) -> float | None:
    """How far along the edge a point is, clockwise from the top left; None if it is not on the edge."""
    x, y = point[0] - box.x, point[1] - box.y
    if not (-NEAR <= x <= box.width + NEAR and -NEAR <= y <= box.height + NEAR):
        return None
    if abs(y) <= NEAR:
        return x
    if abs(x - box.width) <= NEAR:
        return box.width + y
    if abs(y - box.height) <= NEAR:
        return 2 * box.width + box.height - x
    return 2 * (box.width + box.height) - y if abs(x) <= NEAR else None


def _bar_at(bars: Iterable[Line], point: Point) -> str:
    """A name for the bar on which a point lies, or ""."""
    for number, bar in enumerate(bars):
        (left, y), (right, _) = bar.points[0], bar.points[-1]
        if left - NEAR <= point[0] <= right + NEAR and abs(point[1] - y) <= NEAR:
            return f"bar {number}"
    return ""


def _aside(points: Sequence[Point]) -> list[Point]:
    """Every line moved to its right hand side; the lines' new crossings are the new corners."""
    normals = [_right_of(one, other) for one, other in pairwise(points)]
    moved = []
    for place, (x, y) in enumerate(points):
        before = normals[max(place - 1, 0)]
        after = normals[min(place, len(normals) - 1)]
        turn = 1 + before[0] * after[0] + before[1] * after[1]
        # Where it turns back there is no crossing: keep to the line that was.
        shift = before if turn < 0.1 else ((before[0] + after[0]) / turn, (before[1] + after[1]) / turn)
        moved.append((round(x + ASIDE * shift[0], 1), round(y + ASIDE * shift[1], 1)))
    return moved


def _right_of(one: Point, other: Point) -> Point:
    x, y = other[0] - one[0], other[1] - one[1]
    length = hypot(x, y) or 1.0
    return -y / length, x / length
