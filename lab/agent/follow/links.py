"""The links of a lab that are impaired, by its topology or by hand: kept over every `up`, until a place goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from lab.agent.follow import netem
from lab.agent.protocol import Message
from lab.errors import UsageError
from lab.network.place_names import UNDERLAY
from lab.network.underlay.netem import NONE, Impairments
from lab.network.underlay.netem import impaired as impaired_links

if TYPE_CHECKING:
    from lab.agent.design.blueprint import Design, ReadFile
    from lab.agent.follow.writer import Writer
    from lab.agent.lab import Lab
    from lab.agent.tell.chronicle import Chronicle


class Links:
    """Those of one lab. `finished` names the pods that have ended; `designed` is the lab's design with what is in
    `all` now.
    """

    def __init__(
        self,
        lab: Lab,
        writer: Writer,
        chronicle: Chronicle,
        turn: asyncio.Lock,
        finished: Callable[[], Mapping[str, str]],
        designed: Callable[[], Design],
    ) -> None:
        self._lab, self._writer, self._chronicle, self._turn = lab, writer, chronicle, turn
        self._finished, self._designed = finished, designed
        self.all: Impairments = NONE

    async def look_for_netem(self, read: ReadFile) -> None:
        """Where links are to be impaired, whether the kernel has it decides how."""
        if any(link.impairment for link in read.topology.spec.links):
            has_netem = await self._writer.do("looking for netem", self._lab.has_netem)
            self.all = replace(self.all, netem=has_netem)

    async def impair(self, where: str, given: Mapping[str, str]) -> Message:
        """Impair what leaves by a device, whatever was set there before; gives it as `impaired_links` does. UsageError,
        MachineError, and KernelError and all as before.
        """
        wanted = netem.read(given)
        async with self._turn:
            place, device = await self._device(where)
            has_netem = await self._writer.do("looking for netem", self._lab.has_netem)
            network = self._lab.standing().network
            if not has_netem:
                netem.require_means(network, place, wanted)
            known = netem.with_one(self.all, place, device, wanted)
            await self._impair(replace(known, netem=has_netem))
            self._chronicle.write((f"{place}/{device} impaired by hand: {wanted.words}",), ())
        return next(one for one in self.impaired() if one["where"] == f"{place}/{device}")

    async def unimpair(self, where: str) -> list[str]:
        """Take away what was set live on a device, or on all ("" for `where`): where there was something."""
        async with self._turn:
            place, device = await self._device(where) if where else ("", "")
            known = netem.without(self.all, place, device)
            gone = [f"{one.place}/{one.device}" for one in self.all.live if one not in known.live]
            if not gone and where:
                self._refuse_to_clear(place, device)
            if gone:
                await self._impair(known)
                self._chronicle.write((f"no longer impaired by hand: {', '.join(gone)}",), ())
        return gone

    def _refuse_to_clear(self, place: str, device: str) -> None:
        for one, _ in impaired_links(self._lab.standing().topology, self.all):
            if (one.place, one.device) == (place, device):
                told = f"{one.where} is impaired by the topology, not by hand: {one.words}"
                raise UsageError(told, f"take it out of {one.origin}, and `up` again")

    def impaired(self) -> list[Message]:
        """Every impaired device, what is done to what leaves there, by what, and where that is written."""
        it = self._lab.standing()
        return [
            {
                "where": one.where,
                "impairment": one.words,
                "by": one.means,
                "from": one.origin,
                "stands_in": "" if "netem" in one.means else netem.stands_in(one),
            }
            for one, _ in impaired_links(it.topology, self.all)
        ]

    async def _device(self, where: str) -> tuple[str, str]:
        """A device of a place, both as the design names them. UsageError."""
        from lab.agent.tell import readings  # noqa: PLC0415  40 ms that no `up` should wait for

        self._lab.standing()
        name, device = netem.split(where)
        finished = self._finished()
        place = await self._writer.do("a reading", lambda: readings.place(self._lab, name, finished))
        netem.require_device(self._lab.standing().network, place, device)
        return place, device

    async def _impair(self, wanted: Impairments) -> None:
        """Have the kernel follow at once; where it does not, all is as it was."""
        before, self.all = self.all, wanted
        design = self._designed()
        try:
            await self._writer.do("impairing a link", lambda: self._lab.follow(design))
        except BaseException:
            self.all = before
            raise

    def keep_within(self, places: Iterable[str]) -> None:
        """A place that goes takes with it what was set there."""
        self.all = netem.within(self.all, frozenset((UNDERLAY, *places)))
