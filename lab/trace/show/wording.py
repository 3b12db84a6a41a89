"""Packets in words: as tcpdump has them, and shorter for the story."""

from __future__ import annotations

from datetime import datetime

from lab.network.underlay.netem_device import BY_HAND
from lab.trace.journey import DELIVERED, REPLY, Journey, Loss
from lab.trace.witness.observation import Observation
from lab.trace.witness.packet import ACK, FIN, PSH, RST, SYN, URG, Outer, Packet, icmp

TCPDUMP_FLAGS = ((FIN, "F"), (SYN, "S"), (RST, "R"), (PSH, "P"), (ACK, "."), (URG, "U"))
MOST_WRITTEN = 300


def short(packet: Packet) -> str:
    """Addresses and what it is: `10.244.0.2:40000 → 172.16.10.10:80  SYN`."""
    return f"{_end(packet.src, packet.sport, packet)} → {_end(packet.dst, packet.dport, packet)}  {label(packet)}"


def wrapper(outer: Outer) -> str:
    """What a tunnel put around a packet: `VXLAN 4096  10.0.1.10 → 10.0.2.10`."""
    number = f" {outer.vni}" if outer.kind == "vxlan" else " handshake" if outer.handshake else ""
    return f"{outer.name}{number}  {outer.src} → {outer.dst}"


def label(packet: Packet) -> str:
    """What a packet is, in a word or two: TCP's flags, an ICMP message, or how much it carries."""
    if packet.protocol == "tcp":
        flags = " ".join(packet.flag_names)
        return f"{len(packet.payload)} bytes" if packet.payload else flags
    if packet.protocol == "icmp":
        return icmp(packet)
    if packet.protocol == "arp":
        return f"ARP {packet.mac}" if packet.flags == 2 else "ARP?"
    return f"{packet.protocol.upper()} {len(packet.payload)} bytes"


def written(packet: str) -> str:
    """A packet as a person wrote it, in one line; of a very long one the beginning."""
    told = " ".join(packet.split())
    return told if len(told) <= MOST_WRITTEN else f"{told[: MOST_WRITTEN - 1]}…"


def passing(interface: str, way: str) -> str:
    """An interface and the way through it: `→ eth0` comes in, `eth0 →` goes out."""
    return f"{interface} →" if way == "out" else f"→ {interface}"


def stranger(journey: Journey) -> str:
    """That a Service was asked and somebody answered who is none of its endpoints, in a sentence; else ""."""
    if journey.verdict != DELIVERED or not journey.candidates or any(one.chosen for one in journey.candidates):
        return ""
    return f"{journey.answered_by} is no endpoint of the Service that was asked: a rule on the way sent it there."


def ending(verdict: str, loss: Loss) -> str:
    """`lost at node-2 (firewall), on the way there`."""
    stage = "" if loss.stage == REPLY else f" ({loss.stage})"
    way = "back" if loss.direction == REPLY else "there"
    cause = f"; the cause is in {loss.object_place}" if loss.object_place not in ("", loss.place) else ""
    return f"{verdict} at {loss.place}{stage}, on the way {way}{cause}"


def brought_back(held_by: str) -> str:
    """What holds the cause, so that it comes back, in a sentence."""
    if held_by.startswith(f"{BY_HAND} "):
        return f"The next `up` brings it back, as long as it is wanted: ./inv {held_by} --clear"
    return f"The next `up` brings it back: it is in {held_by}."


def line(observation: Observation) -> str:
    """As `tcpdump -i any` prints it, the place before the interface."""
    capture = observation.capture
    moment = datetime.fromtimestamp(capture.t_ns // 1_000_000_000).astimezone().strftime("%H:%M:%S")
    fraction = f"{capture.t_ns % 1_000_000_000:09d}"
    way = "Out" if capture.way == "out" else "In "
    return f"{moment}.{fraction} {capture.place}/{capture.interface} {way} {tcpdump(observation.packet)}"


def tcpdump(packet: Packet) -> str:
    """The packet in tcpdump's words, the outer one first."""
    if packet.outer is None:
        return _inner(packet)
    outer = packet.outer
    if outer.kind == "ipip":
        return f"IP {outer.src} > {outer.dst}: {_inner(packet)}"
    what = f"VXLAN, vni {outer.vni}" if outer.kind == "vxlan" else outer.name
    return f"IP {outer.src}.{outer.sport} > {outer.dst}.{outer.dport}: {what}: {_inner(packet)}"


def _inner(packet: Packet) -> str:
    if packet.protocol == "arp":
        if packet.flags == 2:
            return f"ARP, Reply {packet.src} is-at {packet.mac}"
        return f"ARP, Request who-has {packet.dst} tell {packet.src}"
    if not packet.src:
        return f"{packet.protocol or 'unreadable'}, length {packet.length}"
    if packet.protocol == "tcp":
        flags = "".join(name for bit, name in TCPDUMP_FLAGS if packet.flags & bit) or "none"
        acknowledged = f", ack {packet.ack}" if packet.flags & ACK else ""
        told = f"Flags [{flags}], seq {packet.seq}{acknowledged}, length {len(packet.payload)}"
    elif packet.protocol == "icmp":
        told = f"ICMP {icmp(packet)}" + (f", id {packet.sport}, seq {packet.seq}" if packet.sport else "")
        told += f", length {len(packet.payload) + 8}"
    else:
        told = f"{packet.protocol.upper()}, length {len(packet.payload)}"
    source, destination = (
        f"{address}.{port}" if port and packet.protocol != "icmp" else address
        for address, port in ((packet.src, packet.sport), (packet.dst, packet.dport))
    )
    return f"IP {source} > {destination}: {told}"


def _end(address: str, port: int, packet: Packet) -> str:
    return f"{address}:{port}" if port and packet.protocol != "icmp" else address
