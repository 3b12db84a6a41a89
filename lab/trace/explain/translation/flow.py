"""Which events belong to one exchange, which to the tunnel's packets around it, and what each hop says of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from lab.kernel.netlink.conntrack_entry import DESTINATION_NAT, SOURCE_NAT, Event, Tuple
from lab.map.labmap import LabMap
from lab.trace.ask.exchange import Exchange
from lab.trace.journey import KERNEL, REQUEST, Decision, Hop

IN, OUT = "in", "out"


@dataclass(frozen=True, slots=True)
class Flow:
    """The connections of one exchange: its own in each place, and its tunnels' (`outer`), which are others' as well."""

    inner: tuple[Event, ...]
    outer: tuple[Event, ...] = ()

    def at(self, place: str) -> Event | None:
        """The exchange's own connection in a place, as it was told first."""
        return next((event for event in self.inner if event.place == place), None)


def with_aliases(exchange: Exchange, events: Iterable[Event]) -> Exchange:
    """The exchange, known as well by the addresses and ports that its own place gave it before it was seen anywhere."""
    mine = (exchange.protocol, exchange.address, exchange.sport)
    found = dict.fromkeys(
        (event.onward.source, event.onward.sport)
        for event in events
        if event.place == exchange.source and _client(event.original) == mine and _client(event.onward) != mine
    )
    return replace(exchange, aliases=tuple(found)) if found else exchange


def flow(exchange: Exchange, events: Iterable[Event], hops: Sequence[Hop] = ()) -> Flow:
    """The exchange's events. Behind a place that translates, it is known by its translated tuple.

    A tunnel's packets are known by the outer addresses and ports that were captured.
    """
    events = tuple(events)
    names = {(exchange.protocol, exchange.address, exchange.sport)}
    inner: list[Event] = []
    left = [event for event in events if event.original.protocol == exchange.protocol]
    while found := [event for event in left if _client(event.original) in names]:
        inner += found
        names.update(_client(event.onward) for event in found)
        left = [event for event in left if event not in found]
    tunnels = {
        ("udp", outer.src, outer.sport, outer.dst, outer.dport)
        for hop in hops
        if (outer := hop.packet.outer) is not None and outer.kind != "ipip"
    }
    return Flow(tuple(inner), tuple(event for event in events if _five(event.original) in tunnels))


def decisions(labmap: LabMap, told: Flow, hops: Sequence[Hop]) -> dict[int, tuple[Decision, ...]]:
    """By the hops' position: what was translated there. A destination is when it comes in, a source when it leaves.

    Of an answer both are undone when it comes in. A place that does not translate says nothing.
    """
    found: dict[int, tuple[Decision, ...]] = {}
    for place in dict.fromkeys(hop.place for hop in hops):
        event = told.at(place)
        if event is None or not event.translates:
            continue
        for direction in dict.fromkeys(hop.direction for hop in hops if hop.place == place):
            mine = [
                (number, hop)
                for number, hop in enumerate(hops)
                if (hop.place, hop.direction) == (place, direction) and hop.packet.outer is None
            ]
            for way, decision in _translations(labmap, event, direction):
                number = next((number for number, hop in mine if hop.way == way), mine[0][0] if mine else -1)
                if number >= 0:
                    found[number] = (*found.get(number, ()), decision)
    return found


def _translations(labmap: LabMap, event: Event, direction: str) -> Iterable[tuple[str, Decision]]:
    if direction != REQUEST:
        yield IN, _decision(labmap, event.reply, event.original.reversed, "undone")
        return
    original, onward = event.original, event.onward
    halfway = Tuple(original.protocol, original.source, original.sport, onward.destination, onward.dport)
    if halfway != original:
        # Without that bit the kernel's NAT did not do it: IPVS did, and told conntrack what the answers will be.
        verdict = _named(event.status, DESTINATION_NAT, "DNAT", "IPVS")
        yield IN, _decision(labmap, original, halfway, verdict)
    if halfway != onward:
        yield OUT, _decision(labmap, halfway, onward, _named(event.status, SOURCE_NAT, "SNAT"))


def _decision(labmap: LabMap, before: Tuple, after: Tuple, verdict: str) -> Decision:
    """What became of what, and to whom the new address belongs."""
    changed = after.destination if after.destination != before.destination else after.source
    owner = labmap.owners.get(changed)
    intent = f"{changed} is {owner[0].name}" if owner and after.text != before.text else ""
    return Decision("nat", f"{before.text} became {after.text}", KERNEL, "nat", verdict=verdict, intent=intent)


def _named(status: int, bit: int, name: str, otherwise: str = "translated") -> str:
    return name if status & bit else otherwise


def _client(told: Tuple) -> tuple[str, str, int]:
    return told.protocol, told.source, told.sport


def _five(told: Tuple) -> tuple[str, str, int, str, int]:
    return told.protocol, told.source, told.sport, told.destination, told.dport
