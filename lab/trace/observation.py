"""What was seen: a frame on an interface of a place, and the packet in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from lab.trace.packet import Packet, decode

ETHERNET = 1  # ARPHRD_ETHER; tunl0 is 768, its frames begin with the IP header


@dataclass(frozen=True, slots=True)
class Capture:
    """A frame as it passed an interface of a place.

    `way` is in or out, `t_ns` the wall clock. `length` is the frame's own, which may be more than was kept of it.
    `unfinished`: the checksum was left for a device to fill in. `astray`: the frame was for another machine, as when a
    bridge floods what it does not know.
    """

    place: str
    interface: str
    way: str
    t_ns: int
    frame: bytes = b""
    length: int = 0
    hardware: int = ETHERNET
    unfinished: bool = False
    astray: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """A capture with its packet read."""

    capture: Capture
    packet: Packet

    @property
    def tunnel(self) -> str:
        """What wrapped it there: vxlan, ipip or ""."""
        return self.packet.outer.kind if self.packet.outer else ""


def observed(captures: Iterable[Capture], vxlan_ports: Collection[int]) -> list[Observation]:
    """The captures' packets, in the order of time; the kernel's own order where the stamps are equal."""
    return [
        Observation(
            capture,
            decode(
                capture.frame,
                vxlan_ports,
                ethernet=capture.hardware == ETHERNET,
                unfinished=capture.unfinished,
            ),
        )
        for capture in sorted(captures, key=lambda one: one.t_ns)
    ]
