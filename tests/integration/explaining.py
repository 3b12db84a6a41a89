"""A trace whose hops and loss are explained: the tracer, the kernel's answers and the classifier, joined for tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lab.agent.client import connect
from lab.network.labmap import LabMap
from lab.network.path import Walker
from lab.trace import target as targets
from lab.trace.apart import apart
from lab.trace.capture import Captures
from lab.trace.conntrack import flow as conntrack
from lab.trace.conntrack.event import Event
from lab.trace.conntrack.listening import Translations
from lab.trace.counters import Counters
from lab.trace.exchange import parts
from lab.trace.journey import DATA, DNS, UNRESOLVED, Decision, Hop, Journey
from lab.trace.loss.case import Stopped
from lab.trace.loss.classify import explain
from lab.trace.loss.gathering import gather
from lab.trace.netfilter.attach import attach
from lab.trace.netfilter.match import Match
from lab.trace.netfilter.ruleset import read_rules
from lab.trace.netfilter.visit import visits
from lab.trace.netfilter.witness import NetfilterWitness
from lab.trace.passage import Passage
from lab.trace.queries import decisions as queries
from lab.trace.tracer import Tracer, _Run, enter

SECONDS = 0.6


@dataclass(frozen=True)
class Told:
    """A journey with its decisions, and the events of conntrack."""

    journey: Journey
    events: tuple[Event, ...]


def explained(
    lab: str, source: str, to: str, *, protocol: str = "tcp", via: str = "", size: int = 0, seconds: float = SECONDS
) -> Told:
    """The journey of one request in a running lab."""
    with connect(lab) as client:
        labmap = LabMap.from_json(client.request("read", what="map"))
        start = labmap.find(source)
        target = targets.aim(labmap, start, to, None, protocol)
        through = targets.via(labmap, target, via) if via else None
        tracer = Tracer(client.sandbox, labmap, start, target, protocol, through, size, seconds)

        def desired(places: Sequence[str], kinds: Sequence[str]) -> Any:
            return client.request("objects", places=list(places), kinds=list(kinds))

        def work(tell: Callable[[Told], None]) -> None:
            enter(client.sandbox)
            places = _places(tracer)
            matches = [Match(kind, client=start.address) for kind in dict.fromkeys((protocol, "udp"))]
            with (
                Captures(client.sandbox) as captures,
                Counters(client.sandbox) as counters,
                Translations(client.sandbox) as translations,
                NetfilterWitness(client.sandbox, places, matches, labmap.vxlan_ports) as witness,
            ):
                counters.open(places)
                translations.open(places)
                tell(_joined(tracer, _Run(tracer, captures), counters, translations, witness, desired))

        return apart(work)


def _places(tracer: Tracer) -> tuple[str, ...]:
    """Those of every way that the request and its DNS question may take."""
    labmap, walker = tracer.labmap, Walker(tracer.labmap)
    asked = [(labmap.dns.service_ip, pod.address) for name in labmap.dns.pods if (pod := labmap.by_name.get(name))]
    if tracer.target.service:
        asked += [(tracer.target.service.cluster_ip, endpoint.address) for endpoint in tracer.target.ready]
    elif tracer.target.address:
        asked.append((tracer.target.address, ""))
    trips = [walker.round_trip(tracer.source.name, to, endpoint) for to, endpoint in asked]
    found = (place for trip in trips for place in trip.places)
    return tuple(dict.fromkeys((tracer.source.name, tracer.source.node, *found)))


def _joined(
    tracer: Tracer,
    run: _Run,
    counters: Counters,
    translations: Translations,
    witness: NetfilterWitness,
    desired: Any,
) -> Told:
    journey = run.journey()
    labmap, observations = tracer.labmap, run._observations()
    events = tuple(translations.read())
    told = [
        found[-1] for phase in (DNS, DATA) if (found := [one for one in run._probe.exchanges if one.phase == phase])
    ]
    passages = [Passage(labmap, exchange, tuple(parts(exchange, observations))) for exchange in told]
    hops = list(journey.hops)
    for exchange in told:
        mine = [number for number, hop in enumerate(hops) if hop.phase == exchange.phase]
        some = [hops[number] for number in mine]
        translated = conntrack.decisions(labmap, conntrack.flow(exchange, events, some), some)
        _add(hops, {mine[number]: decisions for number, decisions in translated.items()})
    _add(hops, queries.decisions(labmap, tracer.sandbox, journey.hops, journey.seen))
    reported = witness.events()
    ruleset = read_rules(tracer.sandbox, reported)
    rules = attach(journey.hops, journey.seen, visits(reported, ruleset.hooks), ruleset)
    _add(hops, {number: rules.decisions.get(hop, ()) for number, hop in enumerate(journey.hops)})
    stopped = tuple(Stopped(one.place, one.decisions) for one in rules.ended)
    lost = journey.lost
    if lost is not None and journey.verdict != UNRESOLVED:
        facts = gather(tracer.sandbox, passages[-1], counters, desired)
        lost = explain(lost, passages[-1], tuple(hop for hop in hops if hop.phase == told[-1].phase), facts, stopped)
    return Told(replace(journey, hops=tuple(hops), lost=lost), events)


def _add(hops: list[Hop], decisions: dict[int, tuple[Decision, ...]]) -> None:
    for number, more in decisions.items():
        hops[number] = replace(hops[number], decisions=(*hops[number].decisions, *more))
