"""What netfilter ended where no hop shows it."""

from __future__ import annotations

from dataclasses import dataclass, field

from lab.trace.journey import Decision
from lab.trace.witness.packet import ECHO_REPLY, ECHO_REQUEST, RST, Packet

ECHOES = (ECHO_REPLY, ECHO_REQUEST)


@dataclass(frozen=True, slots=True)
class Stopped:
    """What netfilter told of a packet that it ended in a place where no hop shows it."""

    place: str
    decisions: tuple[Decision, ...]
    packet: Packet = field(default_factory=Packet)

    @property
    def is_refusal(self) -> bool:
        """Whether it only told of something else."""
        return is_refusal(self.packet)


def is_refusal(packet: Packet) -> bool:
    """Whether a packet only tells of another one: an ICMP error, or a reset."""
    return bool(packet.flags & RST) or (packet.protocol == "icmp" and packet.icmp_type not in ECHOES)
