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
from lab.network.path import round_trip
from lab.trace.attempt import Ask, Attempt
from lab.trace.capture import Captures
from lab.trace.exchange import parts
from lab.trace.journey import REQUEST, Journey, Request, Resolution
from lab.trace.observation import Capture, observed
from lab.trace.probe import DNS_PORT, Probe
from lab.trace.target import Target
from lab.trace.verdict import judge

CHOICES_PER_ENDPOINT = 64  # how often a Service is asked until it chooses the endpoint that is wanted
CHOICE_SECONDS = 0.02  # a choice is on the wire before the client's own system call returns
BLIND_CHOICES = 3  # after so many of which nothing was seen, the attempt at hand is the one that is told


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

    def run(self, tell: Callable[[Journey], None]) -> None:
        """Tells the journey, then closes. Joins the lab's user namespace for good: for a process of its own."""
        self.sandbox.join_user_namespace()
        netns = self.sandbox.open_netns(UNDERLAY)
        setns(netns, CLONE_NEWNET)  # a home from which every place can be entered, and come back to
        os.close(netns)
        with Captures(self.sandbox) as captures:
            tell(self._follow(captures))

    def _follow(self, captures: Captures) -> Journey:
        probe = Probe(self.sandbox, self.labmap, self.source)
        abandoned: list[Exchange] = []
        seen: list[Capture] = []
        resolution = None
        address = self.target.address
        if self.target.name:
            captures.open(self._on_the_way(self.labmap.dns.service_ip, self._dns_endpoints()))
        if self.target.service:
            captures.open(self._on_the_way(self.target.service.cluster_ip, self.target.ready))
        if self.target.name:
            resolution = probe.resolve(self.target.name)
            address = resolution.addresses[0] if resolution.addresses else ""
        if address:
            captures.open(self._on_the_way(address, self.target.ready))
            attempt = self._attempt(probe, captures, seen, abandoned, self._ask(address))
            probe.finish(attempt, self.seconds)
        seen += captures.read()
        observations = observed(seen, self.labmap.vxlan_ports)
        others = {id(part.observation) for exchange in abandoned for part in parts(exchange, observations)}
        observations = [observation for observation in observations if id(observation) not in others]
        request = Request(self.source.name, self._told_name(resolution), self.target.port, self.protocol)
        return judge(self.labmap, request, probe.exchanges, observations, resolution)

    def _on_the_way(self, address: str, endpoints: Iterable[Endpoint]) -> Iterable[str]:
        """Every place that a request to the address may come through, by whichever endpoint."""
        if not address:
            return ()
        chosen = [endpoint.address for endpoint in endpoints if endpoint.address != address] or [""]
        trips = (round_trip(self.labmap, self.source.name, address, endpoint) for endpoint in chosen)
        return dict.fromkeys(place for trip in trips for place in (self.source.name, *trip.places))

    def _dns_endpoints(self) -> Iterable[Endpoint]:
        for service in self.labmap.services:
            if service.cluster_ip == self.labmap.dns.service_ip:
                for port in service.ports:
                    if (port.port, port.protocol) == (DNS_PORT, "UDP"):
                        yield from (endpoint for endpoint in port.endpoints if endpoint.ready)

    def _ask(self, address: str) -> Ask:
        token = os.urandom(8).hex().encode()
        payload = token if self.protocol == "tcp" else token.ljust(self.size, b".")
        return Ask(address, self.target.port, payload, self.target.text, self.size)

    def _attempt(self, probe: Probe, captures: Captures, seen: list[Capture], ask: Ask) -> Attempt:
        """An attempt under way; if an endpoint is wanted, one of which the captures show that it was chosen."""
        attempt = probe.begin(self.protocol, ask)
        if self.through is None or self.through.address == ask.destination:
            return attempt
        blind = 0
        for _ in range(CHOICES_PER_ENDPOINT * len(self.target.ready)):
            chosen = self._chosen(probe, captures, seen, attempt)
            blind += not chosen
            if chosen == self.through.address or blind == BLIND_CHOICES:
                return attempt
            attempt.abandon()
            abandoned.append(probe.exchange(attempt))
            attempt = probe.begin(self.protocol, ask)
        attempt.abandon()
        raise LabError(
            f"{self.target.text} never chose {self.through.pod}, though it is a ready endpoint",
            f"./inv exec {self.source.node} -- iptables-save -t nat",
        )

    def _chosen(self, probe: Probe, captures: Captures, seen: list[Capture], attempt: Attempt) -> str:
        """The endpoint address that an attempt's first packet was sent on to; "" when it is not to be seen."""
        deadline = time.monotonic() + CHOICE_SECONDS
        exchange = probe.exchange(attempt)
        since: list[Capture] = []
        while (left := deadline - time.monotonic()) > 0:
            found = captures.read(left)
            seen += found
            since += found
            for part in parts(exchange, observed(since, self.labmap.vxlan_ports)):
                packet = part.observation.packet
                if part.direction == REQUEST and packet.dst != attempt.ask.destination and packet.cause is None:
                    return packet.dst
        return ""

    def _told_name(self, resolution: Resolution | None) -> str:
        return resolution.name if resolution and resolution.addresses else self.target.text
