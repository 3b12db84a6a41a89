"""Joins what the witnesses told to the journey: the decisions at each hop, and why a lost request was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from lab.kernel.netlink.conntrack_entry import Event
from lab.kernel.sandbox.sandbox import Sandbox
from lab.map.labmap import LabMap
from lab.trace.ask.exchange import Exchange
from lab.trace.explain import delay
from lab.trace.explain.balancing import balanced
from lab.trace.explain.loss.stopped import Stopped
from lab.trace.explain.passage import Passage
from lab.trace.explain.rules.attach import Question, attach, with_intents
from lab.trace.explain.rules.own import own
from lab.trace.explain.rules.ruleset import Ruleset, read_rules
from lab.trace.explain.rules.visit import visits
from lab.trace.explain.server_log import last_words
from lab.trace.explain.translation import flow as conntrack
from lab.trace.explain.unresolved import is_the_clusters
from lab.trace.explain.verdict import chance, failing_behind, patience, untranslated_port
from lab.trace.journey import DELIVERED, DNS, LOST, UNRESOLVED, Decision, Hop, Journey
from lab.trace.witness.netfilter.trace_message import TraceEvent
from lab.trace.witness.testimony import Testimony

NOTHING_SAID = "received, and not answered,"
"""So a datagram ends of which only its listener tells."""
Texts = Callable[[Sandbox, Iterable[TraceEvent]], Callable[[], Ruleset]]
"""Starts to read rules; what it gives waits for them."""


class Agent(Protocol):
    """What the lab's agent is asked: the design's intents and objects."""

    def request(self, operation: str, on_event: Callable[[dict[str, Any]], None] = ..., **parameters: Any) -> Any:  # noqa: ANN401  JSON has no narrower type
        """Its answer; what it tells meanwhile goes to `on_event`."""

    def ask(self, operation: str, **parameters: Any) -> Callable[[], Any]:  # noqa: ANN401
        """The same, asked; what it gives waits for the answer."""


def explained(
    journey: Journey,
    passages: Sequence[Passage],
    told: Testimony,
    labmap: LabMap,
    sandbox: Sandbox,
    agent: Agent,
    texts: Texts = read_rules,
) -> Journey:
    """The journey with its hops' decisions, in the order rule, virtual server, translation, route, impairment, and with
    the cause of its loss. `texts` gives those of the rules that netfilter's events are about.
    """
    hops = journey.hops
    rules_of = _rules(journey, passages, told, labmap, sandbox, agent, texts)
    from lab.trace.explain.queries.decisions import decisions as queried  # noqa: PLC0415  20 ms, while programs print the rules

    routes = queried(labmap, sandbox, hops, journey.seen)
    rules, stopped = rules_of()
    translations = _translations(labmap, passages, told.translations, hops)
    held = delay.decisions(labmap, hops)
    servers = balanced(labmap, sandbox, passages, hops, [_numbers(one, hops) for one in passages])
    decided = tuple(
        replace(
            hop,
            decisions=(
                *rules.get(hop, ()),
                *servers.get(number, ()),
                *translations.get(number, ()),
                *routes.get(number, ()),
                *held.get(number, ()),
            ),
        )
        for number, hop in enumerate(hops)
    )
    lost, behind = journey.lost, failing_behind(passages)
    if lost is not None and (journey.verdict != UNRESOLVED or behind is not None):
        from lab.trace.explain.loss.examiner import explaining  # noqa: PLC0415  30 ms that no delivered request waits for
        from lab.trace.explain.reception import received  # noqa: PLC0415  as above

        last = behind or passages[-1]
        taken = received(sandbox, last, decided, stopped, told.counters)
        if taken:
            return replace(journey, hops=decided, verdict=DELIVERED, lost=None, answer=f"{NOTHING_SAID} by udp {taken}")
        mine = tuple(decided[number] for number in _numbers(last, hops))
        lost = explaining(lost, last, mine, stopped, told.counters, told.translations, sandbox, agent)
        if behind is not None:
            ended = "is refused" if behind.refused else "gets no answer"
            told_of = f"{behind.exchange.source} asks {_asked(labmap, behind.exchange)} in its turn, and {ended}."
            lost = replace(lost, why=f"{told_of} {lost.why}")
        if lost.phase == DNS and journey.verdict == LOST:
            lost = replace(lost, why=lost.why + patience(journey.resolution))
    elif lost is not None and journey.verdict == UNRESOLVED:
        from lab.trace.explain.loss.ends.resolver import unresolved  # noqa: PLC0415  as above

        def differences(places: tuple[str, ...]) -> Any:  # noqa: ANN401  JSON
            return agent.request("differences", places=list(places))

        client = next(one.exchange.source for one in reversed(passages) if not one.exchange.behind)
        lost = unresolved(lost, labmap, client, journey.request.to, differences)
    if lost is not None and lost.phase == DNS:
        others = (one.exchange for one in passages if one.exchange.behind and one.succeeded)
        said = "".join(f" {one.source} asked {_asked(labmap, one)}, which says {one.detail}." for one in others)
        lost = replace(lost, why=lost.why + said + last_words(agent, labmap, journey, lost))
    if lost is not None and journey.verdict != UNRESOLVED:
        headless = untranslated_port(labmap, journey.request) if lost.cause == "nobody-listens" else ""
        lost = replace(lost, why=lost.why + headless + chance(journey))
    return replace(journey, hops=decided, lost=lost)


def _asked(labmap: LabMap, exchange: Exchange) -> str:
    """Whom a DNS server asked; that it asked itself, where it did."""
    if not is_the_clusters(labmap, exchange.destination):
        return exchange.destination
    return f"{exchange.destination}, the cluster's own DNS again (it forwards in a circle)"


def _numbers(passage: Passage, hops: Sequence[Hop]) -> list[int]:
    """Which hops are an exchange's, by their position."""
    mine = {(hop.place, hop.interface, hop.way, hop.t_ns) for hop in passage.hops()}
    return [number for number, hop in enumerate(hops) if (hop.place, hop.interface, hop.way, hop.t_ns) in mine]


def _rules(
    journey: Journey,
    passages: Sequence[Passage],
    told: Testimony,
    labmap: LabMap,
    sandbox: Sandbox,
    agent: Agent,
    texts: Texts,
) -> Callable[[], tuple[Mapping[Hop, tuple[Decision, ...]], tuple[Stopped, ...]]]:
    """Starts to read the rules. What it gives waits for them, and tells the decisions by hop, and what netfilter ended
    where no hop shows it.
    """
    # Rules of places that only abandoned attempts came by need not be read.
    places = {hop.place for hop in journey.hops} | {passage.exchange.source for passage in passages}
    events = [event for event in told.events if event.place in places]
    reading = texts(sandbox, events)

    def intents(asked: list[Question]) -> Sequence[str]:
        answer: list[str] = agent.request("intents", rules=asked)
        return answer

    def attached() -> tuple[Mapping[Hop, tuple[Decision, ...]], tuple[Stopped, ...]]:
        mine = own(labmap, passages, told.translations)
        ruleset = reading()
        met = [visit for visit in visits(events, ruleset.hooks) if mine.has(visit)]
        known = with_intents(attach(journey.hops, journey.seen, met, ruleset, labmap.bridge_ports), intents)
        at_hops = {hop: delay.named(told) for hop, told in known.decisions.items()}
        return at_hops, tuple(Stopped(one.place, delay.named(one.decisions), one.packet) for one in known.ended)

    return attached


def _translations(
    labmap: LabMap, passages: Sequence[Passage], events: Sequence[Event], hops: Sequence[Hop]
) -> Mapping[int, tuple[Decision, ...]]:
    """By the hops' position."""
    found: dict[int, tuple[Decision, ...]] = {}
    for passage in passages:
        mine = _numbers(passage, hops)
        some = [hops[number] for number in mine]
        flow = conntrack.flow(passage.exchange, events, some)
        for number, decisions in conntrack.decisions(labmap, flow, some).items():
            found[mine[number]] = decisions
    return found
