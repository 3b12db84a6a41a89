"""All that it takes to say why a request was lost. Imported when one was: it costs what no delivered one waits for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lab.kernel.connections import Event
from lab.kernel.places import Sandbox
from lab.trace.counters import Counters
from lab.trace.explanation import Agent
from lab.trace.journey import Hop, Loss
from lab.trace.loss.asking import answered
from lab.trace.loss.case import Case
from lab.trace.loss.classify import explain
from lab.trace.loss.former import had
from lab.trace.loss.gathering import gather
from lab.trace.loss.stopped import Stopped
from lab.trace.passage import Passage


def explaining(
    loss: Loss,
    passage: Passage,
    hops: tuple[Hop, ...],
    stopped: tuple[Stopped, ...],
    counters: Counters,
    translations: Iterable[Event],
    sandbox: Sandbox,
    agent: Agent,
) -> Loss:
    """The loss of this exchange with its cause: its places are read, the kernel is asked, and the table gone through.

    `hops` are the exchange's own, with their decisions; `translations` connection tracking's events meanwhile.
    """
    facts = gather(
        sandbox,
        passage,
        counters,
        lambda places, kinds: agent.request("objects", places=list(places), kinds=list(kinds)),
        lambda places: agent.request("differences", places=list(places)),
    )
    facts = replace(facts, had=had(agent, passage.labmap, passage.exchange.destination))
    facts = answered(sandbox, Case(passage, hops, facts, stopped), translations)
    return explain(loss, passage, hops, facts, stopped)
