"""One trace at work: listens on every place where the request may come by, sends it, and judges what was captured."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lab.errors import LabError
from lab.kernel.places import Sandbox
from lab.kernel.syscalls import CLONE_NEWNET, setns
from lab.network.labmap import Endpoint, LabMap, Place
from lab.network.objects import UNDERLAY
from lab.network.path import Walker
from lab.trace.attempt import Ask, Attempt
from lab.trace.endpoints import choosing_node
from lab.trace.exchange import Exchange, parts
from lab.trace.explanation import Agent, explained
from lab.trace.journey import REQUEST, Journey, Request, Resolution
from lab.trace.netfilter.match import Match
from lab.trace.observation import Capture, Observation, observed
from lab.trace.probe import DNS_PORT, Probe
from lab.trace.target import Target
from lab.trace.verdict import judge, passages_of
from lab.trace.witnesses import Witnesses

CHOICES = 256  # how often a Service is asked until it chooses an endpoint that is wanted
CHOICE_SECONDS = 0.02  # a choice is on the wire before the client's own system call returns
LISTENED = 128  # of a Service's endpoints: a socket in each costs time, so of more than these any of them is asked for
BLIND_CHOICES = 3  # after so many in a row of which nothing was seen, the attempt at hand is the one that is told


@dataclass(frozen=True, slots=True)
class Tracer:
    """What to trace: from a pod to a target, a Service's endpoint `through` which it should go, the time for it."""

    sandbox: Sandbox
    labmap: LabMap
    source: Place
    target: Target
    protocol: str
    through: Endpoint | None
    size: int
    seconds: float
    agent: Agent

    def run(self, tell: Callable[[Journey], None]) -> None:
        """Tells the journey, then closes. Joins the lab's user namespace for good: for a process of its own."""
        enter(self.sandbox)
        with Witnesses(self.sandbox, self.labmap, self._matches()) as witnesses:
            tell(_Run(self, witnesses).journey())

    def _matches(self) -> tuple[Match, ...]:
        """The packets that netfilter is to report on. Beyond a NAT the client is known by whom it asks only."""
        outside = {name.name: name.address for name in self.labmap.internet}
        server = self.target.address or outside.get(self.target.name.rstrip("."), "")
        matches = [Match(self.protocol, client=self.source.address)]
        if self.target.name:
            matches.append(Match("udp", client=self.source.address, server_port=DNS_PORT))
        owner = self.labmap.owners.get(server)
        if server and not self.target.service and (owner is None or owner[0].kind not in ("pod", "node")):
            matches.append(Match(self.protocol, server=server, server_port=self.target.port))
        if self.target.service and server not in ("", self.target.service.cluster_ip):
            # Before the node that is asked on its port, the client may be its own node; behind the one that chooses,
            # the client is that one.
            matches.append(Match(self.protocol, server=server, server_port=self.target.port))
            chooser = self.labmap.by_name[choosing_node(self.labmap, self.source, server)]
            clients = [link.address for link in chooser.links if link.address]
            ports = dict.fromkeys(endpoint.port for endpoint in self.target.candidates)
            matches += [Match(self.protocol, client=one, server_port=port) for one in clients for port in ports]
        return tuple(matches)


def enter(sandbox: Sandbox) -> None:
    """Join the lab's user namespace and make its underlay the home from which every place can be visited."""
    sandbox.join_user_namespace()
    netns = sandbox.open_netns(UNDERLAY)
    try:
        setns(netns, CLONE_NEWNET)
    finally:
        os.close(netns)


class _Run:
    """The trace while it goes on: what has been captured, and the attempts that a Service sent elsewhere."""

    def __init__(self, tracer: Tracer, witnesses: Witnesses) -> None:
        self._tracer = tracer
        self._labmap = tracer.labmap
        self._witnesses = witnesses
        self._captures = witnesses.captures
        self._probe = Probe(tracer.sandbox, tracer.labmap, tracer.source)
        self._walker = Walker(tracer.labmap)
        self._wanted = self._choose_endpoints()
        self._seen: list[Capture] = []
        self._abandoned: list[Exchange] = []

    def journey(self) -> Journey:
        tracer, target = self._tracer, self._tracer.target
        resolution = None
        address = target.address
        if target.name:
            self._listen(self._labmap.dns.service_ip, self._dns_endpoints())
        if target.service and target.name:
            self._listen(target.service.cluster_ip, self._wanted or target.candidates)
        if target.name:
            resolution = self._probe.resolve(target.name)
            address = self._destination(resolution)
        if address:
            self._listen(address, self._wanted or target.candidates)
            self._probe.finish(self._attempt(self._ask(address)), tracer.seconds)
        self._seen += self._captures.read()
        name = resolution.name if resolution and address else target.text
        request = Request(tracer.source.name, name, target.port, tracer.protocol)
        exchanges, observations = self._probe.exchanges, self._observations()
        journey = judge(self._labmap, request, exchanges, observations, resolution)
        passages = passages_of(self._labmap, exchanges, observations)
        return explained(journey, passages, self._witnesses.testimony(), self._labmap, tracer.sandbox, tracer.agent)

    def _choose_endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints that the request may go to: the one that was asked for, or a few of many; () if any will do."""
        if self._tracer.through is not None:
            return (self._tracer.through,)
        candidates = self._tracer.target.candidates
        return candidates[:LISTENED] if len(candidates) > LISTENED else ()

    def _listen(self, address: str, endpoints: Iterable[Endpoint]) -> None:
        """In every place that a request to the address may come through, by whichever endpoint."""
        if address:
            source = self._tracer.source.name
            chosen = [endpoint.address for endpoint in endpoints if endpoint.address != address] or [""]
            trips = (self._walker.round_trip(source, address, endpoint) for endpoint in chosen)
            self._witnesses.open(dict.fromkeys(place for trip in trips for place in (source, *trip.places)))

    def _dns_endpoints(self) -> Iterable[Endpoint]:
        for service in self._labmap.services:
            if service.cluster_ip == self._labmap.dns.service_ip:
                for port in service.ports:
                    if (port.port, port.protocol) == (DNS_PORT, "UDP"):
                        yield from port.preferred

    def _destination(self, resolution: Resolution) -> str:
        """The address to ask: of a headless Service's the wanted endpoint's, else the first."""
        through = self._tracer.through
        if through is not None and through.address in resolution.addresses:
            return through.address
        return resolution.addresses[0] if resolution.addresses else ""

    def _ask(self, address: str) -> Ask:
        tracer = self._tracer
        token = os.urandom(8).hex().encode()
        payload = token if tracer.protocol == "tcp" else token.ljust(tracer.size, b".")
        return Ask(address, tracer.target.port, payload, tracer.target.text, tracer.size)

    def _attempt(self, ask: Ask) -> Attempt:
        """An attempt under way; if only some endpoints will do, one of which the captures show that one was chosen."""
        tracer = self._tracer
        attempt = self._probe.begin(tracer.protocol, ask)
        wanted = {endpoint.address for endpoint in self._wanted}
        if not wanted or ask.destination in wanted:
            return attempt
        blind = 0
        for _ in range(CHOICES):
            chosen = self._chosen(attempt)
            blind = 0 if chosen else blind + 1
            if chosen in wanted or blind == BLIND_CHOICES:
                return attempt
            attempt.abandon()
            self._abandoned.append(self._probe.exchange(attempt))
            attempt = self._probe.begin(tracer.protocol, ask)
        attempt.abandon()
        pod, among = self._wanted[0].pod, len(tracer.target.candidates)
        raise LabError(
            f"{tracer.target.text} did not choose {pod} of its {among} pods in {CHOICES} requests",
            f"ask the pod itself: --to {pod}; the rules are in ./inv exec {self._chooser} -- iptables-save -t nat",
        )

    @property
    def _chooser(self) -> str:
        """The node that chooses an endpoint: the client's own, or the one asked on a node port."""
        return choosing_node(self._labmap, self._tracer.source, self._tracer.target.address)

    def _chosen(self, attempt: Attempt) -> str:
        """The endpoint address that the node sent an attempt's first packet on to; "" when it is not to be seen."""
        deadline = time.monotonic() + CHOICE_SECONDS
        exchange = self._probe.exchange(attempt)
        since: list[Capture] = []
        near = (self._tracer.source.name, self._chooser)
        while (left := deadline - time.monotonic()) > 0:
            found = self._captures.read(left)
            self._seen += found
            since += (capture for capture in found if capture.place in near)
            for part in parts(exchange, observed(since, self._labmap)):
                packet = part.observation.packet
                if part.direction == REQUEST and packet.dst != attempt.ask.destination and packet.cause is None:
                    return packet.dst
        return ""

    def _observations(self) -> list[Observation]:
        """All that was captured, without the attempts that went elsewhere."""
        seen = observed(self._seen, self._labmap)
        elsewhere = {id(part.observation) for exchange in self._abandoned for part in parts(exchange, seen)}
        return [observation for observation in seen if id(observation) not in elsewhere]
