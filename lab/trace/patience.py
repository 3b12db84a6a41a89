"""How long an answer is waited for: until nothing can come any more, as far as that is known before the time is over.

A packet that netfilter dropped is gone. A datagram is not sent again; a TCP segment is, and what drops it once may let
it pass then, unless the rule is final. In silence TCP's first packet is sent again after one second, and then not
before three (tcp(7), tcp_syn_retries): once the second one came just as far as the first, and nothing holds either of
them back, there is nothing to wait for.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from lab.kernel.netlink.conntrack_entry import Event
from lab.trace.ask.exchange import OPENING, Exchange, parts
from lab.trace.explain.loss.stopped import is_refusal
from lab.trace.explain.passage import Passage, crossing
from lab.trace.explain.rules.cache import RememberedRules
from lab.trace.explain.rules.finality import is_dropped, is_final
from lab.trace.explain.rules.own import own
from lab.trace.explain.rules.ruleset import Ruleset
from lab.trace.explain.rules.visit import Visit, visits
from lab.trace.explain.translation import flow as conntrack
from lab.trace.journey import REQUEST
from lab.trace.witness.netfilter.trace_message import QUEUE

if TYPE_CHECKING:
    from lab.trace.run import Tracer
    from lab.trace.sending import Sending
    from lab.trace.witness.witnesses import Witnesses

AGAIN_NS = 1_000_000_000  # after which TCP's first packet is sent again
LOOK_SECONDS = 0.01  # between two looks for it
QUIET_NS = 30_000_000  # what a packet's own way and an answer's take a hundredth of
OVER = 0.0
NEVER = float("inf")


class Patience:
    """Of one trace, by what its witnesses tell while it waits."""

    def __init__(self, tracer: Tracer, witnesses: Witnesses, sending: Sending, rules: RememberedRules) -> None:
        self._tracer = tracer
        self._labmap = tracer.labmap
        self._witnesses = witnesses
        self._sending = sending
        self._rules = rules

    def look(self, exchanges: Sequence[Exchange], *, once: bool) -> float:
        """Seconds until it is worth another look at these exchanges, of which none has been answered: `OVER` when
        nothing can come any more. `once`: what is sent again does not count.
        """
        observations, translations = self._sending.observations(), self._sending.told()
        known = [conntrack.with_aliases(one, translations) for one in exchanges]
        passages = [Passage(self._labmap, one, tuple(parts(one, observations))) for one in known]
        met = list(self._visits(passages, translations))
        if self._are_gone(passages, met, self._rules_of(met), once=once):
            return OVER
        if once or len(passages) > 1 or passages[0].exchange.protocol != "tcp":
            return NEVER
        return self._of_silence(passages[0], met)

    def _visits(self, passages: Sequence[Passage], translations: Sequence[Event]) -> Iterator[Visit]:
        """What netfilter told of these very packets."""
        mine = own(self._labmap, passages, translations)
        for visit in visits(self._witnesses.netfilter.events(), {}):
            if mine.surely_has(visit) and not is_refusal(visit.first.packet):
                yield visit

    def _rules_of(self, met: Sequence[Visit]) -> Ruleset:
        """All that they met. While programs print them there is time to read what will say why it was lost."""
        events = (event for visit in met for stretch in visit.stretches for event in stretch.events)
        reading = self._rules.read(self._tracer.sandbox, events, whole=True)
        import lab.trace.explain.loss.examiner  # noqa: PLC0415, F401

        return reading()

    def _are_gone(self, passages: Sequence[Passage], met: Iterable[Visit], ruleset: Ruleset, *, once: bool) -> bool:
        """Whether netfilter dropped each of them where it was last seen, and would what is sent again."""
        last = Counter(_last_place(one) for one in passages)
        dropped = [visit for visit in met if visit.place in last and is_dropped(visit, ruleset)]
        if once or any(one.exchange.protocol != "tcp" for one in passages):
            return last <= Counter(visit.place for visit in dropped)
        return any(is_final(visit, ruleset) for visit in dropped)

    def _of_silence(self, passage: Passage, met: Iterable[Visit]) -> float:
        """Of a TCP connection: over when its first packet was sent again, and came as far as before."""
        if not passage.parts or any(part.role != OPENING for part in passage.parts):
            return NEVER
        at = [(part.direction, crossing(part), part.observation.capture.t_ns) for part in passage.parts]
        sent = [t_ns for direction, where, t_ns in at if (direction, where) == (REQUEST, at[0][1])]
        now = time.time_ns()
        if len(sent) == 1:
            return max(LOOK_SECONDS, (sent[0] + AGAIN_NS - now) / 1e9)
        before = {(direction, where) for direction, where, t_ns in at if t_ns < sent[1]}
        after = {(direction, where) for direction, where, t_ns in at if t_ns >= sent[1]}
        if after != before or now < max(t_ns for _, _, t_ns in at) + QUIET_NS:
            return LOOK_SECONDS
        return NEVER if self._is_held(met) else OVER

    def _is_held(self, met: Iterable[Visit]) -> bool:
        """Whether something may come yet of what was sent: a device's queue holds packets, or a program has them."""
        is_queued = any(visit.last.events[-1].verdict == QUEUE for visit in met)
        return is_queued or self._witnesses.counters.are_holding()


def _last_place(passage: Passage) -> str:
    return crossing(passage.parts[-1]).place if passage.parts else passage.exchange.source
