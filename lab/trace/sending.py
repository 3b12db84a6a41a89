"""Sends a request, and sends it again until the Service has chosen an endpoint that is wanted, if only some will do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lab.errors import LabError
from lab.kernel.netlink.conntrack_entry import Event
from lab.map.services import Endpoint
from lab.trace.ask.attempt import Ask, Attempt
from lab.trace.ask.candidates import choosing_node
from lab.trace.ask.exchange import OPENING, SILENT, Exchange, parts
from lab.trace.ask.requester import Probe
from lab.trace.explain.translation import flow as conntrack
from lab.trace.journey import REQUEST
from lab.trace.witness.observation import Capture, Observation, observed
from lab.trace.witness.sealed import BEGUN, SPEAKING, WAITING, speech
from lab.trace.witness.witnesses import Witnesses

if TYPE_CHECKING:
    from lab.trace.run import Tracer

CHOICES = 256  # how often a Service is asked until it chooses an endpoint that is wanted
CHOICE_SECONDS = 0.02  # a choice is on the wire before the client's own system call returns
LAST_LOOK_SECONDS = 0.2  # on a busy machine it may come later; that is waited for before it counts as not to be seen
HANDSHAKE_SECONDS = 5.5  # WireGuard: REKEY_TIMEOUT, and what it adds by chance, with some to spare
ANSWER_SECONDS = 0.5
TICK_SECONDS = 0.1
NEVER = 1 << 63  # a moment that no capture reaches
BLIND_CHOICES = 3  # after so many in a row of which nothing was seen, the attempt at hand is the one that is told


class Sending:
    """What has been captured meanwhile, and the attempts that a Service sent elsewhere. `wanted` are the endpoints that
    the request may go to, none if any will do; `translations` what connection tracking has told so far.
    """

    def __init__(self, tracer: Tracer, witnesses: Witnesses, probe: Probe, wanted: Sequence[Endpoint]) -> None:
        self._tracer = tracer
        self._labmap = tracer.labmap
        self._witnesses = witnesses
        self._captures = witnesses.captures
        self._probe = probe
        self._wanted = wanted
        self._seen: list[Capture] = []
        self._abandoned: list[Exchange] = []
        self._until = NEVER  # of the attempt that is told, what came later is another's
        self._blind = False  # whether the choice of the attempt at hand was not to be seen
        self.translations: list[Event] = []

    def send(self, ask: Ask) -> None:
        """Asks, and waits for what comes of it; again if it turns out that another endpoint was chosen. The last
        time is told, wherever it went.
        """
        for left in reversed(range(BLIND_CHOICES)):
            exchange = self._first_of(self._probe.finish(self._attempt(ask), self._tracer.seconds))
            wanted = ("", *(endpoint.address for endpoint in self._wanted))
            if not left or not self._blind or self._went(exchange) in wanted:
                return
            self._probe.exchanges.remove(exchange)
            self._abandoned.append(exchange)

    def _first_of(self, exchange: Exchange) -> Exchange:
        """The same, as it was until its SYN was sent again, if an endpoint was wanted and that one went to another."""
        self._until = self._again(exchange) if self._wanted else NEVER
        sent_again = self._went(exchange, since=self._until)
        if self._until == NEVER or sent_again in ("", *(endpoint.address for endpoint in self._wanted)):
            self._until = NEVER
            return exchange
        self._probe.exchanges.remove(exchange)
        self._probe.exchanges.append(replace(exchange, outcome=SILENT, detail="no answer"))
        return self._probe.exchanges[-1]

    def _again(self, exchange: Exchange) -> int:
        """When the client's kernel sent its SYN once more, for nobody had answered."""
        self._seen += self._captures.read()
        sent = [part for part in parts(exchange, observed(self._seen, self._labmap)) if part.direction == REQUEST]
        mine = [
            part.observation.capture
            for part in sent
            if part.role == OPENING and part.observation.capture.place == exchange.source
        ]
        times = [one.t_ns for one in mine if one.interface == mine[0].interface]
        return times[1] if exchange.protocol == "tcp" and len(times) > 1 else NEVER

    def _went(self, exchange: Exchange, since: int = 0) -> str:
        """The address behind the Service's to which it was seen going, by all that was captured from a moment on."""
        self._seen += self._captures.read()
        for part in parts(exchange, observed(self._seen, self._labmap)):
            packet = part.observation.packet
            if part.observation.capture.t_ns < since or packet.cause is not None:
                continue
            if part.direction == REQUEST and packet.dst != exchange.destination:
                return packet.dst
        return ""

    def _attempt(self, ask: Ask) -> Attempt:
        """An attempt under way; if only some endpoints will do, one of which the captures show that one was chosen."""
        tracer = self._tracer
        attempt = self._probe.begin(tracer.transport, ask, dns=tracer.speaks_dns)
        wanted = {endpoint.address for endpoint in self._wanted}
        if not wanted or ask.destination in wanted:
            return attempt
        blind = 0
        for _ in range(CHOICES):
            chosen = self._chosen(attempt)
            if not chosen and blind + 1 == BLIND_CHOICES:
                chosen = self._chosen(attempt, LAST_LOOK_SECONDS)
            blind = 0 if chosen else blind + 1
            self._blind = blind == BLIND_CHOICES
            if chosen in wanted or self._blind or self._is_astray(chosen):
                attempt.once = True
                return attempt
            attempt.abandon()
            self._abandoned.append(self._probe.exchange(attempt))
            attempt = self._probe.begin(tracer.transport, ask, dns=tracer.speaks_dns)
        attempt.abandon()
        pod, among = self._wanted[0].pod, len(tracer.target.candidates)
        raise LabError(
            f"{tracer.target.text} did not choose {pod} of its {among} pods in {CHOICES} requests",
            f"a sessionAffinity may hold its clients; --to {pod} asks the pod itself, and the rules are in ./inv exec "
            f"{self._chooser} -- iptables-save -t nat",
        )

    def _is_astray(self, chosen: str) -> bool:
        """Whether it was sent to what is no endpoint of the Service: another choice will not be better."""
        endpoints = self._tracer.target.endpoints
        return bool(chosen and endpoints) and chosen not in {endpoint.address for endpoint in endpoints}

    @property
    def _chooser(self) -> str:
        """The node that chooses an endpoint: the client's own, or the one asked on a node port."""
        return choosing_node(self._labmap, self._tracer.source, self._tracer.target.address)

    def _chosen(self, attempt: Attempt, seconds: float = CHOICE_SECONDS) -> str:
        """The endpoint address that the node sent an attempt's first packet on to; "" when it is not to be seen."""
        deadline = time.monotonic() + seconds
        exchange = self._probe.exchange(attempt)
        since: list[Capture] = []
        near = (self._tracer.source.name, self._chooser)
        while (left := deadline - time.monotonic()) > 0:
            found = self._captures.read(left)
            self._seen += found
            since += (capture for capture in found if capture.place in near)
            named = conntrack.with_aliases(exchange, self.told())
            for part in parts(named, observed(since, self._labmap)):
                packet = part.observation.packet
                if part.direction == REQUEST and packet.dst != attempt.ask.destination and packet.cause is None:
                    return packet.dst
        return ""

    def told(self) -> Sequence[Event]:
        """All that connection tracking has told up to now."""
        self.translations += self._witnesses.translations.read()
        return self.translations

    def observations(self) -> list[Observation]:
        """All that was captured up to now, without the attempts that went elsewhere."""
        self._seen += self._captures.read()
        seen = observed(self._seen, self._labmap)
        abandoned = (conntrack.with_aliases(one, self.translations) for one in self._abandoned)
        elsewhere = {id(part.observation) for exchange in abandoned for part in parts(exchange, seen)}
        return [one for one in seen if id(one) not in elsewhere and (one.capture.t_ns < self._until or _begins(one))]

    def await_handshake(self, ask: Ask) -> None:
        """Where what was sent waits for WireGuard to speak to another node, until that tries again, as it does every
        five seconds: of a try that nobody answers it is known where it ends. After one that is answered, ask anew.
        """
        if not self._labmap.wireguard_ports or self._speech() != WAITING:
            return
        self._read_until(HANDSHAKE_SECONDS, BEGUN, SPEAKING)
        if self._read_until(ANSWER_SECONDS, SPEAKING):
            self._abandoned.append(self._probe.exchanges.pop())
            self.send(ask)

    def _read_until(self, seconds: float, *states: str) -> bool:
        """Whether it came to one of these states within the time."""
        deadline = time.monotonic() + seconds
        while self._speech() not in states and time.monotonic() < deadline:
            self._seen += self._captures.read(TICK_SECONDS)
        return self._speech() in states

    def _speech(self) -> str:
        return speech(observed(self._seen, self._labmap), self._labmap)


def _begins(one: Observation) -> bool:
    return one.packet.outer is not None and one.packet.outer.handshake
