"""What a person leaves out of a packet, as the place that sends it has it: addresses of IP, ARP, Ethernet, a tunnel.

scapy itself would ask the network namespace that its process is in, which is never the place's.
"""

from __future__ import annotations

from typing import Protocol

from scapy.fields import MACField, SourceIP6Field
from scapy.layers.inet import IP
from scapy.layers.l2 import ARP, DestMACField, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet

from lab.errors import UsageError
from lab.map.labmap import LabMap
from lab.map.place import Link

BROADCAST, NOBODY = "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"
FOREIGN_ARP, WITHOUT_THEM = "ARP of other than IPv4 on Ethernet", "leave out hwtype, ptype, hwlen and plen"
_ANY = ("255.255.255.255", "0.0.0.0")  # noqa: S104


class Outlook(Protocol):
    """What a place knows of the way out."""

    def source(self, destination: str) -> str:
        """The address with which it would send there; "" without a way."""

    def way(self, destination: str) -> tuple[str, str]:
        """The interface, and the address of the next hop there; twice "" without a way."""

    def mac(self, interface: str) -> str:
        """The interface's own; "" for one that has none."""

    def neighbour(self, interface: str, address: str) -> str:
        """The MAC of who has the address behind the interface; "" where nobody says so."""

    @property
    def interfaces(self) -> tuple[str, ...]:
        """All of the place's, without lo."""


def is_said(layer: Packet, field: str) -> bool:
    """Whether the person gave the field: what scapy derives from the other layers is not given."""
    return layer.fields.get(field) is not None


def is_of_ipv4(layer: ARP) -> bool:
    """Whether it is about IPv4 on Ethernet: of other kinds and lengths its addresses are none."""
    told = ((layer.hwtype, (1,)), (layer.ptype, (0x0800,)), (layer.hwlen, (None, 6)), (layer.plen, (None, 4)))
    return all(value in right for value, right in told)


def carried(packet: Packet) -> Packet | None:
    """The first layer of IP or ARP in it, whose way it goes."""
    return next((one for one in layers(packet) if isinstance(one, IP | ARP)), None)


def layers(packet: Packet) -> list[Packet]:
    """From the outermost to the innermost."""
    found: list[Packet] = []
    one: Packet | None = packet
    while isinstance(one, Packet) and one.name != "NoPayload":
        found.append(one)
        one = one.payload
    return found


def destination(layer: Packet) -> str:
    """Whom an IP or ARP layer is for."""
    return str(layer.pdst if isinstance(layer, ARP) else layer.dst)


def addressed(packet: Packet, outlook: Outlook, labmap: LabMap, interface: str = "") -> tuple[Packet, str]:
    """A copy with every address, and the interface that it leaves by: `interface`, if given, else that of the route to
    its destination, else the place's first. ARP gets an Ethernet header. UsageError for what begins otherwise.
    """
    filled = packet.copy()
    if isinstance(filled, ARP):
        filled = Ether() / filled
    if not isinstance(filled, Ether | IP):
        raise UsageError(f"a packet cannot begin with {filled.name}", "begin with Ether(), ARP() or IP()")
    if not all(is_of_ipv4(one) for one in layers(filled) if isinstance(one, ARP)):
        raise UsageError(f"a packet with {FOREIGN_ARP} has no addresses", WITHOUT_THEM)
    about = carried(filled)
    found, hop = outlook.way(destination(about)) if about is not None else ("", "")
    leaves = interface or found or next((one for one in outlook.interfaces if outlook.mac(one)), "")
    for layer in layers(filled):
        if isinstance(layer, IP) and not is_said(layer, "src"):
            layer.src = outlook.source(str(layer.dst)) or "0.0.0.0"  # noqa: S104
        elif isinstance(layer, ARP):
            _fill_arp(layer, outlook, leaves)
    if isinstance(filled, Ether):
        _fill_ethernet(filled, about, outlook, leaves, hop)
    if isinstance(about, IP) and VXLAN in about and isinstance(about[VXLAN].payload, Ether):
        _fill_tunnel(about[VXLAN], _tunnel(labmap, str(about.dst)), mine=_tunnel(labmap, str(about.src)))
    for layer in layers(filled):
        _fill_rest(layer)
    return filled, leaves


def _fill_arp(layer: ARP, outlook: Outlook, interface: str) -> None:
    if not is_said(layer, "psrc"):
        layer.psrc = outlook.source(destination(layer)) or "0.0.0.0"  # noqa: S104
    if not is_said(layer, "hwsrc"):
        layer.hwsrc = outlook.mac(interface) or NOBODY


def _fill_ethernet(frame: Ether, about: Packet | None, outlook: Outlook, interface: str, hop: str) -> None:
    """Whom an Ethernet frame is for is asked for by ARP, if it need be."""
    if not is_said(frame, "src"):
        frame.src = outlook.mac(interface) or NOBODY
    if not is_said(frame, "dst"):
        asked = hop if isinstance(about, IP) and str(about.dst) not in _ANY else ""
        frame.dst = (outlook.neighbour(interface, asked) if asked else "") or BROADCAST


def _fill_tunnel(layer: VXLAN, end: Link | None, mine: Link | None) -> None:
    """The network's number, and the MACs of both ends' devices: without its own the other end takes nothing in."""
    if not is_said(layer, "vni") and end is not None:
        layer.vni = end.vni
    if not is_said(layer, "flags"):
        layer.flags = "Instance"  # scapy's own says what follows as well (VXLAN-GPE), and no VXLAN device takes that in
    inner = layer.payload
    if not is_said(inner, "src"):
        inner.src = mine.mac if mine is not None else NOBODY
    if not is_said(inner, "dst"):
        inner.dst = end.mac if end is not None else BROADCAST


def _fill_rest(layer: Packet) -> None:
    """What is still left out, in frames within others: scapy would have the machine's own, and ask its neighbours."""
    for field in layer.fields_desc:
        if isinstance(field, SourceIP6Field | MACField) and not is_said(layer, field.name):
            unsaid = "::" if isinstance(field, SourceIP6Field) else NOBODY
            setattr(layer, field.name, BROADCAST if isinstance(field, DestMACField) else unsaid)


def _tunnel(labmap: LabMap, address: str) -> Link | None:
    """The VXLAN device that takes in what is sent to that address."""
    owner, _ = labmap.owners.get(address, (None, None))
    held = owner.links if owner is not None else ()
    return next((link for link in held if link.kind == "vxlan"), None)
