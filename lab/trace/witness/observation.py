"""What was seen: a frame on an interface of a place, and the packet in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lab.map.labmap import LabMap
from lab.trace.witness.packet import Packet, decode
from lab.trace.witness.sealed import unsealed

ETHERNET = 1  # ARPHRD_ETHER; tunl0 is 768, its frames begin with the IP header
LOOPBACK = 772  # ARPHRD_LOOPBACK: frames with an Ethernet header of zeros
FRAMED = (ETHERNET, LOOPBACK)


@dataclass(frozen=True, slots=True)
class Capture:
    """A frame as it passed an interface of a place.

    `way` is in or out, `t_ns` the wall clock. `length` is the frame's own, which may be more than was kept of it.
    `unfinished`: the checksum was left for a device to fill in. `foreign`: it was not for the interface's own MAC.
    """

    place: str
    interface: str
    way: str
    t_ns: int
    frame: bytes = b""
    length: int = 0
    hardware: int = ETHERNET
    unfinished: bool = False
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """A capture with its packet read. `astray`: it came here by mistake, as when a bridge floods an unknown MAC."""

    capture: Capture
    packet: Packet
    astray: bool = False

    @property
    def sender(self) -> str:
        """The MAC that the frame came from, "" where it has none."""
        return self.capture.frame[6:12].hex(":") if self.capture.hardware == ETHERNET else ""

    @property
    def tunnel(self) -> str:
        """What wrapped it there: vxlan, ipip, wireguard or ""."""
        return self.packet.outer.kind if self.packet.outer else ""


def observed(captures: Iterable[Capture], labmap: LabMap) -> list[Observation]:
    """The captures' packets, in the order of time; the kernel's own order where the stamps are equal.

    What comes in by a bridge's port is never for the port's own MAC, and is not astray.
    """
    found = [
        Observation(
            capture,
            decode(
                capture.frame,
                labmap.vxlan_ports,
                ethernet=capture.hardware in FRAMED,
                unfinished=capture.unfinished,
            ),
            astray=capture.foreign and (capture.place, capture.interface) not in labmap.bridge_ports,
        )
        for capture in sorted(captures, key=lambda one: one.t_ns)
    ]
    return unsealed(found, labmap)
