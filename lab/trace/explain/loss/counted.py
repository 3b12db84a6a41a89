"""The last word about a loss that nothing else explains: which counters rose, where, and what each of them means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.journey import INFERRED, KERNEL, REQUEST, Loss
from lab.trace.witness.counters import Counted

PROTOCOLS: dict[str, str] = {  # net/ipv4/proc.c, Documentation/networking/snmp_counter.rst, xfrm_proc.rst
    "TcpExt.IPReversePathFilter": "its way back is not by the interface that it came by, and rp_filter is on",
    "IpExt.InNoRoutes": "no route leads to its destination",
    "Ip.OutNoRoutes": "the place itself has no route to the destination",
    "Ip.InAddrErrors": "its destination is none that the place takes or passes on, as when forwarding is off",
    "Ip.InHdrErrors": "its header was refused, as when its time to live had ended or a checksum was wrong",
    "IpExt.InCsumErrors": "the checksum of its IP header was wrong",
    "IpExt.InTruncatedPkts": "it was shorter than its header says",
    "Ip.InUnknownProtos": "nobody there takes its protocol",
    "Ip.InDiscards": "it was discarded while coming in, as when memory or a policy did not let it",
    "Ip.OutDiscards": "it was discarded while going out, as when its neighbour did not answer or a queue was full",
    "Ip.ReasmFails": "its fragments did not come together",
    "Ip.FragFails": "it would have had to be fragmented, and must not be",
    "Icmp.InCsumErrors": "the checksum of an ICMP message was wrong",
    "Icmp.InErrors": "an ICMP message was refused",
    "Udp.NoPorts": "no socket listens on its port",
    "Udp.InCsumErrors": "its UDP checksum was wrong",
    "Udp.RcvbufErrors": "the listener's buffer was full",
    "Udp.MemErrors": "there was no memory left for datagrams",
    "Udp.InErrors": "the listener's socket refused it",
    "Udp.SndbufErrors": "the sender's buffer was full",
    "Tcp.InCsumErrors": "its TCP checksum was wrong",
    "Tcp.InErrs": "its TCP segment was refused",
    "TcpExt.ListenOverflows": "the listener's queue of connections was full",
    "TcpExt.ListenDrops": "the listener did not take the connection",
    "TcpExt.TCPReqQFullDrop": "the listener's queue of half open connections was full",
    "TcpExt.TCPBacklogDrop": "the socket was busy and its backlog full",
    "TcpExt.TCPMinTTLDrop": "its time to live was less than the socket wants",
    "TcpExt.TCPRcvQDrop": "the socket's receive queue was full",
    "TcpExt.TCPZeroWindowDrop": "the receiver's window was closed",
    "TcpExt.PAWSEstab": "its TCP time stamp was older than the last one",
    "TcpExt.PAWSActive": "its TCP time stamp was older than the last one",
    "TcpExt.TCPMD5NotFound": "it lacks the signature that the socket wants",
    "TcpExt.TCPMD5Unexpected": "it has a signature that the socket does not want",
    "TcpExt.OutOfWindowIcmps": "an ICMP error about it was for another part of the connection",
    "TcpExt.ArpFilter": "an ARP question came by an interface that must not answer it",
    "Conntrack.insert_failed": "connection tracking could not take it up, for another flow has its addresses and ports",
    "Conntrack.drop": "connection tracking dropped it, as when its table is full",
    "Conntrack.early_drop": "connection tracking's table was full, and an older flow had to go",
    "Conntrack.invalid": "it belongs to no connection that connection tracking knows",
    "Xfrm.InNoStates": "it is encrypted, and nobody has the key",
    "Xfrm.InTmplMismatch": "an IPsec policy wants it encrypted, and it is not",
    "Xfrm.InNoPols": "no IPsec policy allows how it was encrypted",
    "Xfrm.InPolBlock": "an IPsec policy blocks it",
    "Xfrm.OutPolBlock": "an IPsec policy blocks it",
    "Xfrm.OutNoStates": "an IPsec policy wants it encrypted, and there is no key",
    "Xfrm.AcquireError": "an IPsec policy wants it encrypted, and nobody made a key",
    "Xfrm.FwdHdrError": "an IPsec policy wants what is forwarded encrypted, and it is not",
}
OF_IPSEC = "IPsec refused it"
LINKS: dict[str, str] = {
    "rx_otherhost_dropped": "its MAC is another interface's",
    "rx_dropped": "what came in there was dropped",
    "tx_dropped": "what should have gone out there was dropped",
    "rx_nohandler": "the interface takes nothing in",
    "rx_errors": "what came in there was faulty",
    "tx_errors": "what should have gone out there failed",
    "tx_carrier_errors": "there is no carrier",
    "rx_length_errors": "it was too long or too short for the interface",
    "rx_frame_errors": "its frame was faulty",
    "rx_crc_errors": "its frame was faulty",
    "rx_over_errors": "the interface was overrun",
    "rx_fifo_errors": "the interface was overrun",
    "rx_missed_errors": "the interface had no room for it",
    "tx_aborted_errors": "it was aborted while it was sent",
    "tx_fifo_errors": "the interface was overrun",
    "collisions": "it collided",
}
LISTENERS = ("ListenOverflows", "ListenDrops", "TCPReqQFullDrop")
EXCLUDED = (
    "Nothing counted it either. Excluded are rules that drop it; routes, ip rules, neighbours, tunnels and addresses "
    "that are not the design's; IPsec policies; filters and queues of the devices where it vanished"
)


@dataclass(frozen=True, slots=True)
class Sign:
    """A counter that rose: where, as its own file or tool names it, by how much, and what that means."""

    place: str
    name: str
    grew: int
    meaning: str

    @property
    def text(self) -> str:
        return f"{self.name} +{self.grew}"


def signs(counted: Counted) -> Iterator[Sign]:
    """Those of one place, in the order in which they are believed."""
    place = counted.place
    for name, meaning in PROTOCOLS.items():
        if grew := counted.grew(name):
            yield Sign(place, _short(name), grew, meaning)
    for name, grew in counted.protocols.items():
        if name.startswith("Xfrm.") and name not in PROTOCOLS:
            yield Sign(place, _short(name), grew, OF_IPSEC)
    for name, meaning in LINKS.items():
        for device, values in counted.links.items():
            if grew := values.get(name, 0):
                yield Sign(place, f"{device} {name}", grew, meaning)


def _short(name: str) -> str:
    """As the kernel's own file has it: XfrmInTmplMismatch, IPReversePathFilter, conntrack's insert_failed."""
    protocol, _, counter = name.partition(".")
    if protocol == "Xfrm":
        return f"Xfrm{counter}"
    return f"{protocol}.{counter}" if protocol not in ("TcpExt", "IpExt") else counter


def last_word(case: Case, loss: Loss) -> Finding:
    """Which counters rose where, most suspected place first; if none did, what was excluded."""
    found = [one for place in case.suspects for one in signs(case.about(place).counted) if _can_be_its(case, one)]
    if not found:
        place = loss.object_place or loss.place
        return Finding(place, Cause.UNKNOWN, loss.object, f"{loss.why} {EXCLUDED}.", (), INFERRED)
    first = found[0]
    others = "; ".join(f"{one.text} in {one.place}: {one.meaning}" for one in found[1:4])
    more = f" Also {others}." if others else ""
    why = f"{loss.why} {first.place} counted {first.text}: {first.meaning}.{more}"
    return Finding(first.place, Cause.COUNTED, first.text, why, (), KERNEL)


def _can_be_its(case: Case, sign: Sign) -> bool:
    """Whether the counter can have counted this packet: a place that it never came into sends nothing of it, and who
    answered has taken the connection.
    """
    if case.direction != REQUEST and sign.name in LISTENERS:
        return False
    came = {case.origin, *(one.place for one in case.seen)}
    return sign.place in came or not sign.name.rpartition(" ")[2].startswith("tx_")
