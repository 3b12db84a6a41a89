"""All that it takes to say why a request was lost. Imported when one was: it costs what no delivered one waits for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lab.kernel.netlink.conntrack_entry import Event
from lab.kernel.sandbox.sandbox import Sandbox
from lab.trace.explain.explanation import Agent
from lab.trace.explain.loss.asking import answered
from lab.trace.explain.loss.classify import explain
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.former import had
from lab.trace.explain.loss.gathering import gather
from lab.trace.explain.loss.stopped import Stopped
from lab.trace.explain.passage import Passage
from lab.trace.journey import Hop, Loss
from lab.trace.witness.counters import Counters


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
        lambda places: agent.ask("differences", places=list(places)),
    )
    facts = replace(facts, had=had(agent, passage.labmap, passage.exchange.destination))
    facts = answered(sandbox, Case(passage, hops, facts, stopped), translations)
    return explain(loss, passage, hops, facts, stopped)
