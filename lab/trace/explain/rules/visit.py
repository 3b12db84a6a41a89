"""One packet in one place: what it met in netfilter, from where it came in to where it left or ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from lab.trace.witness.netfilter.trace_message import LEGACY, TraceEvent
from lab.trace.witness.netfilter.trace_table import TABLE
from lab.trace.witness.packet import Packet

PATH = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
ARRIVING = frozenset(PATH[:3])
_TABLES = ("raw", "mangle", "nat", "filter")  # in the order in which a packet meets them

Base = tuple[str, str, str, str]  # place, family, table and name of a base chain
Hooks = Mapping[Base, str]
Identity = tuple[object, ...]


@dataclass(frozen=True)
class Stretch:
    """The events of one base chain and what it jumps to. The packet is as it was when the chain began."""

    hook: str
    events: tuple[TraceEvent, ...]

    @cached_property
    def packet(self) -> Packet:
        return self.events[0].packet or Packet()

    @property
    def iif(self) -> int:
        return self.events[0].iif

    @property
    def oif(self) -> int:
        return self.events[0].oif


@dataclass(frozen=True)
class Visit:
    """The stretches in the order in which they were told; of a tunnel's packet, the outer one is meant."""

    place: str
    stretches: tuple[Stretch, ...]

    @property
    def arrived(self) -> bool:
        """It came in by an interface; otherwise the place itself sent it."""
        return bool(self.first.iif)

    @property
    def first(self) -> Stretch:
        return self.stretches[0]

    @property
    def last(self) -> Stretch:
        return self.stretches[-1]

    @cached_property
    def identity(self) -> Identity:
        return identity(self.first.packet)


def identity(packet: Packet) -> Identity:
    """What tells a packet from all others on the same interface."""
    return (packet.src, packet.sport, packet.dst, packet.dport, *essence(packet))


def essence(packet: Packet) -> Identity:
    """What of it no NAT rewrites."""
    return packet.protocol, packet.ident, packet.seq, packet.flags, packet.icmp_type


def visits(events: Iterable[TraceEvent], hooks: Hooks) -> list[Visit]:
    """The events, which are in the order in which each place told them, packet by packet.

    `hooks` tells the hook of base chains that are not named as iptables names them. The kernel uses an id again once
    its packet is gone: the event of a trace's table is where a visit begins; of several traces', the first one's.
    """
    opened: dict[tuple[str, int], list[TraceEvent]] = {}
    found: list[list[TraceEvent]] = []
    logged: list[TraceEvent] = []
    for event in events:
        if event.origin == LEGACY:
            logged.append(event)
            continue
        key = (event.place, event.id)
        if event.table == TABLE and _is_told_again(opened.get(key, ()), event):
            continue
        if event.table == TABLE or key not in opened:
            # A bridge's rules may see a copy of the packet: it has another id, and our table was met before.
            going_on = _begun(found, event) if event.table != TABLE else None
            opened[key] = [] if going_on is None else going_on
            if going_on is None:
                found.append(opened[key])
        opened[key].append(event)
    return _with_logged([_visit(one, hooks) for one in found if one[0].headers], logged)


def _is_told_again(begun: Sequence[TraceEvent], event: TraceEvent) -> bool:
    """Whether another trace's table tells of a packet that has met nothing but such tables yet; of one that it does not
    mean, that it returns, and then, without the packet's headers, its policy.
    """
    packet = event.packet
    if packet is None:
        return True
    if not begun or any(one.table != TABLE for one in begun):
        return False
    before = begun[0].packet
    same = before is not None and identity(packet) == identity(before)
    return same and (event.chain, event.iif) == (begun[0].chain, begun[0].iif)


def _begun(found: list[list[TraceEvent]], event: TraceEvent) -> list[TraceEvent] | None:
    """The visit of the packet that an event is about, by what no translation of its destination rewrites."""
    packet = event.packet
    if packet is None or not event.iif:
        return None
    wanted = (event.place, event.iif, packet.src, packet.sport, essence(packet))
    for visit in reversed(found):
        first, before = visit[0], visit[0].packet
        if before and (first.place, first.iif, before.src, before.sport, essence(before)) == wanted:
            return visit
    return None


def _visit(events: list[TraceEvent], hooks: Hooks) -> Visit:
    stretches: list[list[TraceEvent]] = []
    for event in events:
        if event.headers or not stretches:
            stretches.append([])
        stretches[-1].append(event)
    return Visit(events[0].place, tuple(Stretch(_hook(one[0], hooks), tuple(one)) for one in stretches))


def _hook(event: TraceEvent, hooks: Hooks) -> str:
    base = event.chain.upper() if event.table == TABLE else event.chain
    if base in PATH:
        return base
    told = hooks.get((event.place, event.family, event.table, event.chain))
    if told:
        return told
    if not event.iif:
        return "OUTPUT"
    return "FORWARD" if event.oif else "PREROUTING"


def _with_logged(found: list[Visit], logged: Iterable[TraceEvent]) -> list[Visit]:
    """The visits, joined by what iptables-legacy tells without an id: its packets are known by their headers."""
    stretches: dict[int, list[Stretch]] = {}
    pending: list[TraceEvent] = []
    for event in (*logged, None):
        if event and (not pending or _same_chain(pending[-1], event)):
            pending.append(event)
            continue
        if pending:
            stretch = Stretch(pending[0].hook, tuple(pending))
            number = _whose(found, stretch)
            if number is not None:
                stretches.setdefault(number, []).append(stretch)
        pending = [event] if event else []
    return [
        Visit(visit.place, tuple(sorted((*visit.stretches, *stretches[number]), key=_place_on_path)))
        if number in stretches
        else visit
        for number, visit in enumerate(found)
    ]


def _same_chain(one: TraceEvent, other: TraceEvent) -> bool:
    return (one.place, one.hook, one.table, one.iif, one.oif, one.headers) == (
        other.place,
        other.hook,
        other.table,
        other.iif,
        other.oif,
        other.headers,
    )


def _whose(found: list[Visit], stretch: Stretch) -> int | None:
    event, packet = stretch.events[0], stretch.packet
    for number, visit in enumerate(found):
        began = (visit.place, essence(visit.first.packet)) == (event.place, essence(packet))
        if began and visit.first.iif == (event.iif if visit.arrived else 0):
            return number
    return None


def _place_on_path(stretch: Stretch) -> tuple[int, int]:
    table = stretch.events[0].table
    if table == TABLE:
        return -1, 0
    return PATH.index(stretch.hook), _TABLES.index(table) if table in _TABLES else len(_TABLES)
