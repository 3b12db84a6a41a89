"""What impairments of links did to a request that went through: at which hop it was held, and for how long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from lab.map.labmap import LabMap
from lab.map.path import OUT
from lab.network.underlay.netem_device import is_impairment
from lab.trace.journey import INFERRED, Decision, Hop

KIND = "impairment"
HELD_NS = 1_000_000  # a rate that holds a packet for less is not worth a word


def decisions(labmap: LabMap, hops: Sequence[Hop]) -> Mapping[int, tuple[Decision, ...]]:
    """By the hops' position: those that leave by a device that holds packets. A packet socket sees what leaves when it
    has been held.
    """
    found: dict[int, tuple[Decision, ...]] = {}
    for number, hop in enumerate(hops):
        one = labmap.by_impaired.get((hop.place, hop.interface)) if hop.way == OUT else None
        if one is None or not (one.delay or one.rate):
            continue
        held = _held(hops[:number], hop)
        if one.delay or held >= HELD_NS:
            verdict = f"held {held / 1e6:.1f} ms" if held else ""
            text = f"{one.means} dev {one.device}: {one.words}"
            found[number] = (Decision(KIND, text, INFERRED, verdict=verdict, intent=one.intent),)
    return found


def _held(before: Sequence[Hop], hop: Hop) -> int:
    """Nanoseconds since the packet was seen in the place the last time; 0 where it was not."""
    for one in reversed(before):
        if (one.phase, one.direction) != (hop.phase, hop.direction):
            return 0
        if one.place == hop.place:
            return hop.t_ns - one.t_ns
    return 0


def named(told: Iterable[Decision]) -> tuple[Decision, ...]:
    """The decisions, those of an impairment's rule called what they are."""
    return tuple(replace(one, kind=KIND) if is_impairment(one.intent) else one for one in told)


def holding(hop: Hop) -> Decision | None:
    """What held the packet before it was seen here."""
    return next((one for one in hop.decisions if one.kind == KIND and not one.chain), None)
