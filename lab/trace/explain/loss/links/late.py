"""An answer that came when nobody waited any more: it is not lost, and where it took long is known."""

from __future__ import annotations

from itertools import pairwise

from lab.map.path import IN
from lab.trace.ask.exchange import SILENT
from lab.trace.explain.loss.cause import Cause, Finding
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.links import netem
from lab.trace.explain.loss.links.traffic import unqueued
from lab.trace.explain.passage import crossing
from lab.trace.journey import CAPTURED, REPLY

NANOSECONDS = 1e9
PATIENCE = 0.4  # seconds; a trace waits longer for an answer, but for the last question of several


def came_late(case: Case) -> Finding | None:
    """The very answer came to its client, and nothing kept it there: it came too late."""
    last, packet, exchange = case.last, case.packet, case.passage.exchange
    if case.direction != REPLY or last is None or packet is None or exchange.outcome != SILENT or packet.cause:
        return None
    if (last.place, last.way) != (case.client, IN) or packet.src != exchange.destination:
        return None
    seen = (*case.asked, *case.leg)
    times = [part.observation.capture.t_ns for part in seen]
    took = (times[-1] - times[0]) / NANOSECONDS
    if took < PATIENCE:
        return None
    gaps = [(later - before) / NANOSECONDS for before, later in pairwise(times)]
    longest = max(gaps)
    before, after = seen[gaps.index(longest)], seen[gaps.index(longest) + 1]
    where, there = crossing(before), crossing(after)
    why = (
        f"The {case.name} came to {case.client} {took:.1f} s after it was asked for, when nobody waited any more. "
        f"{longest:.1f} s of that passed between {where.interface} of {where.place} and {there.interface} of "
        f"{there.place}."
    )
    for one in case.about(there.place).answers.queueing.disciplines:
        impairment = case.labmap.by_impaired.get((there.place, one.device))
        if one.device == there.interface and impairment is not None:
            return netem.finding(impairment, one, why)
        if one.device == there.interface:
            why = f"{why} There it waits in a queue."
            return Finding(there.place, Cause.TRAFFIC_CONTROL, one.text.strip(), why, unqueued(one), CAPTURED)
    return Finding(where.place, Cause.CAME_LATE, f"{where.interface} {longest:.1f} s", why, (), CAPTURED)
