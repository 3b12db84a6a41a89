"""All that tells of a request while it goes through the lab: captures, netfilter, connection tracking, counters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from lab.kernel.netlink.conntrack_entry import Event
from lab.kernel.netlink.socketfilter import Instruction
from lab.kernel.sandbox.sandbox import Sandbox
from lab.map.labmap import LabMap
from lab.trace.witness.capture import Captures
from lab.trace.witness.conntrack import Translations
from lab.trace.witness.counters import Counters
from lab.trace.witness.filter.match import Match, Tunnels
from lab.trace.witness.filter.selection import Selection
from lab.trace.witness.netfilter.nftrace import NetfilterWitness
from lab.trace.witness.testimony import Testimony


class Witnesses:
    """Opened place by place, closed together; closing takes the kernel some 15 ms a place, so tell first."""

    def __init__(self, sandbox: Sandbox, labmap: LabMap, matches: Sequence[Match]) -> None:
        self.captures = Captures(sandbox)
        self.counters = Counters(sandbox, queues=bool(labmap.impaired))
        self.translations = Translations(sandbox)
        self.netfilter = NetfilterWitness(sandbox, (), matches, Tunnels.of(labmap))
        self._settled = False
        self._frames: tuple[Instruction, ...] = ()
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
        for witness in (self.counters, self.translations, self.netfilter):
            witness.open(named)
        self.captures.open(named, program=self._frames)

    def select(self, chosen: Selection) -> None:
        """From now on have all of them tell of other packets, also in places that are opened later. Of a sample, nobody
        listens to connection tracking, which tells of all connections or of none: `conntrack.found` asks it.
        """
        self._frames = chosen.frames
        self.captures.select(self._frames)
        self.translations.listen(wanted=chosen.is_all)
        self.netfilter.select(chosen.matches)

    def pause(self) -> None:
        """Cost nobody anything until `resume`. Only for a sample: nobody listens to connection tracking then."""
        self.netfilter.pause()
        self.captures.pause()

    def resume(self) -> None:
        """Tell again of what comes from now on."""
        self.captures.resume()
        self.netfilter.resume()
        self.missed()

    def missed(self) -> tuple[int, tuple[str, ...]]:
        """How many packets, and where decisions of rules, came faster than they were read, since the last time."""
        places = tuple(sorted(self.netfilter.missed))
        self.netfilter.forget_missed()
        return self.captures.missed(), places

    def settle(self) -> None:
        """Others begin: what counters say from now on may be of theirs, and of iptables-legacy only one can hear."""
        self.counters.settle()
        self.netfilter.release()
        self._settled = True

    def end(self, *, well: bool) -> None:
        """Have nothing more reported; where others have begun, that can wait: it changes the rules, of which some have
        been read. Of a request that did not go `well` the counters are read, unless they were when others had begun.
        """
        if not self._settled:
            self.netfilter.end()
        if not well and not self.netfilter.others:
            self.counters.settle()

    def testimony(self, translations: Sequence[Event]) -> Testimony:
        """All that the kernel has told so far; `translations` are those that were read already."""
        return Testimony(self.netfilter.events(), (*translations, *self.translations.read()), self.counters)
