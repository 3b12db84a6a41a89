"""What is heard of a pod's connections, put together: each becomes a journey when it is known what became of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from random import SystemRandom

from lab.kernel.netlink.conntrack_entry import Event
from lab.kernel.sandbox.life import Life
from lab.kernel.sandbox.sandbox import Sandbox
from lab.map.labmap import LabMap
from lab.map.path import Walker
from lab.map.place import Place
from lab.trace.ask.exchange import parts
from lab.trace.ask.target import service_at
from lab.trace.explain.explanation import Agent, explained
from lab.trace.explain.rules.cache import RememberedRules
from lab.trace.explain.translation.entries import Known, remembered
from lab.trace.explain.verdict import judge, passages_of
from lab.trace.follow.hearing import Hearing, Round
from lab.trace.follow.meter import Meter
from lab.trace.follow.own_connections import Flow, Flows
from lab.trace.follow.throttle import BEGIN_SECONDS, CYCLE_SECONDS, TURNS, Pace
from lab.trace.journey import Journey, Request, Resolution
from lab.trace.witness.filter.sample import seed_beside
from lab.trace.witness.filter.selection import Selection
from lab.trace.witness.netfilter.trace_message import TraceEvent
from lab.trace.witness.netfilter.trace_table import TABLE
from lab.trace.witness.observation import Observation, observed
from lab.trace.witness.sealed import unsealed
from lab.trace.witness.testimony import Testimony
from lab.trace.witness.witnesses import Witnesses

KEPT_NS = 200_000_000  # what was seen this long before the oldest flow began is not its
LONGEST_SECONDS = 3.0  # what has not been told then, of a sample, is not
QUIET_SECONDS = 1.0  # so often the counters' beginning is moved on while nothing is pending


@dataclass(frozen=True, slots=True)
class Sampling:
    """From now on one of `near` connections is told, of those that a NAT hides one of `hidden` if that is more. So
    many begin in a second.
    """

    near: int
    hidden: int
    rate: float


class Lookout:
    """What was heard of the flows that are not told yet. `announce` is told when others are left out than before."""

    def __init__(
        self,
        sandbox: Sandbox,
        life: Life,
        labmap: LabMap,
        source: Place,
        agent: Agent,
        witnesses: Witnesses,
        hearing: Hearing,
        selection: Selection,
        announce: Callable[[Sampling], None],
    ) -> None:
        self._sandbox, self._life, self._labmap, self._agent = sandbox, life, labmap, agent
        self._witnesses, self._hearing = witnesses, hearing
        self._selection, self._announce = selection, announce
        self._rules = RememberedRules()
        self._walker = Walker(labmap)
        self._flows = Flows(source)
        self._observations: list[Observation] = []
        self._events: list[tuple[int, TraceEvent]] = []
        self._translations: list[tuple[int, Event]] = []
        self._counted = time.monotonic()
        self._meter = Meter(source.name, selection.clients)
        self._pace = Pace()
        ports = {port.port for service in labmap.services for port in service.ports}
        ports |= {one.port for service in labmap.services for port in service.ports for one in port.endpoints}
        self._seeds = (seed_beside(ports, SystemRandom()), seed_beside(ports, SystemRandom()))
        self._next: Selection | None = None  # what the witnesses have been asked for
        self._waits = False  # whether what comes until they have it is thrown away
        self._since = time.monotonic()  # they have had this one
        self._looked = False  # at the pace, since then
        self._missed = False  # something, since the last look
        self._read_ns = time.time_ns()  # up to when all places have been read

    def journeys(self) -> Iterator[Journey]:
        """One after the other, until the lab ends: LabError. A flow is told a round after its end was seen, when all
        have told of it, and no place has more to tell.
        """
        before: list[Flow] = []
        while True:
            # The sockets keep the places alive, silent for ever.
            self._life.require()
            for one in self._hearing.take():
                if one.selection is not None:
                    self._select(one.selection, one.ended_ns)
                if self._waits or one.selection is not None:
                    before = []
                    continue
                ended = self._heard(one)
                self._look(one)
                if one.flooded:
                    continue
                self._read_ns = one.ended_ns
                for flow in filter(set(before).__contains__, ended):
                    if self._waits:
                        break
                    known = self._known(flow)
                    if self._is_seen_whole(flow, known):
                        yield self._journey(flow, known)
                    self._flows.told(flow)
                    self._look(one)
                before = ended
                self._breathe(one)
            self._tidy()

    def _heard(self, one: Round) -> list[Flow]:
        """Take up a round; gives the flows that have come to an end."""
        seen = observed(one.captures, self._labmap)
        # One round may have seen a packet enter a device, and the next one what carries it.
        self._observations = unsealed([*self._observations, *seen], self._labmap)
        self._events += ((one.ended_ns, event) for event in one.events)
        self._translations += ((one.ended_ns, event) for event in one.translations)
        begun = self._flows.take(seen)
        for flow in begun:
            way = self._walker.round_trip(flow.place, flow.key[2])
            self._hearing.open(place for place in way.places if place)
        if not self._flows.closed:
            self._meter.count(len(begun), seen, one)
        if one.missed:  # nobody knows whose it was
            self._missed = True
            self._flows.begin_again(one.ended_ns)
        return self._flows.ended(one.ended_ns)

    def _look(self, one: Round, *, anyway: bool = False) -> None:
        """Change what is listened to when that costs too much, or less than it may."""
        load = self._meter.load(one.ended_ns, anyway=anyway) if self._next is None else None
        if load is None:
            return
        self._looked = True
        now, pace = self._selection, self._pace
        changed = pace.follow(load, missed=self._missed)
        self._missed = False
        if not changed:
            return
        self._next = now.sampled(pace.near, pace.hidden, self._seeds)
        self._waits = pace.near > now.near.of or pace.hidden > now.hidden.of
        self._hearing.select(self._next)
        turns = TURNS if pace.near > 1 else 1
        self._announce(Sampling(pace.near * turns, pace.hidden * turns, load.connections * now.near.of))

    def _breathe(self, one: Round) -> None:
        """Of a sample, let nothing more begin after a while, wait until all is told, and then have nobody listen."""
        if self._turns == 1 or self._next is not None:
            return
        lasted = time.monotonic() - self._since
        self._flows.closed = lasted > BEGIN_SECONDS
        if lasted < BEGIN_SECONDS or (self._flows.oldest_ns and lasted < LONGEST_SECONDS):
            return
        if not self._looked:
            self._look(one, anyway=True)
        if self._next is None:
            self._next, self._waits = self._selection, True
            self._hearing.rest(max(CYCLE_SECONDS - lasted, BEGIN_SECONDS))

    def _select(self, chosen: Selection, since_ns: int) -> None:
        """The witnesses have another selection. Of a smaller one, what began before was not seen whole."""
        if self._waits:
            self._flows.begin_again(since_ns)
            self._observations, self._events, self._translations = [], [], []
        self._selection, self._next, self._waits, self._since = chosen, None, False, time.monotonic()
        self._flows.sample, self._flows.closed, self._looked = chosen.near, False, False
        self._meter.begin_again()

    @property
    def _turns(self) -> int:
        """Of how many parts of the time one is listened in."""
        return TURNS if self._selection.near.of > 1 else 1

    def _known(self, flow: Flow) -> Known:
        """What connection tracking knows of a flow: what it has told, or, of a sample, what it says now."""
        exchange = flow.exchange()
        if self._selection.is_all:
            return Known.of(exchange, tuple(event for _, event in self._translations))
        known = Known(exchange, ())
        while True:  # behind each NAT it is known by another name, by which the next place knows it
            asked = remembered(self._sandbox, parts(known.exchange, self._observations))
            if len(asked) <= len(known.translations):
                return known
            known = Known.of(exchange, asked)

    def _is_seen_whole(self, flow: Flow, known: Known) -> bool:
        """Whether its packets are in the sample also where a NAT hides whose they are."""
        chosen = self._selection
        if flow.key[0] == "tcp":
            return not known.exchange.aliases or chosen.hidden_tcp.takes_sequence((flow.sequence - 1) % (1 << 32))
        return all(chosen.hidden.takes_port(port) for _, port in known.exchange.aliases)

    def _one_of(self, flow: Flow, known: Known) -> int:
        """Of how many connections like it it is the one that is told."""
        chosen = self._selection
        if not known.exchange.aliases:
            return self._turns * chosen.near.of
        return self._turns * (chosen.hidden_tcp.of if flow.key[0] == "tcp" else chosen.near.of * chosen.hidden.of)

    def _tidy(self) -> None:
        """Forget what no flow needs any more."""
        now = self._read_ns
        since = min(self._flows.oldest_ns or now, now) - KEPT_NS
        self._observations = [one for one in self._observations if one.capture.t_ns >= since]
        self._events = [told for told in self._events if told[0] >= since]
        self._translations = [told for told in self._translations if told[0] >= since]
        self._flows.forget(now)
        if not self._flows.oldest_ns and time.monotonic() - self._counted > QUIET_SECONDS:
            self._witnesses.counters.begin_again()
            self._counted = time.monotonic()

    def _journey(self, flow: Flow, known: Known) -> Journey:
        exchange = known.exchange
        mine = [part.observation for part in parts(exchange, self._observations)]
        to, resolution = self._asked(flow)
        request = Request(flow.place, to, exchange.dport, exchange.protocol)
        journey = judge(self._labmap, request, [exchange], mine, resolution)
        passages = passages_of(self._labmap, [exchange], mine)
        told = Testimony(tuple(self._about(flow)), known.translations, self._witnesses.counters)
        found = explained(journey, passages, told, self._labmap, self._sandbox, self._agent, self._rules.read)
        return replace(found, one_of=self._one_of(flow, known))

    def _asked(self, flow: Flow) -> tuple[str, Resolution | None]:
        """The name by which the pod knows the address, and the answer that told it; else whose address it is."""
        address = flow.key[2]
        answer = self._flows.names.get(address)
        if answer is not None and not flow.is_question:
            return answer.name, Resolution(answer.name, answer.status, answer.addresses, 1)
        found = service_at(self._labmap, address, flow.key[3], flow.key[0])
        if found is not None and address in found[0].addresses:
            return f"{found[0].name}.{found[0].namespace}", flow.resolution
        owner = self._labmap.owners.get(address)
        return (owner[0].name if owner else address), flow.resolution

    def _about(self, flow: Flow) -> Iterable[TraceEvent]:
        """The events that are not another flow's of the pod."""
        others: dict[tuple[str, int], bool] = {}
        for _, event in self._events:
            packet = event.packet
            key = (event.place, event.id)
            if packet is not None and (event.table == TABLE or key not in others or not event.id):
                owner = self._flows.owner(packet)
                others[key] = owner is not None and owner is not flow
            if not others.get(key, False):
                yield event
