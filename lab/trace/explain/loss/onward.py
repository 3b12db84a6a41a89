"""The question behind a question: what a DNS server asks the outside, when what it was asked is not the cluster's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from lab.map.path import Path, Walker
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.passage import Leg
from lab.trace.journey import DNS, REQUEST

_MOST_ENDS = 8


@dataclass(frozen=True)
class Onward(Case):
    """What a DNS server asks the outside when it was asked for a name that is not the cluster's.

    Nothing of it was captured: only its way is known, from the design.
    """

    server: str = ""
    resolver: str = ""

    @cached_property
    def direction(self) -> str:
        return REQUEST

    @cached_property
    def leg(self) -> Leg:
        return ()

    @cached_property
    def path(self) -> Path:
        return Walker(self.labmap).walk(self.server, self.resolver)

    @property
    def _ends(self) -> tuple[str, ...]:
        """The places that it may have been bound for; several when a choice was not seen."""
        owners = (self.labmap.owners.get(address) for address in self.destinations[:_MOST_ENDS])
        return tuple(owner[0].name for owner in owners if owner is not None)

    @property
    def client(self) -> str:
        return self.server

    @property
    def there(self) -> Path:
        return self.path

    @property
    def asked(self) -> Leg:
        return ()

    @cached_property
    def destinations(self) -> tuple[str, ...]:
        return (self.resolver,)

    @property
    def first_destinations(self) -> tuple[str, ...]:
        return (self.resolver,)


def onward(case: Case) -> Onward | None:
    """The case behind the case: of a DNS question that reached its server, and was not answered there."""
    exchange, last = case.passage.exchange, case.last
    internet = next(iter(case.labmap.of_kind("internet")), None)
    if exchange.phase != DNS or case.direction != REQUEST or last is None or internet is None:
        return None
    if last.place != case.there.end or last.place not in case.labmap.dns.pods:
        return None
    return Onward(case.passage, (), case.facts, (), last.place, internet.address)
