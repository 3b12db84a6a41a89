"""A journey as one pcapng file: every captured packet, and what each hop's packet was there for as its comment."""

from __future__ import annotations

from lab.trace.journey import Hop, Journey
from lab.trace.show import reasons
from lab.trace.witness.pcapng import Stream, Writer

Key = tuple[str, str, str, int]


def record(journey: Journey, stream: Stream) -> None:
    """Write all that was captured, in the order of time; Wireshark shows the comments with frame.comment."""
    comments: dict[Key, str] = {(hop.place, hop.interface, hop.way, hop.t_ns): comment(hop) for hop in journey.hops}
    writer = Writer(stream)
    for observation in journey.seen:
        capture = observation.capture
        writer.write(capture, comments.get((capture.place, capture.interface, capture.way, capture.t_ns), ""))


def comment(hop: Hop) -> str:
    """Hop, phase and step of a packet, then whatever decided its way."""
    lines = [f"hop {hop.seq}: {hop.phase} {hop.direction}, step {hop.step}, {hop.stage}"]
    lines += map(reasons.whole, hop.decisions)
    return "\n".join(lines)
