"""What the kernel told while a request went through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.kernel.netlink.conntrack_entry import Event
from lab.trace.witness.counters import Counters
from lab.trace.witness.netfilter.trace_message import TraceEvent


@dataclass(frozen=True, slots=True)
class Testimony:
    """Netfilter's events, those of connection tracking, and the counters before and after."""

    events: Sequence[TraceEvent]
    translations: Sequence[Event]
    counters: Counters
