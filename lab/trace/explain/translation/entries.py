"""What connection tracking remembers of one exchange, in each place that it was captured in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from lab.kernel.netlink.conntrack_entry import Event, Tuple
from lab.kernel.rules.conntrack import found
from lab.kernel.sandbox.sandbox import Sandbox
from lab.trace.ask.exchange import Exchange, Part
from lab.trace.explain.queries.inquiry import asking
from lab.trace.explain.translation.flow import flow
from lab.trace.journey import REQUEST


def remembered(sandbox: Sandbox, parts: Iterable[Part]) -> tuple[Event, ...]:
    """Its connection as each place knows it: by the addresses with which its first packet was seen there."""
    firsts: dict[str, Tuple] = {}
    for part in parts:
        packet = part.observation.packet
        if part.direction == REQUEST and packet.cause is None:
            told = Tuple(packet.protocol, packet.src, packet.sport, packet.dst, packet.dport)
            firsts.setdefault(part.observation.capture.place, told)
    events: list[Event] = []
    for place, told in firsts.items():
        with asking(sandbox, place):
            events += found(place, (told,))
    return tuple(events)


@dataclass(frozen=True, slots=True)
class Known:
    """A flow's exchange with the names that NATs gave it, and what connection tracking told of it and of others."""

    exchange: Exchange
    translations: tuple[Event, ...]

    @classmethod
    def of(cls, exchange: Exchange, translations: tuple[Event, ...]) -> Known:
        """Where connection tracking knows the exchange, its payload says nothing: a pod may send it again and again."""
        mine = flow(exchange, translations).inner
        if not mine:
            return cls(exchange, translations)
        own = (exchange.address, exchange.sport)
        names = dict.fromkeys((event.onward.source, event.onward.sport) for event in mine)
        return cls(replace(exchange, token=b"", aliases=tuple(name for name in names if name != own)), translations)
