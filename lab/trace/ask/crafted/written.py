"""A packet that a person wrote, checked as a whole: what of it is followed, and its frames as the place fills them."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.layers.sctp import SCTP
from scapy.packet import Packet as Written

from lab.errors import UsageError
from lab.map.labmap import LabMap
from lab.trace.ask.crafted.expression import Call, Expression, parse
from lab.trace.ask.crafted.filling import (
    FOREIGN_ARP,
    WITHOUT_THEM,
    Outlook,
    addressed,
    carried,
    is_of_ipv4,
    is_said,
    layers,
)
from lab.trace.ask.crafted.layers import LONGEST, layer
from lab.trace.witness.packet import ECHO_REQUEST, Packet, decode

BEGINNINGS = (Ether, ARP, IP)
BY_THE_KERNEL = ("len", "chksum")
PORTED = {TCP: "tcp", UDP: "udp", SCTP: "sctp"}
_DOUBTFUL = (struct.error, ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError)

Claim = Callable[[str, int], int]
"""Keeps a port of that protocol for us, any if it is 0, and tells which."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What is sent: `data` begins with IP, and is `routed` by the kernel; or goes out of `interface` as it is."""

    data: bytes
    interface: str
    routed: bool
    packet: Packet


class Crafting:
    """`text` is what was typed. `look` gives what a place knows, from inside of it."""

    def __init__(self, text: str, labmap: LabMap, look: Callable[[str], AbstractContextManager[Outlook]]) -> None:
        """UsageError with the place of whatever cannot be."""
        self.text = text
        self._labmap = labmap
        self._look = look
        self._written = _composed(parse(text))
        self._filled: tuple[Written, str] | None = None
        blind, _ = addressed(self._written, _Blind(), labmap)
        self.followed = self._decoded(blind)
        if not self.followed.dst or self.followed.protocol.startswith("0x"):
            raise UsageError("--packet: nothing in it can be followed", "IP or ARP has to be in it")

    @property
    def outer_destination(self) -> str:
        """Whom the packet itself is for: of a tunnel's, not what it carries."""
        outer = self.followed.outer
        return outer.dst if outer is not None else self.followed.dst

    def frame(self, place: str, claim: Claim) -> Frame:
        """Made inside the place: with its addresses, a port of its own where none is written, and the numbers by which
        it is known again behind a NAT.
        """
        known, interface = self._addressed(place)
        filled = known.copy()
        for one in layers(filled):
            _mark(one, claim)
        return Frame(_built(filled), interface, isinstance(filled, IP), self._decoded(filled))

    def _addressed(self, place: str) -> tuple[Written, str]:
        """The place is asked once: who has an address may have to be found by ARP."""
        if self._filled is None:
            with self._look(place) as outlook:
                self._filled = addressed(self._written, outlook, self._labmap)
        return self._filled

    def _decoded(self, written: Written) -> Packet:
        return decode(_built(written), self._labmap.vxlan_ports, ethernet=isinstance(written, Ether))


class _Blind:
    """Nobody is asked: what is left out is empty."""

    interfaces = ()

    def source(self, _destination: str) -> str:
        return ""

    def way(self, _destination: str) -> tuple[str, str]:
        return "", ""

    def mac(self, _interface: str) -> str:
        return ""

    def neighbour(self, _interface: str, _address: str) -> str:
        return ""


def _composed(expression: Expression) -> Written:
    """All layers on each other, as scapy joins them."""
    made = [layer(expression, one) for one in expression.layers]
    first, *others = made
    begins = expression.layers[0]
    if not isinstance(first, BEGINNINGS):
        told = begins.name if isinstance(begins, Call) else "a text"
        remedy = f"begin with {', '.join(f'{one.__name__}()' for one in BEGINNINGS)}"
        raise expression.wrong(begins.place, f"a packet cannot begin with {told}", remedy)
    if isinstance(first, IP) and isinstance(begins, Call):
        for argument in begins.arguments:
            if argument.name in BY_THE_KERNEL:
                problem = f"the kernel makes {argument.name} itself where a packet begins with IP"
                raise expression.wrong(argument.place, problem, "Ether()/IP(…) sends it as it is written")
    for call, one in zip(expression.layers, made, strict=True):
        asked = "pdst" if isinstance(one, ARP) else "dst" if isinstance(one, IP) else ""
        if asked and not is_said(one, asked):
            raise expression.wrong(call.place, f"{type(one).__name__} has no {asked}", f'{asked}="10.244.0.129"')
        if isinstance(one, ARP) and not is_of_ipv4(one):
            raise expression.wrong(call.place, f"{FOREIGN_ARP} cannot be followed", WITHOUT_THEM)
    packet = first
    for one in others:
        packet = packet / one
    if carried(packet) is None:
        raise expression.wrong(begins.place, "there is neither IP nor ARP in it", "that is what is followed")
    return packet


def _mark(one: Written, claim: Claim) -> None:
    if isinstance(one, IP) and not is_said(one, "id"):
        one.id = random.getrandbits(16) or 1  # the kernel would make another one of 0
    protocol = PORTED.get(type(one))
    if protocol is not None:
        one.sport = claim(protocol, int(one.sport) if is_said(one, "sport") else 0)
    if isinstance(one, TCP) and not is_said(one, "seq"):
        one.seq = random.getrandbits(32)
    if isinstance(one, ICMP) and one.type == ECHO_REQUEST and not is_said(one, "id"):
        one.id = claim("icmp", 0)


def _built(written: Written) -> bytes:
    try:
        data = bytes(written)
    except _DOUBTFUL as error:
        raise UsageError(f"--packet: scapy cannot build it: {error}", "its layers do not fit each other") from error
    if len(data) > LONGEST:
        raise UsageError(f"--packet: {len(data)} bytes are too many", f"up to {LONGEST}")
    return data
