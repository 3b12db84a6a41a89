"""A hop with the frame that was captured there: what an answer of the kernel is compared with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lab.trace.journey import Hop
from lab.trace.witness.observation import ETHERNET, Observation

OUT = "out"


@dataclass(frozen=True, slots=True)
class Sighting:
    """A hop, the MAC that its frame was sent to ("" where there is none), and the hop before it in the same place.

    `before` is what came in there, in the same wrapping or in none: None for what the place sent itself.
    """

    hop: Hop
    mac: str
    before: Hop | None = None

    @property
    def wrapped(self) -> bool:
        return self.hop.packet.outer is not None

    @property
    def destination(self) -> str:
        """The address by which the place routes it: a wrapped packet's outer one."""
        outer = self.hop.packet.outer
        return outer.dst if outer else self.hop.packet.dst

    @property
    def source(self) -> str:
        """The source when it was routed, which is before a masquerade."""
        if self.hop.packet.outer:
            return self.hop.packet.outer.src
        return self.before.packet.src if self.before else self.hop.packet.src


def sightings(hops: Sequence[Hop], seen: Iterable[Observation]) -> list[Sighting]:
    """The hops in their order, with their frames."""
    frames = {
        (one.capture.place, one.capture.interface, one.capture.way, one.capture.t_ns): one.capture
        for one in seen
        if one.capture.hardware == ETHERNET
    }
    found = []
    for number, hop in enumerate(hops):
        capture = frames.get((hop.place, hop.interface, hop.way, hop.t_ns))
        mac = capture.frame[:6].hex(":") if capture and len(capture.frame) >= 14 else ""
        found.append(Sighting(hop, "" if mac == "00:00:00:00:00:00" else mac, _entered(hops, number)))
    return found


def _entered(hops: Sequence[Hop], number: int) -> Hop | None:
    """The hop by which the packet of an outgoing one had come into the place."""
    hop = hops[number]
    if hop.way != OUT:
        return None
    leg = (hop.phase, hop.direction, hop.place)
    for before in reversed(hops[:number]):
        if (before.phase, before.direction, before.place) != leg:
            return None
        if before.way != OUT and (before.packet.outer is None) == (hop.packet.outer is None):
            return before
        if (before.packet.outer is None) != (hop.packet.outer is None):
            return None  # it was wrapped here: the outer packet is the place's own
    return None
