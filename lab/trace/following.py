"""Watches a pod instead of asking in its name: the journeys of its own new connections, as they happen.

Nothing is sent. All places that a request of the pod may come through are listened on from the beginning.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from lab.errors import UsageError
from lab.kernel.connections import Event
from lab.kernel.places import Sandbox
from lab.kernel.rtnetlink import address, interface
from lab.network.labmap import LabMap, Place
from lab.network.path import Walker
from lab.trace.exchange import parts
from lab.trace.explanation import Agent, Testimony, explained
from lab.trace.flows import Flow, Flows
from lab.trace.hearing import Hearing, Round
from lab.trace.journey import Journey, Request, Resolution
from lab.trace.netfilter.event import TraceEvent
from lab.trace.netfilter.match import PROTOCOLS, Match
from lab.trace.netfilter.remembered import RememberedRules
from lab.trace.netfilter.table import TABLE
from lab.trace.observation import Observation, observed
from lab.trace.queries.inquiry import Inquiry, asking
from lab.trace.target import service_at
from lab.trace.tracer import LISTENED, enter
from lab.trace.verdict import judge, passages_of
from lab.trace.witnesses import Witnesses

KEPT_NS = 200_000_000  # what was seen this long before the oldest flow began is not its
QUIET_SECONDS = 1.0  # so often the counters' beginning is moved on while nothing is pending


@dataclass(frozen=True, slots=True)
class Following:
    """A pod that is to be watched."""

    sandbox: Sandbox
    labmap: LabMap
    source: Place
    agent: Agent

    def run(self, tell: Callable[[Journey], None], begun: Callable[[int], None], count: int = 0) -> tuple[str, ...]:
        """Tell each journey, until Ctrl-C, SIGTERM, or so many; `begun` is told the number of places listened on.

        Gives what was missed, in words, because it came faster than it could be read. For a process of its own: it
        joins the lab's user namespace for good.
        """
        enter(self.sandbox)
        named = places(self.labmap, self.source)
        with _terminable(), Witnesses(self.sandbox, self.labmap, self._matches()) as witnesses:
            try:
                witnesses.open(named)
                with Hearing(witnesses) as hearing:
                    begun(len(named))
                    watch = _Watch(self, witnesses, hearing)
                    for number, journey in enumerate(watch.journeys(), 1):
                        tell(journey)
                        if number == count:
                            break
            except KeyboardInterrupt:
                pass
            return tuple(_missed(witnesses))

    def _matches(self) -> tuple[Match, ...]:
        with asking(self.sandbox, self.source.name) as inquiry:
            held = own_addresses(inquiry)
        return matches(self.labmap, dict.fromkeys((self.source.address, *held)))


def own_addresses(inquiry: Inquiry) -> tuple[str, ...]:
    """All that the place may send from, as the kernel has them now; those of the loopback network stay in the place."""
    names = {index: name for name, index in interface.read(inquiry.netlink, inquiry.place).indexes.items()}
    found = (one.address.partition("/")[0] for one in address.read(inquiry.netlink, inquiry.place, names))
    return tuple(one for one in found if not one.startswith("127."))


def following(sandbox: Sandbox, labmap: LabMap, source: str, agent: Agent) -> Following:
    """UsageError when the source is not a pod."""
    place = labmap.find(source)
    if place.kind != "pod":
        raise UsageError(f"{source} is no pod, and what is followed is one", "./inv get pods lists them")
    return Following(sandbox, labmap, place, agent)


def places(labmap: LabMap, source: Place) -> tuple[str, ...]:
    """Where to listen: all that is not a pod, and of the others first those that Services lead to.

    In a large lab not all pods: another is opened when a connection goes there.
    """
    common = [place.name for place in labmap.places if place.kind not in ("pod", "underlay")]
    led_to = [one.pod for service in labmap.services for port in service.ports for one in port.preferred]
    pods = dict.fromkeys((*labmap.dns.pods, *led_to, *(place.name for place in labmap.of_kind("pod"))))
    wanted = [pod for pod in pods if pod in labmap.by_name and pod != source.name]
    return tuple(dict.fromkeys((source.name, *common, *wanted[:LISTENED])))


def matches(labmap: LabMap, clients: Iterable[str]) -> tuple[Match, ...]:
    """The packets that netfilter is to report on: the pod's, by all of its addresses, and the outside's, where a NAT
    hides whose they are.
    """
    outside = dict.fromkeys(name.address for name in labmap.internet)
    own = [Match(protocol, client=one) for one in clients for protocol in PROTOCOLS]
    return (*own, *(Match(protocol, server=one) for one in outside for protocol in PROTOCOLS))


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _missed(witnesses: Witnesses) -> Iterator[str]:
    packets = witnesses.captures.missed()
    if packets:
        yield f"{packets} packets"
    yield from (f"decisions of rules at {place}" for place in sorted(witnesses.netfilter.missed))


class _Watch:
    """What has been heard of the flows that are not told yet."""

    def __init__(self, following: Following, witnesses: Witnesses, hearing: Hearing) -> None:
        self._following = following
        self._labmap = following.labmap
        self._counters = witnesses.counters
        self._hearing = hearing
        self._rules = RememberedRules()
        self._walker = Walker(self._labmap)
        self._flows = Flows(following.source)
        self._observations: list[Observation] = []
        self._events: list[tuple[int, TraceEvent]] = []
        self._translations: list[tuple[int, Event]] = []
        self._counted = time.monotonic()

    def journeys(self) -> Iterator[Journey]:
        """One after the other, endlessly. A flow is told a round after its end was seen, when all have told of it."""
        before: list[Flow] = []
        while True:
            for one in self._hearing.take():
                ended = self._heard(one)
                for flow in ended:
                    if flow in before:
                        yield self._journey(flow)
                        self._flows.told(flow)
                before = ended
            self._tidy()

    def _heard(self, one: Round) -> list[Flow]:
        """Take up a round; gives the flows that have come to an end."""
        seen = observed(one.captures, self._labmap)
        self._observations += seen
        self._events += ((one.ended_ns, event) for event in one.events)
        self._translations += ((one.ended_ns, event) for event in one.translations)
        for flow in self._flows.take(seen):
            way = self._walker.round_trip(flow.place, flow.key[2])
            self._hearing.open(place for place in way.places if place)
        return self._flows.ended(one.ended_ns)

    def _tidy(self) -> None:
        """Forget what no flow needs any more."""
        now = time.time_ns()
        since = (self._flows.oldest_ns or now) - KEPT_NS
        self._observations = [one for one in self._observations if one.capture.t_ns >= since]
        self._events = [told for told in self._events if told[0] >= since]
        self._translations = [told for told in self._translations if told[0] >= since]
        self._flows.forget(now)
        if not self._flows.oldest_ns and time.monotonic() - self._counted > QUIET_SECONDS:
            self._counters.begin_again()
            self._counted = time.monotonic()

    def _journey(self, flow: Flow) -> Journey:
        exchange = flow.exchange()
        mine = [part.observation for part in parts(exchange, self._observations)]
        to, resolution = self._asked(flow)
        request = Request(flow.place, to, exchange.dport, exchange.protocol)
        journey = judge(self._labmap, request, [exchange], mine, resolution)
        passages = passages_of(self._labmap, [exchange], mine)
        told = Testimony(
            tuple(self._about(flow)),
            tuple(event for _, event in self._translations),
            self._counters,
            self._rules.read,
        )
        following = self._following
        return explained(journey, passages, told, self._labmap, following.sandbox, following.agent)

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
