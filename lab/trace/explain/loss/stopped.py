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
        """Whether it only told of something else: an ICMP error, or a reset."""
        kind = self.packet.icmp_type
        return bool(self.packet.flags & RST) or (self.packet.protocol == "icmp" and kind not in ECHOES)
