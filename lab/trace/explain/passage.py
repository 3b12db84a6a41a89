"""One exchange as it went through the lab: where each of its packets was seen, and where it should have been."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from lab.map.labmap import LabMap
from lab.map.path import IN, OUT, Crossing, Path, RoundTrip, Walker
from lab.map.place import Place
from lab.map.services import Service, ServicePort
from lab.network.tunnels import SEALED
from lab.trace.ask.candidates import home
from lab.trace.ask.exchange import (
    ANSWERED,
    ERROR,
    OPENED,
    OPENING,
    PAYLOAD,
    REFUSED,
    RESET,
    UNREACHABLE,
    Exchange,
    Part,
)
from lab.trace.ask.target import service_at
from lab.trace.explain import stages
from lab.trace.journey import CAPTURED, DATA, DNS, INFERRED, REPLY, REQUEST, Hop
from lab.trace.witness.observation import Observation
from lab.trace.witness.packet import Packet

Leg = tuple[Part, ...]
FORWARDERS = ("router", "gateway")
_SEQUENCES = 1 << 32  # TCP's numbers begin again


@dataclass(frozen=True)
class Passage:
    """The exchange and its captured packets, which are in the order of time."""

    labmap: LabMap
    exchange: Exchange
    parts: tuple[Part, ...]

    @cached_property
    def endpoint(self) -> str:
        """The address that the destination was translated to, as seen; the destination itself when none was.

        Nobody sees the packet again where the node that chooses is the endpoint itself, as the API server's: then there
        must be no other.
        """
        destination = self.exchange.destination
        for part in self.parts:
            packet = part.observation.packet
            if part.direction == REQUEST and part.role != ERROR and packet.dst != destination:
                return packet.dst
        return self._endpoint_at_home or destination

    @property
    def _endpoint_at_home(self) -> str:
        _, port = self.asked or (None, None)
        if port is None or len(port.endpoints) != 1:
            return ""
        address = port.endpoints[0].address
        owner, _ = self.labmap.owners.get(address, (None, None))
        chooser = home(self.labmap.by_name[self.exchange.source])
        return address if self.succeeded and owner is not None and owner.name == chooser else ""

    @cached_property
    def asked(self) -> tuple[Service, ServicePort | None] | None:
        """The Service that was asked, by one of its addresses or by a node port, and its port if it has that one."""
        return service_at(self.labmap, self.exchange.destination, self.exchange.dport, self.exchange.protocol)

    @cached_property
    def asked_node(self) -> Place | None:
        """The node that was asked on a node port; None when it was something else."""
        owner, _ = self.labmap.owners.get(self.exchange.destination, (None, None))
        return owner if self.asked and owner and owner.kind == "node" else None

    @cached_property
    def expected(self) -> RoundTrip:
        """The way that the design has for it."""
        exchange = self.exchange
        endpoint = self.endpoint if self.endpoint != exchange.destination else ""
        return Walker(self.labmap).round_trip(exchange.source, exchange.destination, endpoint, exchange.address)

    @cached_property
    def succeeded(self) -> bool:
        """Whether the answer came, or of a server that says nothing the handshake, and all that it said."""
        if self.exchange.outcome == OPENED:
            return self.exchange.phase == DATA and not self.exchange.is_question and not self._missing
        return self.exchange.outcome == ANSWERED

    @cached_property
    def request(self) -> Leg:
        """The packet that tells the request's story: the lost one, else the first."""
        if self._last and self._last[0] == REQUEST and not self.succeeded:
            return self.leg(*self._last)
        return self.leg(*self.exchange.order[0])

    @cached_property
    def reply(self) -> Leg:
        """The packet that tells the reply's story: the refusal, the lost one, else the first."""
        if self.refused:
            return self.refusal
        if self._last and self._last[0] == REPLY and not self.succeeded:
            return self._sightings(self._missing) or self.leg(*self._last)
        return self.leg(*self.exchange.order[1])

    @cached_property
    def refusal(self) -> Leg:
        """The TCP reset or ICMP error that came back, if one was captured."""
        return self.leg(REPLY, RESET) or self.leg(REPLY, ERROR)

    @property
    def refused(self) -> bool:
        """Whether somebody said no. What the client's own kernel says to itself is no refusal, but a loss there."""
        if self.exchange.outcome == UNREACHABLE:
            return bool(self.refusal) and self.refusal[0].observation.capture.place != self.exchange.source
        return self.exchange.outcome == REFUSED

    @property
    def broken(self) -> str:
        """The direction of the packet that did not arrive, of an exchange that failed."""
        return self._last[0] if self._last else REQUEST

    @property
    def again_after(self) -> float:
        """Seconds after which the client's kernel sent its SYN once more, for nobody had answered; 0 if it did not."""
        sent = [
            part
            for part in self.parts
            if (part.direction, part.role) == (REQUEST, OPENING) and crossing(part).place == self.exchange.source
        ]
        times = [part.observation.capture.t_ns for part in sent if crossing(part) == crossing(sent[0])]
        return (times[1] - times[0]) / 1e9 if len(times) > 1 else 0.0

    @property
    def answer(self) -> Packet | None:
        """The answer's first packet, as it was where it was seen first."""
        found = self.leg(REPLY, PAYLOAD) or self.leg(*self.exchange.order[1])
        return found[0].observation.packet if found else None

    @property
    def answerer(self) -> str:
        """The place that really sent the answer: where it went out first, whoever should have."""
        found = self.leg(REPLY, PAYLOAD) or self.leg(*self.exchange.order[1])
        return self._sender(found[0].observation) if found else ""

    @property
    def refuser(self) -> str:
        """The place that really sent the reset or the ICMP error, likewise; "" where none was captured."""
        return self._sender(self.refusal[0].observation) if self.refusal else ""

    def _sender(self, first: Observation) -> str:
        """Who sent a packet that was seen first here: this place, if it went out."""
        if first.capture.way == OUT:
            return first.capture.place
        # Nobody listened where it began: then its sender is the one whose interface it left, or who is behind that.
        sender = self.labmap.by_name.get(self.labmap.by_mac.get(first.sender, ""))
        owner, _ = self.labmap.owners.get(first.packet.src, (None, None))
        if owner is not None and (sender is None or sender.kind in FORWARDERS or owner.node == sender.name):
            return owner.name
        return sender.name if sender else first.capture.place

    @property
    def duration_us(self) -> int:
        """From the request's first packet to the last of the answer's; of a failed one, of what its hops tell."""
        told = (*self.request, *self.reply)
        answer = tuple(part for part in self.parts if _is_answer(part))
        if self.succeeded and answer:
            told = (*self.parts[:1], *answer)
        times = [part.observation.capture.t_ns for part in told]
        return (max(times) - min(times)) // 1000 if times else 0

    @cached_property
    def _last(self) -> tuple[str, str] | None:
        """Of what must happen in order, the last that was seen at all."""
        return next((step for step in reversed(self.exchange.order) if self.leg(*step)), None)

    def leg(self, direction: str, role: str) -> Leg:
        """The sightings of one packet: the first at each interface and way, in time, ties in the expected order."""
        return self._sightings(tuple(part for part in self.parts if (part.direction, part.role) == (direction, role)))

    @cached_property
    def _missing(self) -> tuple[Part, ...]:
        """Of what a server said, all that is behind what came to the client."""
        said = [part for part in self.parts if _is_answer(part) and part.observation.packet.protocol == "tcp"]
        if not said:
            return ()
        first = min(one.observation.packet.seq for one in said)
        ends = {id(one): (one.observation.packet.seq - first) % _SEQUENCES + _carried(one) for one in said}
        came = [
            ends[id(one)] for one in said if crossing(one).place == self.exchange.source and crossing(one).way == IN
        ]
        return tuple(one for one in said if ends[id(one)] > max(came, default=0))

    def _sightings(self, parts: Iterable[Part]) -> Leg:
        first: dict[Crossing, Part] = {}
        direction = REQUEST
        for part in parts:
            direction = part.direction
            first.setdefault(crossing(part), part)
        path = self.expected.request if direction == REQUEST else self.expected.reply
        order = {one: number for number, one in enumerate(path.crossings)}
        return tuple(
            first[one]
            for one in sorted(first, key=lambda one: (first[one].observation.capture.t_ns, order.get(one, len(order))))
        )

    @property
    def unencrypted(self) -> str:
        """A place that sent it on as it is, where the design encrypts; "" where none did."""
        expected = (*self.expected.request.crossings, *self.expected.reply.crossings)
        sealing = {(one.place, one.interface) for one in expected if (one.way, one.tunnel) == (OUT, SEALED)}
        seen = (crossing(part) for part in (*self.request, *self.reply))
        plain = (one for one in seen if one.way == OUT and one.tunnel != SEALED)
        return next((one.place for one in plain if (one.place, one.interface) in sealing), "")

    def next_expected(self, direction: str, leg: Leg) -> Crossing | None:
        """Where the packet should have been seen next after the last sighting; None off the path or at its end."""
        path = self.expected.request if direction == REQUEST else self.expected.reply
        return _after(path, crossing(leg[-1])) if leg else None

    def hops(self) -> tuple[Hop, ...]:
        """Request and reply as hops, not yet numbered."""
        return (*self._hops(REQUEST, self.request), *self._hops(REPLY, self.reply))

    def _hops(self, direction: str, leg: Leg) -> Iterable[Hop]:
        for part in leg:
            capture = part.observation.capture
            where = (capture.place, capture.interface, capture.way, bool(part.observation.tunnel))
            step, stage = stages.stage(self.labmap, where, direction, service=self.asked is not None)
            if self.exchange.phase == DNS:
                # Of a lookup only where it ends at a routing decision, that is told as a stage.
                step, stage = stages.RESOLVE, "forward" if stage == "route" and part is not leg[-1] else stage
            elif self._on_the_way_to_chooser(part):
                step = stages.SERVICE
            yield Hop(
                seq=0,
                phase=self.exchange.phase,
                direction=direction,
                step=step,
                stage=stage,
                place=capture.place,
                interface=capture.interface,
                way=capture.way,
                t_ns=capture.t_ns,
                packet=part.observation.packet,
                evidence=INFERRED if part.observation.tunnel == SEALED else CAPTURED,
            )

    def _on_the_way_to_chooser(self, part: Part) -> bool:
        """Whether what is for a node port or from outside for a Service's address was seen between its client and the
        node that turns it into an endpoint's.
        """
        packet = part.observation.packet
        near = packet.dst if part.direction == REQUEST else packet.src
        outside = self.asked is not None and not home(self.labmap.by_name[self.exchange.source])
        return (self.asked_node is not None or outside) and near == self.exchange.destination


def crossing(part: Part) -> Crossing:
    """Where a packet was seen, in the words of the expected path."""
    capture = part.observation.capture
    return Crossing(capture.place, capture.interface, capture.way, part.observation.tunnel)


def _carried(part: Part) -> int:
    return len(part.observation.packet.payload)


def _is_answer(part: Part) -> bool:
    return (part.direction, part.role) == (REPLY, PAYLOAD)


def _after(path: Path, seen: Crossing) -> Crossing | None:
    if seen not in path.crossings:
        return None
    place = path.crossings.index(seen) + 1
    return path.crossings[place] if place < len(path.crossings) else None
