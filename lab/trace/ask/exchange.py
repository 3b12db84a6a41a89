"""One question and its answer as the client lived it, and which of the captured packets belong to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.trace.journey import REPLY, REQUEST
from lab.trace.witness.observation import Observation
from lab.trace.witness.packet import ACK, ECHO_REPLY, ECHO_REQUEST, RST, SYN, Packet

ANSWERED, OPENED, REFUSED, SILENT, UNREACHABLE = "answered", "opened", "refused", "silent", "unreachable"
OPENING, PAYLOAD, RESET, ERROR, OTHER = "opening", "payload", "reset", "error", "other"
UNASKED = "unasked"
"""The role of an echo reply that a person wrote: it is no answer."""
DNS_PORT = 53
LEAST = 16  # bytes of a payload by whose beginning it is known: its random number
ORDER = {  # of what must happen, one after the other, for an exchange to succeed
    "tcp": ((REQUEST, OPENING), (REPLY, OPENING), (REQUEST, PAYLOAD), (REPLY, PAYLOAD)),
}
QUESTION_AND_ANSWER = ((REQUEST, PAYLOAD), (REPLY, PAYLOAD))


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a client sent and what came of it.

    `sport` is the fresh port by which its packets are known (an echo's identifier); `token` is what makes them known
    after their source was rewritten: a datagram's whole payload. `outcome` is answered, opened (a connection on which
    all that was sent was acknowledged, and no more came for long), refused (a reset or an ICMP error), silent, or
    unreachable (the client's own kernel gave up); `detail` says more in words. With `mark`, several exchanges have one
    port, and it is what payloads of this one begin with. `aliases` are the addresses and ports that its own place gave
    it on its way out. Of a packet that a person wrote, which alone is followed, `role` is what it is there for, and
    `ident` its number in IP, by which it is known after its source was rewritten even if it carries nothing. One that
    is `behind` is what a DNS server asked others for the sake of the client's question.
    """

    phase: str
    protocol: str
    source: str
    address: str
    sport: int
    destination: str
    dport: int
    token: bytes
    outcome: str
    detail: str = ""
    mark: bytes = b""
    aliases: tuple[tuple[str, int], ...] = ()
    behind: bool = False
    role: str = ""
    ident: int = 0

    @property
    def order(self) -> tuple[tuple[str, str], ...]:
        """What must happen, one after the other, for it to succeed."""
        if not self.role:
            return ORDER.get(self.protocol, QUESTION_AND_ANSWER)
        answer = PAYLOAD if self.protocol != "tcp" else OPENING if self.role == OPENING else OTHER
        return (REQUEST, PAYLOAD if self.role == UNASKED else self.role), (REPLY, answer)

    @property
    def is_question(self) -> bool:
        """Whether it is a question to a DNS server, which has to be answered."""
        return self.dport == DNS_PORT and self.protocol in ("tcp", "udp")


@dataclass(frozen=True, slots=True)
class Part:
    """A captured packet of an exchange: its direction, and what it is there for."""

    observation: Observation
    direction: str
    role: str


def parts(exchange: Exchange, observations: Sequence[Observation]) -> list[Part]:
    """The exchange's packets, in time. Where a NAT rewrote the source, it is recognised by what no NAT rewrites."""
    clients = {(exchange.address, exchange.sport), *exchange.aliases}
    first_sequence = -1
    found = []
    for observation in observations:
        packet = observation.packet
        about = packet.cause if packet.cause and packet.cause.protocol == exchange.protocol else packet
        if about.protocol != exchange.protocol or observation.astray:
            continue
        if exchange.protocol == "arp" and {about.src, about.dst} != {exchange.address, exchange.destination}:
            continue  # neither side has a port: what its place asks of others, or is told by them, is not about this
        if exchange.mark and about.payload and not about.payload.startswith(exchange.mark):
            continue
        opening = packet.protocol == "tcp" and packet.flags & (SYN | ACK) == SYN
        direction = _direction(about, clients, asked=exchange.role != UNASKED)
        stranger = packet.src != exchange.address  # its own further packets with the same payload are others
        if not direction and (
            (opening and packet.seq == first_sequence)
            or (stranger and (_carries(packet, exchange.token) or _has_number(packet, exchange)))
        ):
            clients.add((packet.src, packet.sport))
            direction = REQUEST
        if direction == REQUEST and opening:
            first_sequence = packet.seq
        if direction:
            if about is not packet:  # an error travels against the packet that it is about
                direction = REPLY if direction == REQUEST else REQUEST
            found.append(Part(observation, direction, role_of(packet)))
    return found


def _direction(packet: Packet, clients: set[tuple[str, int]], *, asked: bool) -> str:
    if (
        asked and packet.icmp_type == ECHO_REPLY
    ):  # its identifier is the question's, and so is its address where it stays at home
        return REPLY if (packet.dst, packet.dport) in clients else ""
    if (packet.src, packet.sport) in clients:
        return REQUEST
    return REPLY if (packet.dst, packet.dport) in clients else ""


def _carries(packet: Packet, token: bytes) -> bool:
    """A datagram or echo request with the very payload that was sent; cut in pieces, with its beginning."""
    if not token:  # without one, nobody knows
        return False
    if packet.protocol not in ("udp", "icmp") or (packet.protocol == "icmp" and packet.icmp_type != ECHO_REQUEST):
        return False
    begins = packet.fragment and len(packet.payload) >= LEAST and token.startswith(packet.payload)
    return begins or packet.payload == token


def _has_number(packet: Packet, exchange: Exchange) -> bool:
    """A written packet, by its number in IP; an answer has one of its own."""
    if packet.cause is not None or (packet.icmp_type == ECHO_REPLY and exchange.role != UNASKED):
        return False
    same = exchange.token.startswith(packet.payload)  # as much of it as was captured
    return exchange.ident != 0 and packet.ident == exchange.ident and same and packet.dst != exchange.address


def role_of(packet: Packet) -> str:
    """What a packet is there for."""
    if packet.cause:
        return ERROR
    if packet.protocol != "tcp":  # ARP has its own flags
        return PAYLOAD
    if packet.flags & RST:
        return RESET
    if packet.flags & SYN:
        return OPENING
    return PAYLOAD if packet.payload else OTHER
