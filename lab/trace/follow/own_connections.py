"""A pod's own new connections, as its captured packets show them: when each began, and what became of it.

Pure: packets in, flows out. A TCP connection begins with its SYN, anything of UDP with the first packet of its ports
if the pod sent that, an ICMP echo with the first of its identifier.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lab.map.place import Place
from lab.trace.ask import question
from lab.trace.ask.exchange import ANSWERED, REFUSED, SILENT, UNREACHABLE, Exchange
from lab.trace.explain.stages import LOOPBACK
from lab.trace.journey import DATA, DNS, Resolution
from lab.trace.witness.filter.sample import ALL
from lab.trace.witness.observation import Observation
from lab.trace.witness.packet import ACK, ECHO_REQUEST, RST, SYN, Packet, icmp
from lab.trace.witness.packet import UNREACHABLE as ICMP_UNREACHABLE

UNANSWERED = "no answer"
SECONDS = 1.5  # an answer is waited for so long, as `trace` does
REMEMBERED_SECONDS = 60.0  # and its ports so long after their last packet
DNS_PORT = 53
_PORT_UNREACHABLE, _TOO_BIG = 3, 4
_NS = 1_000_000_000

Key = tuple[str, int, str, int]  # protocol, the pod's port, the other's address and port


@dataclass(slots=True, eq=False)
class Flow:
    """One connection of the pod. Times are in nanoseconds of the wall clock, sequence numbers TCP's."""

    place: str
    address: str
    key: Key
    began_ns: int
    token: bytes = b""
    sequence: int = 0
    sent: int = 0
    acknowledged: int = 0
    opened: bool = False
    answer: str = ""
    refusal: tuple[str, str] | None = None
    said: question.Answer | None = None

    @property
    def has_ended(self) -> bool:
        """Whether it is known what became of it."""
        return bool(self.answer or self.refusal)

    @property
    def is_question(self) -> bool:
        """Whether DNS is asked."""
        return self.key[0] == "udp" and self.key[3] == DNS_PORT

    @property
    def resolution(self) -> Resolution | None:
        """What DNS said, of a question."""
        if not self.is_question:
            return None
        if self.said is None:
            return Resolution(question.asked(self.token), UNANSWERED, (), 1)
        return Resolution(self.said.name, self.said.status, self.said.addresses, 1)

    @property
    def outcome(self) -> tuple[str, str]:
        """As `exchange` has it, and in words. A connection that opened and lost nothing is answered, though silent."""
        if self.answer:
            return ANSWERED, self.answer
        if self.refusal:
            return self.refusal
        if self.opened and self.acknowledged >= self.sent:
            return ANSWERED, "an open connection"
        if self.said is not None:
            return ANSWERED, self.said.status
        return SILENT, UNANSWERED

    def exchange(self) -> Exchange:
        """As it stands."""
        protocol, sport, destination, dport = self.key
        port = 0 if protocol == "icmp" else dport
        phase = DNS if self.is_question else DATA
        return Exchange(phase, protocol, self.place, self.address, sport, destination, port, self.token, *self.outcome)

    def went(self, packet: Packet) -> None:
        """The pod sent this."""
        if packet.protocol == "tcp" and packet.payload:
            self.sent = max(self.sent, (packet.seq - self.sequence) % (1 << 32) + len(packet.payload))

    def came(self, packet: Packet) -> None:
        """This came back for it."""
        if packet.cause is not None:
            if (packet.icmp_type, packet.icmp_code) != (ICMP_UNREACHABLE, _TOO_BIG):  # which is told, and goes on
                shut = (packet.icmp_type, packet.icmp_code) == (ICMP_UNREACHABLE, _PORT_UNREACHABLE)
                self.refusal = self.refusal or (REFUSED if shut else UNREACHABLE, icmp(packet))
        elif self.is_question and (said := question.read(packet.payload)):
            # Asked for IPv4 and IPv6 at once, the answer that there is none of the one says nothing of the other.
            self.said = said if self.said is None or said.addresses else self.said
            if said.addresses or said.rcode != question.NOERROR:
                self.answer = self.answer or ", ".join(said.addresses) or said.status
        elif packet.protocol != "tcp":
            self.answer = self.answer or _words(packet)
        elif packet.flags & RST:
            self.refusal = self.refusal or (REFUSED, "connection reset" if self.opened else "connection refused")
        else:
            self.opened = True
            self.acknowledged = max(self.acknowledged, (packet.ack - self.sequence) % (1 << 32))
            if packet.payload:
                self.answer = self.answer or _words(packet)


class Flows:
    """All of one pod's in the sample. `names` are what DNS told it: the answer that had an address, by the address."""

    def __init__(self, source: Place) -> None:
        self._source = source
        self.names: dict[str, question.Answer] = {}
        self.sample = ALL
        self.closed = False  # whether nothing more begins for now
        self._since_ns = 0
        self._pending: list[Flow] = []
        self._known: dict[Key, Flow | None] = {}  # None: somebody else began it
        self._last: dict[Key, int] = {}
        self._by_port: dict[tuple[str, int], Flow] = {}

    def take(self, observations: Iterable[Observation]) -> list[Flow]:
        """Note the pod's packets among these, which are in the order of time. Gives the flows that begin with them."""
        begun = []
        for one in observations:
            elsewhere = one.capture.place != self._source.name or one.capture.interface == LOOPBACK
            if not elsewhere and not one.astray and not one.packet.outer:
                if one.capture.way != "out":
                    self._came(one)
                elif (flow := self._went(one)) is not None:
                    begun.append(flow)
        self._pending += begun
        return begun

    @property
    def oldest_ns(self) -> int:
        """When the first of those that are not told yet began; 0 when there is none."""
        return self._pending[0].began_ns if self._pending else 0

    def ended(self, now_ns: int) -> list[Flow]:
        """Those of which it is known what became of them, and those that nobody answered in time; in their order."""
        return [flow for flow in self._pending if flow.has_ended or now_ns - flow.began_ns > SECONDS * _NS]

    def told(self, flow: Flow) -> None:
        """It is done with; its further packets begin nothing new."""
        self._pending.remove(flow)

    def begin_again(self, since_ns: int) -> None:
        """What began before that is not told any more."""
        self._since_ns, self.closed = since_ns, False
        self._pending.clear()

    def forget(self, now_ns: int) -> None:
        """Those of which nothing was seen for long: the next packet of their ports begins a new one."""
        if self._pending:
            return
        for key in [key for key, last in self._last.items() if now_ns - last > REMEMBERED_SECONDS * _NS]:
            del self._last[key], self._known[key]
            self._by_port.pop(key[:2], None)

    def owner(self, packet: Packet) -> Flow | None:
        """The flow that a packet belongs to, by the pod's port, which no other flow has had for a while."""
        for port in (packet.sport, packet.dport):
            flow = self._by_port.get((packet.protocol, port))
            if flow is not None:
                return flow
        return None

    def _went(self, one: Observation) -> Flow | None:
        packet = one.packet
        if not packet.sport:
            return None
        key = (packet.protocol, packet.sport, packet.dst, packet.dport)
        opening = packet.protocol == "tcp" and packet.flags & (SYN | ACK) == SYN
        known = self._known.get(key)
        if key in self._known:
            self._last[key] = one.capture.t_ns
        if key in self._known and not (opening and (known is None or known.sequence != (packet.seq + 1) % (1 << 32))):
            if known is not None:
                known.went(packet)
            return None
        if not (opening or packet.protocol == "udp" or packet.icmp_type == ECHO_REQUEST):
            return None
        taken = self.sample.takes_sequence(packet.seq) if opening else self.sample.takes_port(packet.sport)
        if self.closed or one.capture.t_ns < self._since_ns or not taken:
            return None
        token = b"" if packet.protocol == "tcp" else packet.payload
        flow = Flow(self._source.name, packet.src, key, one.capture.t_ns, token, (packet.seq + 1) % (1 << 32))
        self._known[key] = self._by_port[key[:2]] = flow
        self._last[key] = one.capture.t_ns
        return flow

    def _came(self, one: Observation) -> None:
        packet = one.packet
        about = packet.cause
        if about is not None:
            key = (about.protocol, about.sport, about.dst, about.dport)
        else:
            key = (packet.protocol, packet.dport, packet.src, packet.sport)
            if packet.protocol == "udp":
                self._known.setdefault(key, None)
                self._last.setdefault(key, 0)
            if packet.icmp_type == ECHO_REQUEST:
                return
        if key in self._known:
            self._last[key] = one.capture.t_ns
        known = self._known.get(key)
        if known is not None:
            known.came(packet)
            if known.is_question and (said := question.read(packet.payload)):
                self.names.update(dict.fromkeys(said.addresses, said))


def _words(packet: Packet) -> str:
    """What an answer says: the status of HTTP, or how long it is."""
    first = packet.payload[:80].partition(b"\r\n")[0]
    if packet.protocol == "tcp" and first.startswith(b"HTTP/"):
        return first.decode("latin-1")
    return f"{len(packet.payload)} bytes"
