"""All that tells of a request while it goes through the lab: captures, netfilter, connection tracking, counters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from lab.kernel.connections import Event
from lab.kernel.places import Sandbox
from lab.network.labmap import LabMap
from lab.trace.capture import Captures
from lab.trace.conntrack.listening import Translations
from lab.trace.counters import Counters
from lab.trace.explanation import Testimony
from lab.trace.netfilter.match import Match
from lab.trace.netfilter.witness import NetfilterWitness


class Witnesses:
    """Opened place by place, closed together; closing takes the kernel some 15 ms a place, so tell first."""

    def __init__(self, sandbox: Sandbox, labmap: LabMap, matches: Sequence[Match]) -> None:
        self.captures = Captures(sandbox)
        self.counters = Counters(sandbox)
        self.translations = Translations(sandbox)
        tunnels = {link.kind for place in labmap.places for link in place.links}
        self.netfilter = NetfilterWitness(sandbox, (), matches, labmap.vxlan_ports, ipip="ipip" in tunnels)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for witness in (self.captures, self.counters, self.translations, self.netfilter):
            self._stack.enter_context(witness)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def open(self, places: Iterable[str]) -> None:
        """Have these places told of too."""
        named = tuple(places)
        for witness in (self.counters, self.translations, self.netfilter, self.captures):
            witness.open(named)

    def testimony(self, translations: Sequence[Event]) -> Testimony:
        """All that the kernel has told so far; `translations` are those that were read already."""
        return Testimony(self.netfilter.events(), (*translations, *self.translations.read()), self.counters)
