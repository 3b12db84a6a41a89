"""The faults of a running lab: put in and taken out as somebody asks, or by the clock; kept over every `up`."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from lab.agent.follow.breaking.broken_objects import BrokenObjects
from lab.agent.follow.breaking.fault_commands import run
from lab.agent.follow.breaking.timing import Timing
from lab.agent.protocol import Message
from lab.errors import HoplabError, UsageError

if TYPE_CHECKING:
    from lab.agent.design.blueprint import Design, ReadFile
    from lab.agent.follow.control import Control
    from lab.faults.fault import Fault, Placed
    from lab.faults.ground import Ground
    from lab.topology.broken import Broken


class Injected:
    """Those of one lab: `all` are there now."""

    def __init__(self, control: Control) -> None:
        self._control, self._lab, self._writer = control, control.lab, control.writer
        self._chronicle, self._turn = control.chronicle, control.turn
        self.objects = BrokenObjects(control.plane)
        self.all: tuple[Placed, ...] = ()
        self._timed: dict[Placed, tuple[Timing, asyncio.Task[None]]] = {}

    async def inject(self, name: str, on: str, said: Mapping[str, str], timing: Timing, *, hidden: bool) -> Message:
        """Put one in, at once or as `timing` says; gives it as `told` does. UsageError, and KernelError and all as
        before.
        """
        from lab.faults import catalogue  # noqa: PLC0415  few labs have one

        fault = catalogue.named(name)
        on, said = fault.aimed(on, said)
        given = fault.given(said)
        place = fault.chosen(on, self._ground())
        return await self._put(self._placed(name, place, given, hidden=hidden), timing)

    async def draw(self, number: int, seed: int, timing: Timing, *, hidden: bool) -> Message:
        """Put in so many that chance names; `seed` draws the same again, 0 is a new one. Gives the seed, and what was
        drawn unless it is hidden.
        """
        from lab.faults import catalogue  # noqa: PLC0415  as above

        possible = catalogue.number(self._ground()) - len(self._known())
        if number > possible:
            raise UsageError(f"{number} faults more do not show in this lab", f"at most {possible}")
        seed = seed or secrets.randbelow(999_999) + 1
        rng = Random(seed)  # noqa: S311  to be drawn again
        drawn: list[Message] = []
        while len(drawn) < number:
            fault, place = catalogue.drawn(self._ground(), rng.randrange, self._is_free)
            drawn.append(await self._put(self._placed(fault.name, place, fault.given({}), hidden=hidden), timing))
        return {"seed": seed, "faults": [] if hidden else drawn}

    async def clear(self, name: str, on: str) -> list[str]:
        """Take out all of that name ("" for any) on that place ("" for anywhere). Gives what was taken out; of hidden
        ones how many.
        """
        leaving = [
            one
            for one in self._known()
            if name in ("", one.fault.name) and on in ("", one.place, one.place.rpartition("/")[2])
        ]
        if name and not leaving:
            known = ", ".join(one.where for one in self._known() if not one.hidden)
            raise UsageError(
                f"no fault {name!r}{f' is on {on}' if on else ' is in this lab'}", f"there is: {known or 'none'}"
            )
        left: dict[Placed, tuple[str, ...]] = {}
        for one in reversed(leaving):  # what came last goes first: some lie upon others
            timed = self._timed.pop(one, None)
            if timed is not None:
                timed[1].cancel()
            if one in self.all:
                left[one] = await self._end(one)
        hidden = sum(one.hidden for one in leaving)
        shown = [_cleared(one, left.get(one, ())) for one in leaving if not one.hidden]
        return [*shown, *([f"{hidden} hidden"] if hidden else [])]

    def told(self) -> list[Message]:
        """Those that are not hidden: name, place, story, what was given, since when, and when it comes and goes."""
        return [self._as_json(one) for one in self._known() if not one.hidden]

    @property
    def visible(self) -> tuple[Placed, ...]:
        """Those in the kernel now that are not hidden."""
        return tuple(one for one in self.all if not one.hidden)

    @property
    def of_networks(self) -> tuple[Placed, ...]:
        """Those in the kernel now, of which the API knows nothing."""
        return tuple(one for one in self.all if not one.fault.is_of_objects)

    def with_written(self, design: Design) -> Design:
        """The design with the faults of its file, and those that somebody put in; what they change of objects is in it
        already. FileError where one cannot be.
        """
        live = tuple(one for one in self.of_networks if not one.origin)
        if not design.topology.spec.faults:
            return replace(design, faults=live)
        from lab.faults.written import of_networks  # noqa: PLC0415  as above

        written = self._written(of_networks(design.topology.spec.faults), design)
        return replace(design, faults=(*(one for one in live if one not in written), *written))

    def of_objects(self, read: ReadFile, design: Callable[[], Design]) -> tuple[Placed, ...]:
        """What is to be put upon the objects of a file, of which `design` is made. FileError where one cannot be."""
        if not self.all and not read.topology.spec.faults:
            return ()
        from lab.faults.written import of_objects  # noqa: PLC0415  as above

        live = tuple(one for one in self.all if one.fault.is_of_objects and not one.origin)
        asked = of_objects(read.topology.spec.faults)
        written = self._written(asked, design()) if asked else []
        taken = [one for one in live if any(two.is_in_the_way_of(one.fault, one.place) for two in written)]
        return (*(one for one in live if one not in taken), *written)

    def _written(self, asked: Sequence[Broken], design: Design) -> list[Placed]:
        from lab.faults.written import placed  # noqa: PLC0415  as above

        known = {(one.fault, one.place, one.given): one for one in self.all}
        made = placed(asked, design.ground, time.time())
        return [known.get((one.fault, one.place, one.given), one) for one in made]

    async def adopt(self) -> None:
        """The file stands: what of its faults is no change of the network is put in, and taken out what has left it."""
        if not self.all and not self._lab.standing().faults and not self.objects.made:
            return
        from lab.faults.fault import Rewrite  # noqa: PLC0415  as above

        there = self._lab.places
        wanted = [one for one in self._lab.standing().faults if one.place in there]
        before = self.of_networks
        others = [one for one in before if not isinstance(one.fault.effect, Rewrite)]
        self.all = (*(one for one in wanted if isinstance(one.fault.effect, Rewrite)), *others, *self.objects.made)
        for one in others:
            if one not in wanted:
                await self._end(one)
        for one in wanted:
            if one not in self.all:
                await self._begin(one)

    def keep_within(self, places: Iterable[str]) -> None:
        """A place that goes takes its faults with it."""
        there = frozenset((*places, *(one.place for one in self._known() if one.fault.is_of_objects)))
        for one in [one for one in self._timed if one.place not in there]:
            self._timed.pop(one)[1].cancel()
        self.all = tuple(one for one in self.all if one.place in there)

    def _known(self) -> tuple[Placed, ...]:
        """All of them, those that wait for their time as well."""
        return (*self.all, *(one for one in self._timed if one not in self.all))

    def _is_free(self, fault: Fault, place: str) -> bool:
        return not any(one.is_in_the_way_of(fault, place) for one in self._known())

    def _ground(self) -> Ground:
        return self._lab.standing().ground

    def _placed(self, name: str, place: str, given: Mapping[str, str], *, hidden: bool) -> Placed:
        from lab.faults.catalogue import named  # noqa: PLC0415  as above
        from lab.faults.fault import Placed  # noqa: PLC0415  as above

        return Placed(named(name), place, tuple(given.items()), time.time(), hidden)

    async def _put(self, placed: Placed, timing: Timing) -> Message:
        for one in self._known():
            if one.is_in_the_way_of(placed.fault, placed.place):
                told = placed.where if one.hidden else one.where
                name = placed.fault.name if one.hidden else one.fault.name
                raise UsageError(f"{told} is there already", f"./inv fault.clear {name}, then again")
        if timing:
            if not timing.after:
                await self._begin(placed)
            task = asyncio.get_running_loop().create_task(self._by_the_clock(placed, timing))
            self._timed[placed] = (timing, task)
        else:
            await self._begin(placed)
        return self._as_json(placed)

    async def _by_the_clock(self, placed: Placed, timing: Timing) -> None:
        """Until it is over, or cleared. What the kernel refuses meanwhile is told in `events`, and ends it."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(timing.after)
        over = loop.time() + timing.lasting if timing.lasting else float("inf")
        try:
            if timing.after:
                await self._begin(placed)
            while loop.time() < over:
                left = over - loop.time()
                await asyncio.sleep(min(left, timing.flapping or left, 3600.0))
                if timing.flapping and loop.time() < over:
                    await (self._end(placed) if placed in self.all else self._begin(placed))
            if placed in self.all:
                await self._end(placed)
        except HoplabError as error:
            self._chronicle.write((f"fault {self._shown(placed)} has ended: {error.message}",), ())
        self._timed.pop(placed, None)

    async def _begin(self, placed: Placed) -> None:
        await self._change(placed, (*self.all, placed), begins=True)
        self._chronicle.write((f"fault {self._shown(placed)} put in",), ())

    async def _end(self, placed: Placed) -> tuple[str, ...]:
        """What of it is not as it was before, since somebody has changed it meanwhile."""
        left = await self._change(placed, tuple(one for one in self.all if one != placed), begins=False)
        self._chronicle.write((f"fault {self._shown(placed)} taken out",), () if placed.hidden else left)
        return left

    def _shown(self, placed: Placed) -> str:
        return "(hidden)" if placed.hidden else placed.where

    async def _change(self, placed: Placed, wanted: tuple[Placed, ...], *, begins: bool) -> tuple[str, ...]:
        """Have the kernel follow; where it does not, all is as it was. Gives what stays otherwise all the same."""
        from lab.faults.fault import Stopping  # noqa: PLC0415  as above

        if isinstance(placed.fault.effect, Stopping):
            await self._control.switch(placed.fault.effect.component, placed.place, running=not begins)
            self.all = wanted
            return ()
        if placed.fault.is_of_objects:
            async with self._turn:
                left = self.objects.begin(placed) if begins else self.objects.end(placed)
                self.all = wanted
            await self._control.settled()
            return left
        await self._change_network(placed, wanted, begins=begins)
        return ()

    async def _change_network(self, placed: Placed, wanted: tuple[Placed, ...], *, begins: bool) -> None:
        from lab.faults.fault import Commands  # noqa: PLC0415  as above

        before, effect = self.all, placed.fault.effect
        async with self._turn:
            if isinstance(effect, Commands):
                commands = effect.do if begins else effect.undo
                back = effect.undo if begins else effect.do
                await self._writer.do("a fault", lambda: run(self._lab.programs, placed.place, commands, back))
                self.all = wanted
                return
            self.all = wanted
            try:
                await self._follow()
            except BaseException:
                self.all = before
                await self._follow()
                raise

    async def _follow(self) -> None:
        design = self._control.standing_design()
        await self._writer.do("a fault", lambda: self._lab.follow(design))

    def _as_json(self, one: Placed) -> Message:
        timing, _ = self._timed.get(one, (Timing(), None))
        return {
            "name": one.fault.name,
            "place": one.place,
            "story": one.fault.story,
            "given": dict(one.given),
            "since": one.since,
            "timing": timing.words,
            "active": one in self.all,
            "from": one.origin,
        }


def _cleared(one: Placed, left: tuple[str, ...]) -> str:
    """What was taken out, who has it still, and what is not as it was before."""
    origin = (f"{one.origin} has it: `up` brings it back",) if one.origin else ()
    said = "; ".join((*origin, *left))
    return f"{one.where} ({said})" if said else one.where
