"""Which of WireGuard's messages carries which packet: what is in them nobody can read.

A device encrypts packets in the order in which they enter it, pads each to a multiple of 16 bytes, and numbers the
messages for a peer. So of what leaves a node, the first message of the right size behind a packet carries it; the same
number elsewhere is the same message. Before the first message there is a handshake: while that is not answered, what it
was begun for waits, and its packet stands for it. Source: WireGuard's protocol and Linux' drivers/net/wireguard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lab.map.labmap import LabMap
from lab.map.path import OUT
from lab.map.place import Link
from lab.network.tunnels import SEALED
from lab.trace.witness.packet import Outer, Packet

if TYPE_CHECKING:
    from lab.trace.witness.observation import Observation

_INITIATION, _DATA = 1, 4
_INDEX = slice(4, 8)  # the sender's, of an initiation
_NUMBER = slice(4, 16)  # the receiver's index and the counter, of a message with data
_AROUND = 32  # header and authentication tag
_PADDED = 16
_INITIATION_BYTES = 148

WAITING, BEGUN, SPEAKING = "waiting", "begun", "speaking"
"""Nothing was sent there, a handshake only, packets."""

Number = tuple[int, bytes]


@dataclass(slots=True)
class _Waiting:
    """A packet that entered a device, when it did, and the address of the node that it is for. What is longer than
    `longest` is cut in several before it is encrypted.
    """

    packet: Packet
    t_ns: int
    remote: str
    longest: int

    @property
    def flow(self) -> tuple[str, str, int, str, int]:
        one = self.packet
        return one.protocol, one.src, one.sport, one.dst, one.dport

    def fits(self, padded: int) -> bool:
        """Whether a message with so many bytes in it can carry it."""
        length = self.packet.length
        return length <= padded < length + _PADDED or length > self.longest


def unsealed(seen: list[Observation], labmap: LabMap) -> list[Observation]:
    """The observations, which are in the order of time, with WireGuard's messages as what they carry, where that could
    be told.
    """
    if not labmap.wireguard_ports:
        return seen
    carried = _carried(seen, labmap)
    return [_unsealed(one, carried, labmap) for one in seen]


def speech(seen: Sequence[Observation], labmap: LabMap) -> str:
    """How far the nodes have come for which packets entered a device: one of the above, by the one that has come least
    far; "" where nothing did.
    """
    if not labmap.wireguard_ports:
        return ""
    entered = {
        (one.capture.place, far[1].local)
        for one in seen
        if one.capture.way == OUT and _device(labmap, one) and (far := labmap.wireguard_end(one.packet.dst))
    }
    outers = [(one.capture.place, one.packet.outer) for one in seen if one.packet.outer is not None]
    begun = {(place, outer.dst) for place, outer in outers}
    speaking = {(place, outer.dst) for place, outer in outers if not outer.handshake}
    if not entered:
        return ""
    return SPEAKING if entered <= speaking else BEGUN if entered <= begun else WAITING


def _carried(seen: Sequence[Observation], labmap: LabMap) -> dict[Number, Packet]:
    found: dict[Number, Packet] = {}
    waiting: dict[str, list[_Waiting]] = {}
    initiations: list[tuple[str, Observation, Number]] = []
    for one in seen:
        place, packet = one.capture.place, one.packet
        if one.capture.way != OUT:
            continue
        if (device := _device(labmap, one)) is not None:
            far = labmap.wireguard_end(packet.dst)
            waiting.setdefault(place, []).append(
                _Waiting(packet, one.capture.t_ns, far[1].local if far else "", device.mtu)
            )
        elif place in waiting and (number := _number(packet, labmap)) is not None and number not in found:
            if number[0] == _INITIATION:
                initiations.append((place, one, number))
            elif (first := _first(waiting[place], packet)) is not None:
                found[number] = waiting[place].pop(first).packet
    begun: set[tuple[str, str]] = set()
    for place, one, number in initiations:
        left = _last(waiting[place], one.packet.dst)
        if left is not None and left.t_ns <= one.capture.t_ns and (place, left.remote) not in begun:
            found[number] = left.packet
            begun.add((place, left.remote))
    return found


def _last(waiting: Sequence[_Waiting], remote: str) -> _Waiting | None:
    """For whom the handshake with a node stands: who came last, as it was sent first. Others may have given up."""
    mine = [each for each in waiting if each.remote == remote]
    return next((each for each in mine if each.flow == mine[-1].flow), None)


def _first(waiting: Sequence[_Waiting], packet: Packet) -> int | None:
    """Which of the waiting packets a message carries: the first for whom it is sent that fits, by its position."""
    padded = len(packet.payload) - _AROUND
    return next(
        (i for i, each in enumerate(waiting) if each.remote in ("", packet.dst) and each.fits(padded)),
        None,
    )


def _unsealed(one: Observation, carried: dict[Number, Packet], labmap: LabMap) -> Observation:
    packet = one.packet
    number = _number(packet, labmap)
    inner = carried.get(number) if number is not None else None
    if number is None or inner is None:
        return one
    outer = Outer(
        SEALED,
        packet.src,
        packet.dst,
        0,
        packet.sport,
        packet.dport,
        packet.ttl,
        packet.length,
        handshake=number[0] == _INITIATION,
    )
    return replace(one, packet=replace(inner, outer=outer))


def _device(labmap: LabMap, one: Observation) -> Link | None:
    """The WireGuard device that it was seen on."""
    place = labmap.by_name.get(one.capture.place)
    link = place.link(one.capture.interface) if place is not None else None
    return link if link is not None and link.kind == SEALED else None


def _number(packet: Packet, labmap: LabMap) -> Number | None:
    """What a message is known by wherever it passes; None of what is none, or carries nothing."""
    told = packet.payload
    if (
        packet.protocol != "udp"
        or packet.outer is not None
        or not labmap.wireguard_ports & {packet.sport, packet.dport}
    ):
        return None
    if told[:4] == bytes((_DATA, 0, 0, 0)) and len(told) > _AROUND:
        return _DATA, told[_NUMBER]
    if told[:4] == bytes((_INITIATION, 0, 0, 0)) and len(told) == _INITIATION_BYTES:
        return _INITIATION, told[_INDEX]
    return None
