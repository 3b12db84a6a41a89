"""scapy's verbs for one place: its packets leave from there and come in there, whatever the test's own namespace.

Addresses that are left out are the place's. A packet that begins with IP is routed by the place's kernel and meets its
rules, as those of its programs do; one that begins with Ether or ARP goes straight out of an interface.
"""

from __future__ import annotations

import reprlib
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scapy.base_classes import Gen, SetGen
from scapy.config import conf
from scapy.layers.inet import IP
from scapy.packet import Packet
from scapy.plist import PacketList, SndRcvList
from scapy.sendrecv import AsyncSniffer, sndrcv, sniff
from scapy.supersocket import SuperSocket

from lab.agent.client import calls
from lab.errors import UsageError
from lab.kernel.netlink.socketfilter import attach, discard
from lab.map.labmap import LabMap
from lab.running.sockets import lent
from lab.trace.ask.crafted.filling import addressed
from lab.trace.explain.queries.outlook import KernelOutlook
from lab.trace.witness.filter.bpf import compiled

if TYPE_CHECKING:
    from lab.kernel.netlink.socketfilter import Instruction
    from lab.trace.explain.queries.inquiry import Inquiry

Written = Packet | Gen[Packet] | Sequence[Packet]
Interfaces = str | Sequence[str] | Mapping[str, str] | None
SECONDS = 2.0
_EXAMPLE = "IP(dst=…)/UDP(dport=…)"
_ETH_P_ALL, _BUFFER = 3, 4 << 20
_SO_TIMESTAMPNS, _SOL_PACKET, _PACKET_AUXDATA = 35, 263, 8


class PlaceSocket(SuperSocket):
    """A scapy socket of a place: whatever comes in there, and goes out if it only `listens`. It can be given to all of
    scapy's functions that take an opened socket, and is closed by whoever asked for it.
    """

    desc = "packets of a place of a lab"
    auxdata_available = True

    def __init__(self, listening: socket.socket, sending: socket.socket | None, *, routed: bool, listens: bool) -> None:
        self.ins, self.outs = listening, sending
        self._routed, self._listens = routed, listens
        self.iface = listening.getsockname()[0]

    def recv(self, x: int = 1 << 17, **options: Any) -> Packet | None:  # noqa: ANN401  as scapy has it
        """The next packet, beginning with IP where what is sent begins so; None for what went out."""
        data, address, stamp = self._recv_raw(self.ins, x)
        if address[2] == socket.PACKET_OUTGOING and not self._listens:
            return None
        layer = conf.l2types.num2layer.get(address[3]) or conf.l3types.num2layer.get(address[1], conf.raw_layer)
        packet: Packet = layer(data, **options)
        if self._routed and not isinstance(packet, IP):
            packet = packet.payload
        if stamp is not None:
            packet.time = stamp
        return packet

    def send(self, x: Packet) -> int:
        """One packet; of one that begins with IP the kernel makes its length and checksum."""
        if self.outs is None:
            raise UsageError("this socket only listens", "`socket(PACKET)` gives one that sends too")
        data = bytes(x)
        if not self._routed:
            return self.outs.send(data)
        return self.outs.sendto(data, (str(x.dst), 0))


@dataclass(frozen=True, slots=True)
class Packets:
    """The place `name` of a lab. Whatever is opened for a call is closed after it."""

    lab: str
    name: str

    def send(self, packets: Written, *, iface: str = "", count: int = 1) -> PacketList:
        """Send each of them, `count` times over; gives what was sent, with the addresses that were filled in."""
        filled, sending = self._opened(packets, iface)
        with sending:
            for one in filled * count:
                sending.send(one)
        return PacketList(filled * count, "Sent")

    def sr(
        self,
        packets: Written,
        *,
        timeout: float = SECONDS,
        iface: str = "",
        **options: Any,  # noqa: ANN401  sndrcv's
    ) -> tuple[SndRcvList, PacketList]:
        """Send each, and wait for the answers: pairs of a packet and its answer, and what nobody answered."""
        filled, sending = self._opened(packets, iface)
        with sending:
            return sndrcv(sending, filled, timeout=timeout, verbose=False, **options)

    def sr1(self, packets: Written, *, timeout: float = SECONDS, iface: str = "", **options: Any) -> Packet | None:  # noqa: ANN401
        """Send, and give the first answer; None if there was none in so many seconds."""
        answered, _ = self.sr(packets, timeout=timeout, iface=iface, first=True, **options)
        return answered[0].answer if answered else None

    def sniff(
        self,
        *,
        iface: Interfaces = None,
        filter: str = "",
        timeout: float | None = None,
        **options: Any,  # noqa: ANN401  scapy's own
    ) -> PacketList:
        """What passes the place's interfaces in both directions, as scapy's `sniff`, whose other options it takes too:
        count, lfilter, prn, stop_filter, started_callback, … `filter` is in tcpdump's language; without `iface` all
        interfaces are listened on. UsageError for what is none.
        """
        opened = self._heard_on(iface, filter)
        try:
            return sniff(opened_socket=opened, timeout=timeout, **options)
        finally:
            for one in opened:
                one.close()

    def sniffer(self, *, iface: Interfaces = None, filter: str = "", **options: Any) -> AsyncSniffer:  # noqa: ANN401
        """scapy's AsyncSniffer on the place's interfaces: what comes from now on is kept for it until `start`; `stop`
        gives it.
        """
        return AsyncSniffer(opened_socket=self._heard_on(iface, filter), **options)

    def socket(self, packet: Packet | None = None, *, iface: str = "") -> PlaceSocket:
        """A socket for scapy's own functions (`sndrcv`, `bridge_and_sniff`, automata): one that sends what begins as
        `packet` does, else one that only listens. Close it.
        """
        return self._opened(packet, iface)[1] if packet is not None else self._listening(iface, ())

    def _heard_on(self, iface: Interfaces, expression: str) -> dict[PlaceSocket, str]:
        """A socket for each interface, and what its packets are labelled with."""
        program = compiled(expression) if expression else ()
        labels = dict(iface) if isinstance(iface, Mapping) else {one: one for one in _listed(iface)}
        return {self._listening(one, program): label or self.name for one, label in labels.items()}

    def _listening(self, iface: str, program: Sequence[Instruction]) -> PlaceSocket:
        def make(_: Inquiry) -> tuple[None, tuple[socket.socket]]:
            return None, (_heard(self.name, iface, program),)

        with calls.connect(self.lab) as connected:
            _, (listening,) = lent(connected.sandbox, self.name, make)
        return PlaceSocket(listening, None, routed=False, listens=True)

    def _opened(self, packets: Written, iface: str) -> tuple[list[Packet], PlaceSocket]:
        """The packets with their addresses, and a socket for them. All of them begin alike."""
        given = list(packets if isinstance(packets, Gen) else SetGen(packets))
        if not given:
            raise UsageError("there is no packet to send", _EXAMPLE)
        stranger = next((one for one in given if not isinstance(one, Packet)), None)
        if stranger is not None:
            raise UsageError(f"{reprlib.repr(stranger)} is no packet of scapy's", _EXAMPLE)

        with calls.connect(self.lab) as connected:
            labmap = LabMap.from_json(connected.request("read", what="map"))

            def make(inquiry: Inquiry) -> tuple[tuple[list[Packet], bool], tuple[socket.socket, ...]]:
                outlook = KernelOutlook(inquiry)
                found = [addressed(one, outlook, labmap, iface) for one in given]
                routed = {isinstance(one, IP) for one, _ in found}
                leaves = {interface for _, interface in found}
                if len(routed) > 1:
                    raise UsageError(
                        "some of the packets begin with IP, and some do not", "send them one after the other"
                    )
                filled = [one for one, _ in found]
                if routed == {True}:
                    return (filled, True), (_heard(self.name, "", ()), _raw(self.name, iface))
                if len(leaves) > 1:
                    raise UsageError(
                        f"the packets leave by {' and '.join(sorted(leaves))}",
                        "say iface=…, or send them one after the other",
                    )
                return (filled, False), (_heard(self.name, leaves.pop(), ()),)

            (filled, routed), sockets = lent(connected.sandbox, self.name, make)
        return filled, PlaceSocket(sockets[0], sockets[-1], routed=routed, listens=False)


def _listed(iface: str | Sequence[str] | None) -> Sequence[str]:
    return [iface or ""] if iface is None or isinstance(iface, str) else iface


def _heard(place: str, iface: str, program: Sequence[Instruction]) -> socket.socket:
    """A packet socket of one interface, of all without one; nothing that came before its filter was there."""
    listening = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    if iface:
        try:
            listening.bind((iface, _ETH_P_ALL))
        except (OSError, ValueError) as error:  # also what can be no name
            raise _no_interface(place, iface) from error
    listening.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    listening.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    attach(listening, program)
    discard(listening)
    return listening


def _raw(place: str, iface: str) -> socket.socket:
    """For packets that have their IP header (raw(7)); with an interface, they leave by no other."""
    sending = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    sending.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    if iface:
        try:
            sending.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, iface.encode())
        except (OSError, ValueError) as error:  # also what can be no name
            raise _no_interface(place, iface) from error
    return sending


def _no_interface(place: str, iface: str) -> UsageError:
    return UsageError(f"{place} has no interface {iface!r}", f"./inv exec {place} -- ip link")
