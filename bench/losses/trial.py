"""One break from beginning to end, on a real lab: broken, asked about, judged, mended, and brought back."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bench.labs import ended
from bench.losses.breakage import Command
from bench.losses.configuration import Configuration
from bench.losses.drawing import Drawn
from bench.losses.holdings import Held, held, taken
from bench.losses.inside import run
from bench.losses.judgement import DELIVERED, Said, is_named, said
from bench.losses.oracle import Lived, lived
from bench.losses.request import Request
from lab.agent.client import calls
from lab.agent.client.client import Client
from lab.errors import HoplabError
from lab.trace.trace import trace

MENDED_SECONDS = 4.0  # a neighbour that did not answer is asked again within a second or two
TWICE = 2
NOTHING_SAID = Said("")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a break. `lived` is the client's word, `told` the trace's.

    `named`, `mended` and `taken` count where the request was lost: whether the very object was named, whether the fix
    helped (None where none was offered), what it took away that a component had made. `trouble` is what kept the
    trial from being one.
    """

    drawn: Drawn
    lived: Lived | None = None
    told: Said = NOTHING_SAID
    named: bool = False
    mended: bool | None = None
    taken: tuple[str, ...] = ()
    further: tuple[str, ...] = ()
    afresh: bool = False
    trouble: str = ""
    seconds: float = 0.0

    @property
    def is_loss(self) -> bool:
        return self.lived is Lived.LOST

    @property
    def is_untouched(self) -> bool:
        return self.lived is Lived.ANSWERED


@dataclass
class Bed:
    """A lab of one configuration in which breaks follow each other; each finds it as it was built."""

    configuration: Configuration
    name: str
    _right: Held = field(default_factory=dict)

    def begin(self) -> None:
        """Build it, and see what its places hold when nothing is wrong."""
        with calls.connect_or_start(self.name) as connected:
            self._up(connected)
        with calls.connect(self.name) as connected:
            places = [place.name for place in self.configuration.plan.labmap.places if place.kind != "underlay"]
            self._right = held(connected.visit, places)

    def end(self) -> None:
        with ended(self.name):
            pass

    def _up(self, connected: Client) -> None:
        one = self.configuration
        connected.request("up", text=one.text, file=one.file, settings=list(one.settings), pid=os.getpid())

    def attempt(self, drawn: Drawn) -> Outcome:
        """Break the lab, judge what is said of it, and bring it back."""
        began = time.monotonic()
        with calls.connect(self.name) as connected:
            try:
                outcome = self._judged(connected, drawn)
            except HoplabError as error:
                outcome = Outcome(drawn, trouble=error.message)
            afresh = not self._restored(connected, drawn)
        if afresh:
            self.end()
            self.begin()
        return _finished(outcome, afresh, time.monotonic() - began)

    def _judged(self, connected: Client, drawn: Drawn) -> Outcome:
        trouble = _did(connected, drawn.broken.do)
        if trouble:
            return Outcome(drawn, trouble=trouble)
        request = drawn.request
        for _ in range(TWICE):
            found, told = lived(connected.visit(request.source), request), _said(self.name, request)
            if (found is Lived.LOST) == (told.verdict != DELIVERED):
                break  # else: asked again, for what one of them met may have been chance
        if found is not Lived.LOST:
            return Outcome(drawn, found, told)
        named = is_named(drawn.broken, told)
        if not told.fix:
            return Outcome(drawn, found, told, named)
        places = tuple(dict.fromkeys((*drawn.broken.places, *(place for place, _ in told.fix))))
        broken, before = held(connected.visit, places), _drift(connected)
        for place, command in told.fix:
            run(connected.visit(place), command)
        mended = self._is_mended(connected, request)
        lost = taken(self._right, broken, held(connected.visit, places))
        return Outcome(drawn, found, told, named, mended, lost, tuple(sorted(_drift(connected) - before)))

    def _is_mended(self, connected: Client, request: Request) -> bool:
        """Whether both the client and the trace have it delivered, soon."""
        deadline = time.monotonic() + MENDED_SECONDS
        while True:
            answered = lived(connected.visit(request.source), request) is Lived.ANSWERED
            if answered and _said(self.name, request).verdict == DELIVERED:
                return True
            if time.monotonic() > deadline:
                return False

    def _restored(self, connected: Client, drawn: Drawn) -> bool:
        """Whether undoing the break and `up` brought the lab back to how it was built."""
        for place, command in drawn.broken.undo:
            run(connected.visit(place), command)  # it may well be undone already
        try:
            self._up(connected)
            places = drawn.broken.places
            now = held(connected.visit, places)
            if any(now[place] != self._right[place] for place in places):
                return False
            return self._is_mended(connected, drawn.request)
        except HoplabError:
            return False


def _finished(outcome: Outcome, afresh: bool, seconds: float) -> Outcome:
    return Outcome(
        outcome.drawn,
        outcome.lived,
        outcome.told,
        outcome.named,
        outcome.mended,
        outcome.taken,
        outcome.further,
        afresh,
        outcome.trouble,
        round(seconds, 1),
    )


def _did(connected: Client, commands: Sequence[Command]) -> str:
    """What went wrong with the break's own commands, "" when nothing did."""
    for place, command in commands:
        done = run(connected.visit(place), command)
        if done.status and " flush " not in command:  # nothing to flush is no mistake
            return f"{place}: {command}: {done.output.strip()}"
    return ""


def _said(name: str, request: Request) -> Said:
    via = request.via or None
    journey = trace(name, request.source, request.to, protocol=request.protocol, via=via, size=request.size)
    return said(journey.to_json())


def _drift(connected: Client) -> set[str]:
    """What `up` would mend."""
    told: Iterable[dict[str, str]] = connected.request("read", what="drift")
    return {f"{one['place']}: {one['object']}" for one in told}
