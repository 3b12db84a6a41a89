"""Sends a packet that a person wrote, once, and waits for what comes back to the place for it."""

from __future__ import annotations

import errno
import os
import select
import socket
from collections.abc import Iterator
from contextlib import suppress

from lab.trace.ask import question
from lab.trace.ask.attempt import ANY, Ask, Attempt, Outcome
from lab.trace.ask.crafted.written import Crafting
from lab.trace.ask.exchange import ANSWERED, DNS_PORT, REFUSED, UNASKED, role_of
from lab.trace.ask.ping import identifier
from lab.trace.witness.filter.match import PORTED, number
from lab.trace.witness.packet import ECHO_REPLY, ECHO_REQUEST, RST, Packet, decode

_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
_ARP = 0x0806
_LARGEST = 65_536


class CraftedAttempt(Attempt):
    """What comes back is heard as the place's programs would hear it, behind its rules and its NAT, by raw sockets.

    A port that the packet leaves by is claimed, as long as the attempt lasts: nobody else may be told of its answers,
    and the kernel is not to refuse datagrams for it.
    """

    kind = socket.SOCK_RAW

    def __init__(self, crafting: Crafting, place: str) -> None:
        """Made inside the place."""
        self._claims: list[socket.socket] = []
        self._frame = crafting.frame(place, self._claim)
        packet = self._frame.packet
        self.protocol = packet.protocol
        self.role = UNASKED if packet.icmp_type == ECHO_REPLY else role_of(packet)
        super().__init__(Ask(packet.dst, packet.dport if packet.protocol in PORTED else 0, packet.payload))
        self.once = True  # nobody sends it again
        self._packet = packet
        self.address, self.sport, self.ident = packet.src, packet.sport, packet.ident
        self._routed_to = crafting.outer_destination
        self._heard = tuple(self._listening())

    def _made(self) -> socket.socket:
        """The one that sends."""
        if self._frame.routed:
            sending = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
            sending.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        else:
            sending = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        return sending

    def _listening(self) -> Iterator[socket.socket]:
        if self.protocol == "arp":
            yield socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ARP))
            return
        for one in filter(None, dict.fromkeys((number(self.protocol), socket.IPPROTO_ICMP))):
            # To IP's number 0 no socket listens (raw(7)): what refuses it is all that can be heard.
            yield socket.socket(socket.AF_INET, socket.SOCK_RAW, one)

    def _claim(self, protocol: str, wanted: int) -> int:
        """A port or identifier that is ours, or else the wanted one in spite of whoever has it."""
        if protocol == "icmp":
            found, claimed = identifier()
            self._claims.append(claimed)
            return found
        kind, named = _KINDS.get(protocol, socket.SOCK_DGRAM), 0
        claimed = socket.socket(socket.AF_INET, kind)
        self._claims.append(claimed)
        with suppress(OSError):
            claimed.bind((ANY, wanted))
            named = claimed.getsockname()[1]
        return wanted or named

    def begin(self) -> None:
        try:
            if self._frame.routed:
                self._socket.sendto(self._frame.data, (self._routed_to, 0))
            else:
                self._socket.bind((self._frame.interface, 0))
                self._socket.send(self._frame.data)
        except OSError as error:
            self._error = error.errno or errno.EIO

    @property
    def _waited_for(self) -> tuple[socket.socket, ...]:
        return self._heard

    def _converse(self) -> Outcome:
        while True:
            self._wait(select.POLLIN)
            for one in self._heard:
                with suppress(BlockingIOError):
                    packet = decode(one.recv(_LARGEST, socket.MSG_DONTWAIT), ethernet=self.protocol == "arp")
                    if (outcome := self._outcome(packet)) is not None:
                        return outcome

    def _outcome(self, packet: Packet) -> Outcome | None:
        """What a packet that came in says of ours; None of any other."""
        cause = packet.cause
        if cause is not None and (cause.protocol, cause.src, cause.sport) == (self.protocol, self.address, self.sport):
            return REFUSED, os.strerror(errno.ECONNREFUSED).lower()
        if packet.protocol != self.protocol or not self._is_answer(packet):
            return None
        if packet.flags & RST and self.protocol == "tcp":
            return REFUSED, os.strerror(errno.ECONNREFUSED).lower()
        return ANSWERED, self._words(packet)

    def _is_answer(self, packet: Packet) -> bool:
        if self.protocol == "arp":
            return (packet.flags, packet.src) == (2, self.ask.destination)
        if packet.dst != self.address or packet.icmp_type == ECHO_REQUEST:
            return False
        if self._packet.icmp_type == ECHO_REQUEST:
            return packet.icmp_type == ECHO_REPLY and packet.sport == self.sport
        return packet.dport == self.sport if self.sport else packet.src == self.ask.destination

    def _words(self, packet: Packet) -> str:
        if self.protocol == "tcp":
            return " ".join(packet.flag_names)
        if self.protocol == "arp":
            return f"it is at {packet.mac}"
        if self.protocol == "udp" and self.ask.port == DNS_PORT:
            return question.words(packet.payload)
        return f"{len(packet.payload)} bytes"

    def abandon(self) -> None:
        for one in (self._socket, *self._heard, *self._claims):
            one.close()
