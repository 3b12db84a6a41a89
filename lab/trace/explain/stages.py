"""Which step of the journey a sighting belongs to: a table over where a packet was seen and what wrapped it there."""

from __future__ import annotations

from lab.map.labmap import LabMap
from lab.network.tunnels import TUNNELS
from lab.trace.journey import REPLY

POD_SIDE, WIRE, TUNNEL = "pod side", "wire", "tunnel"
IN, OUT = "in", "out"
PLAIN, WRAPPED = False, True
RESOLVE, SERVICE = 1, 2

Step = tuple[int, str]

# (kind of place, kind of interface, way, inside a tunnel) -> step and stage, as a request sees them
STAGES: dict[tuple[str, str, str, bool], Step] = {
    ("pod", WIRE, OUT, PLAIN): (2, "service"),
    ("internet", WIRE, OUT, PLAIN): (2, "service"),
    ("node", POD_SIDE, IN, PLAIN): (2, "service"),
    ("node", WIRE, OUT, PLAIN): (3, "route"),
    ("router", WIRE, IN, PLAIN): (3, "forward"),
    ("router", WIRE, OUT, PLAIN): (3, "forward"),
    ("gateway", WIRE, IN, PLAIN): (3, "forward"),
    ("gateway", WIRE, OUT, PLAIN): (3, "forward"),
    ("node", TUNNEL, OUT, PLAIN): (4, "encapsulate"),
    ("node", WIRE, OUT, WRAPPED): (4, "encapsulate"),
    ("router", WIRE, IN, WRAPPED): (4, "forward"),
    ("router", WIRE, OUT, WRAPPED): (4, "forward"),
    ("node", WIRE, IN, WRAPPED): (5, "firewall"),
    ("node", WIRE, IN, PLAIN): (5, "firewall"),
    ("node", TUNNEL, IN, PLAIN): (6, "decapsulate"),
    ("node", POD_SIDE, OUT, PLAIN): (6, "deliver"),
    ("pod", WIRE, IN, PLAIN): (6, "deliver"),
    ("internet", WIRE, IN, PLAIN): (6, "deliver"),
}
LOOPBACK = "lo"
ITSELF: dict[str, Step] = {OUT: (2, "service"), IN: (6, "deliver")}  # what a place sends to itself
ELSEWHERE: Step = (3, "forward")  # an interface or a place that the design does not have
NO_SERVICE: dict[Step, Step] = {(2, "service"): (3, "route")}  # the destination was an address, not a Service's


def stage(labmap: LabMap, seen: tuple[str, str, str, bool], direction: str, *, service: bool) -> Step:
    """Step and stage of a packet seen at (place, interface, way, inside a tunnel).

    A reply crosses the same steps backwards, and its stage is always `reply`.
    """
    place, interface, way, wrapped = seen
    if direction == REPLY:
        step, _ = stage(labmap, (place, interface, OUT if way == IN else IN, wrapped), "", service=service)
        return step, REPLY
    if interface == LOOPBACK:
        found = ITSELF[way]
        return found if service else NO_SERVICE.get(found, found)
    where = labmap.by_name.get(place)
    found = STAGES.get((where.kind if where else "", interface_kind(labmap, place, interface), way, wrapped), ELSEWHERE)
    return found if service else NO_SERVICE.get(found, found)


def interface_kind(labmap: LabMap, place: str, interface: str) -> str:
    """Whether an interface leads to pods of the node, into a tunnel, or to the wire."""
    where = labmap.by_name.get(place)
    link = where.link(interface) if where else None
    if link is None:
        return WIRE
    if link.kind in TUNNELS:
        return TUNNEL
    peer = labmap.by_name.get(link.peer_place)
    return POD_SIDE if link.kind == "bridge" or (peer is not None and peer.kind == "pod") else WIRE
