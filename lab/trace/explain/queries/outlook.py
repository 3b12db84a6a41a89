"""What a place knows of the way out, asked of its kernel: routes, its own addresses and MACs, who answers by ARP."""

from __future__ import annotations

import fcntl
import select
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager

from lab.kernel.netlink.transport import RouteSocket
from lab.trace.ask.chosen_address import source_towards
from lab.trace.explain.queries import neighbour, route
from lab.trace.explain.queries.inquiry import Inquiry

_SIOCGIFHWADDR = 0x8927
_ETHERNET = 1
_ARP = 0x0806
_QUESTION, _ANSWER = 1, 2
_PACKET = struct.Struct("!6s6sHHHBBH6s4s6s4s")
_SECONDS = 0.3  # who is there answers in microseconds


class KernelOutlook:
    """Of the place that the inquiry is for; made and used inside of it."""

    def __init__(self, inquiry: Inquiry) -> None:
        self._inquiry = inquiry

    @property
    def interfaces(self) -> tuple[str, ...]:
        """All of the place's, without lo, by their numbers."""
        return tuple(name for _, name in sorted(socket.if_nameindex()) if name != "lo")

    def source(self, destination: str) -> str:
        """The address that a datagram there would have; "" without a way. Nothing is sent."""
        return source_towards(destination, broadcast=True)

    def way(self, destination: str) -> tuple[str, str]:
        """The interface, and the address of the next hop there; twice "" without a way."""
        found = route.ask(self._inquiry, route.Lookup(destination)).route
        return (found.device, found.via or destination) if found is not None else ("", "")

    def mac(self, interface: str) -> str:
        """The interface's own; "" where it is no Ethernet's, or not there."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            try:
                told = fcntl.ioctl(one, _SIOCGIFHWADDR, struct.pack("16s16x", interface.encode()[:15]))
            except OSError:
                return ""
        return told[18:24].hex(":") if int.from_bytes(told[16:18], "little") == _ETHERNET else ""

    def neighbour(self, interface: str, address: str) -> str:
        """The MAC of who has the address: as the kernel knows it, else as is answered to a question by ARP."""
        known = neighbour.neighbour(self._inquiry, interface, address)
        if known is not None and known.mac and known.state not in neighbour.FAILING:
            return known.mac
        mine, source = self.mac(interface), self.source(address)
        return _asked(interface, address, mine, source or "0.0.0.0") if mine else ""  # noqa: S104


@contextmanager
def outlook(place: str) -> Iterator[KernelOutlook]:
    """Of the place, from inside of it."""
    with RouteSocket() as netlink:
        yield KernelOutlook(Inquiry(place, netlink))


def _asked(interface: str, address: str, mine: str, source: str) -> str:
    """What is answered within a while; RFC 826."""
    sender, target = socket.inet_aton(source), socket.inet_aton(address)
    own = bytes.fromhex(mine.replace(":", ""))
    question = _PACKET.pack(b"\xff" * 6, own, _ARP, _ETHERNET, 0x0800, 6, 4, _QUESTION, own, sender, bytes(6), target)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ARP)) as asking:
        asking.bind((interface, _ARP))
        asking.send(question)
        deadline = time.monotonic() + _SECONDS
        while (left := deadline - time.monotonic()) > 0 and select.select([asking], [], [], left)[0]:
            frame = asking.recv(256)
            if len(frame) < _PACKET.size:
                continue
            *_, operation, mac, answering, _, _ = _PACKET.unpack_from(frame)
            if operation == _ANSWER and answering == target:
                return bytes(mac).hex(":")
    return ""
