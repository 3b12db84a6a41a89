"""One trace at work: listens on every place where the request may come by, sends it, and judges what was captured."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lab.kernel.host import limits
from lab.kernel.sandbox.sandbox import Sandbox
from lab.kernel.syscalls import CLONE_NEWNET, setns
from lab.map.labmap import LabMap
from lab.map.place import Place
from lab.map.services import Endpoint
from lab.network.place_names import UNDERLAY
from lab.trace.ask.attempt import Ask
from lab.trace.ask.candidates import choosing_node
from lab.trace.ask.exchange import ANSWERED, SILENT, Exchange
from lab.trace.ask.requester import DNS_PORT, Probe
from lab.trace.ask.stead import asked_in_its_stead
from lab.trace.ask.target import Target, service_at, transport
from lab.trace.explain.explanation import Agent, explained
from lab.trace.explain.rules.cache import RememberedRules
from lab.trace.explain.translation import flow as conntrack
from lab.trace.explain.upstream import asked_behind, reached
from lab.trace.explain.verdict import judge, passages_of
from lab.trace.journey import Journey, Request, Resolution
from lab.trace.patience import Patience
from lab.trace.sending import Sending
from lab.trace.turn import Turn
from lab.trace.whereabouts import LISTENED, Whereabouts
from lab.trace.witness.filter.match import Match
from lab.trace.witness.witnesses import Witnesses

if TYPE_CHECKING:
    from lab.trace.ask.crafted.written import Crafting

ARP = "arp"


@dataclass(frozen=True, slots=True)
class Tracer:
    """What to trace: from a place to a target, a Service's endpoint `through` which it should go, the time for it; and
    the packet, where a person wrote one.
    """

    sandbox: Sandbox
    labmap: LabMap
    source: Place
    target: Target
    protocol: str
    through: Endpoint | None
    size: int
    seconds: float
    agent: Agent
    crafting: Crafting | None = None

    def run(self, tell: Callable[[Journey], None]) -> None:
        """Tells the journey, then closes. Joins the lab's user namespace for good: for a process of its own."""
        enter(self.sandbox)
        matches = self._matches(Probe(self.sandbox, self.source))
        with Turn() as turn, Witnesses(self.sandbox, self.labmap, matches) as witnesses:
            tell(_Run(self, witnesses, turn).journey())

    @property
    def transport(self) -> str:
        """What its packets are: tcp, udp or icmp."""
        return transport(self.protocol)

    @property
    def speaks_dns(self) -> bool:
        """Whether what is sent is a question to DNS: nothing else is understood on its port."""
        if self.crafting is not None:
            return False
        return self.protocol == "dns" or (self.protocol != "icmp" and self.target.port == DNS_PORT)

    @property
    def asks_outside(self) -> bool:
        """Whether the cluster's DNS has to ask others for the name."""
        service = self.target.service
        return bool(self.target.name) and (service is None or bool(service.external_name))

    def _matches(self, probe: Probe) -> tuple[Match, ...]:
        """The packets that netfilter is to report on. Beyond a NAT the client is known by whom it asks only."""
        target, labmap = self.target, self.labmap
        if self.protocol == ARP:  # no rule of IP's is met by it
            return ()
        outside = {name.name: name.address for name in labmap.internet}
        server = target.address or outside.get(target.name.rstrip("."), "")
        matches = [Match(self.transport, client=one) for one in self._clients(probe, server)]
        if target.name:
            servers = probe.resolver.asked
            clients = dict.fromkeys(probe.source_for(one) or self.source.address for one in servers)
            matches += [
                Match(protocol, client=one, server_port=DNS_PORT) for one in clients for protocol in ("udp", "tcp")
            ]
        if self.asks_outside:
            pods = (labmap.by_name[pod].address for pod in labmap.dns.pods if pod in labmap.by_name)
            matches += [Match("udp", client=one, server_port=DNS_PORT) for one in pods]
            if labmap.dns.outside:
                matches.append(Match("udp", server=labmap.dns.outside, server_port=DNS_PORT))
        owner = labmap.owners.get(server)
        if server and not target.service and (owner is None or owner[0].kind not in ("pod", "node")):
            matches.append(Match(self.transport, server=server, server_port=target.port))
        if target.service and (server not in ("", target.service.cluster_ip) or self.source.kind != "pod"):
            # Before the node that is asked on its port, the client may be its own node; behind the one that chooses,
            # the client is that one.
            matches.append(Match(self.transport, server=server, server_port=target.port))
            chooser = labmap.by_name.get(choosing_node(labmap, self.source, server))
            clients = dict.fromkeys(link.address for link in chooser.links if link.address) if chooser else {}
            ports = dict.fromkeys(endpoint.port for endpoint in target.candidates)
            matches += [Match(self.transport, client=one, server_port=port) for one in clients for port in ports]
        return tuple(dict.fromkeys(matches))

    def _clients(self, probe: Probe, server: str) -> Iterable[str]:
        """The addresses with which the place may ask: those that its routes choose for whoever may be asked, or the one
        that is written.
        """
        if self.crafting is not None:
            attempt = probe.crafted(self.crafting)
            attempt.abandon()
            return (attempt.address,)
        service = self.target.service
        cluster_ip = service.cluster_ip if service else ""
        asked = [server or cluster_ip] if server or cluster_ip else [one.address for one in self.target.candidates]
        return dict.fromkeys(filter(None, map(probe.source_for, asked))) or (self.source.address,)


def enter(sandbox: Sandbox) -> None:
    """Join the lab's user namespace and make its underlay the home from which every place can be visited."""
    limits.allow_many_files()
    sandbox.join_user_namespace()
    netns = sandbox.open_netns(UNDERLAY)
    try:
        setns(netns, CLONE_NEWNET)
    finally:
        os.close(netns)


def _deaf(place: str) -> str:
    return f"what rules of iptables-legacy do in {place} is told to one trace only: to another one, not here"


def _unencrypted(place: str) -> str:
    return f"{place} sent it on unencrypted, although wireguardEnabled: ./inv inspect says what is otherwise there"


class _Run:
    """The trace while it goes on."""

    def __init__(self, tracer: Tracer, witnesses: Witnesses, turn: Turn) -> None:
        self._tracer = tracer
        self._labmap = tracer.labmap
        self._witnesses = witnesses
        self._turn = turn
        self._probe = Probe(tracer.sandbox, tracer.source, self._look)
        self._whereabouts = Whereabouts(tracer.labmap, tracer.source, tracer.target, tracer.transport)
        self._wanted = self._choose_endpoints()
        self._sending = Sending(tracer, witnesses, self._probe, self._wanted)
        self._rules = RememberedRules()
        self._patience = Patience(tracer, witnesses, self._sending, self._rules)

    def journey(self) -> Journey:
        tracer, target = self._tracer, self._tracer.target
        resolution = None
        address = target.address
        if target.name:
            for server in self._probe.resolver.asked:
                self._listen(server, self._dns_endpoints(server))
                if tracer.asks_outside:
                    self._listen_behind(server)
        if target.service and target.name:
            self._listen(target.service.cluster_ip, self._wanted or target.candidates)
        if target.name:
            resolution = self._probe.resolve(target.name)
            address = self._destination(resolution)
        if address:
            self._listen(address, self._wanted or target.candidates)
            if tracer.crafting is not None:
                self._witnesses.open(self._whereabouts.beside(tracer.crafting.outer_destination))
            self._sending.send(self._ask(address))
            if self._probe.exchanges[-1].outcome == SILENT:
                self._sending.await_handshake(self._ask(address))
        behind = self._asked_behind() if resolution is not None and not address else None
        observations = self._sending.observations()
        self._end_turn()
        name = resolution.name if resolution and address else target.text
        written = tracer.crafting.text if tracer.crafting is not None else ""
        request = Request(tracer.source.name, name, target.port, tracer.protocol, written)
        told = self._witnesses.testimony(self._sending.translations)
        exchanges = [conntrack.with_aliases(one, told.translations) for one in self._probe.exchanges]
        exchanges += [behind] if behind is not None else []
        journey = judge(self._labmap, request, exchanges, observations, resolution)
        passages = passages_of(self._labmap, exchanges, observations)
        journey = explained(journey, passages, told, self._labmap, tracer.sandbox, tracer.agent, self._rules.read)
        remarks = [_deaf(place) for place in sorted(self._witnesses.netfilter.deaf)]
        remarks += [_unencrypted(one.unencrypted) for one in passages if one.unencrypted]
        return replace(journey, remarks=tuple(dict.fromkeys(remarks)))

    def _look(self, exchanges: Sequence[Exchange], once: bool) -> float:
        """Nothing comes back, and that may take long: others may begin. Gives what `Patience.look` says."""
        if not self._turn.is_over:
            self._witnesses.settle()
            self._turn.end()
        return self._patience.look(exchanges, once=once)

    def _end_turn(self) -> None:
        """All has been captured; what it means is found out while the next one sends."""
        self._witnesses.end(well=all(one.outcome == ANSWERED for one in self._probe.exchanges))
        self._turn.end()

    def _choose_endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints that the request may go to: the one that was asked for, or a few of many; () if any will do."""
        if self._tracer.through is not None:
            return (self._tracer.through,)
        candidates = self._tracer.target.candidates
        return candidates[:LISTENED] if len(candidates) > LISTENED else ()

    def _listen(self, address: str, endpoints: Iterable[Endpoint]) -> None:
        """In every place that a request to the address may come through, by whichever endpoint."""
        if address:
            self._witnesses.open(self._whereabouts.of(address, endpoints))

    def _dns_endpoints(self, server: str) -> Iterable[Endpoint]:
        """The pods behind the DNS server that a place asks, if it is a Service's address."""
        _, port = service_at(self._labmap, server, DNS_PORT, "udp") or (None, None)
        return port.preferred if port else ()

    def _listen_behind(self, server: str) -> None:
        """Where a DNS server asks others for names that are not its own."""
        outside = self._labmap.dns.outside
        for endpoint in self._dns_endpoints(server):
            if endpoint.pod and outside:
                self._witnesses.open(self._whereabouts.between(endpoint.pod, outside))

    def _asked_behind(self) -> Exchange | None:
        """What the DNS server that was asked last asked others; of one that is still waiting, asked in its stead."""
        if not self._probe.exchanges:
            return None
        asked, observations = self._probe.exchanges[-1], self._sending.observations()
        found = asked_behind(self._labmap, asked, observations)
        if found is not None or asked.outcome != SILENT or not self._tracer.asks_outside:
            return found
        server = next(reversed(reached(self._labmap, asked, observations)), "")
        return asked_in_its_stead(self._tracer.sandbox, self._labmap, server, asked)

    def _destination(self, resolution: Resolution) -> str:
        """The address to ask: of a headless Service's the wanted endpoint's, else the first."""
        through = self._tracer.through
        if through is not None and through.address in resolution.addresses:
            return through.address
        return resolution.addresses[0] if resolution.addresses else ""

    def _ask(self, address: str) -> Ask:
        tracer = self._tracer
        if tracer.crafting is not None:
            return Ask(address, tracer.target.port, b"", crafting=tracer.crafting)
        token = os.urandom(8).hex().encode()
        if tracer.speaks_dns:
            return Ask(address, tracer.target.port, self._probe.message(self._asked_name(address)))
        payload = token if tracer.protocol == "tcp" else token.ljust(tracer.size, b".")
        return Ask(address, tracer.target.port, payload, tracer.target.text, tracer.size, tracer.target.path)

    def _asked_name(self, address: str) -> str:
        """The name that a DNS server is asked for: one that there is, of the cluster or of the outside."""
        labmap = self._labmap
        owner, _ = labmap.owners.get(address, (None, None))
        inside = address == labmap.dns.service_ip or (owner is not None and owner.name in labmap.dns.pods)
        names = [] if inside else [one.name for one in labmap.internet]
        return names[0] if names else f"kubernetes.default.svc.{labmap.dns.domain}"
