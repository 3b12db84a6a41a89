"""The topology's file of a lab, brought about: what `up` and `plan` do."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING

from lab import spans
from lab.agent.client.attachments import Given as Attached
from lab.agent.client.attachments import reader
from lab.agent.design.blueprint import ReadFile, read_file
from lab.agent.follow import netem
from lab.agent.follow.breaking.broken_objects import Made, put_in
from lab.agent.protocol import Message
from lab.agent.stopwatch import Brought
from lab.api.resources import PODS
from lab.control.plane import ControlPlane, Picture
from lab.errors import LabError, UsageError
from lab.plan.summary import summary
from lab.topology.yaml.edited_text import Rereader

if TYPE_CHECKING:
    from lab.agent.design.blueprint import Design
    from lab.agent.follow.control import Control

MOST_TOLD = 1_000

Tell = Callable[[Message], None]


class TopologyFile:
    """One lab's. Who brings it about has the lab's turn meanwhile."""

    def __init__(self, control: Control) -> None:
        self._control, self._lab, self._writer = control, control.lab, control.writer
        self._rereader = Rereader()
        self._holder = ""

    async def up(
        self,
        text: str,
        file: str,
        settings: Sequence[str],
        tell: Tell,
        cancelled: Callable[[], bool],
        who: str,
        beside: Attached,
        *,
        leftovers: bool = False,
    ) -> Message:
        """Bring the lab to the file's state. FileError and nothing done; KernelError or Cancelled and back to how it
        was. With `leftovers` what kube-proxy made in another mode stays: UsageError where its mode does not change.
        """
        now = self._control.now
        async with self._having_turn(tell, who):
            began = time.perf_counter()
            before = now.read
            with spans.span("reading the file"):
                read = await self._judged(text, file, settings, beside)
            if leftovers:
                _require_other_mode(before, read)
            entrance = asyncio.ensure_future(self._control.entrance.prepare(read))
            expecting = asyncio.ensure_future(self._writer.do("getting ready", lambda: self._lab.expect(read.places)))
            try:
                brought = await self._bring_file(read, entrance, tell, cancelled, began, leftovers=leftovers)
            except BaseException:
                entrance.cancel()
                await expecting
                await self._writer.do("letting go", self._lab.expect_nothing)
                if before is not None:
                    await self._load(before)
                    self._control.forget_waiting()
                raise
            now.read = read
            with spans.span("kubelet"):
                await self._control.taken_over(brought)
        await self._control.faults.adopt()
        for one in read.topology.spec.drift:
            for name in one.stopped:
                await self._control.switch(name, one.on or "", running=False)
        with spans.span("waiting for probes"):
            await self._control.readiness.wait(self._control.settled)
        return self._told(read, brought)

    async def _bring_file(
        self,
        read: ReadFile,
        entrance: asyncio.Future[None],
        tell: Tell,
        cancelled: Callable[[], bool],
        began: float,
        *,
        leftovers: bool,
    ) -> Brought:
        if read.topology.spec.dns.server == "coredns":
            await entrance  # its servers are given what the entrance makes
        await self._control.links.look_for_netem(read)
        with spans.span("controllers"):
            picture = await self._load(read)
        if any(pod.command for pod in picture.cluster.pods):
            await entrance  # and so are pods with programs of their own
        given = self._control.what_is_given(read)
        spent = (time.perf_counter() - began) * 1000

        def work() -> Brought:
            wanted = self._control.faults.with_written(self._control.design(read, picture, given))
            built = self._control.entrance.built
            if wanted.drift == (self._lab.design.drift if self._lab.design else ()):
                return self._lab.bring(wanted, tell, cancelled, built, spent, leftovers=leftovers)
            # As it came about: what was changed by hand was changed in what stood. Some of it cannot be built so.
            first = self._lab.bring(wanted.undrifted, tell, cancelled, built, spent, leftovers=leftovers)
            return first.then(self._drifted(wanted))

        brought = await self._writer.do(f"another up of {read.file}", work)
        with spans.span("waiting for the API server"):
            await entrance
        self._control.now.picture, self._control.now.given = picture, given
        return brought

    def _drifted(self, wanted: Design) -> Brought:
        """What was changed by hand, changed so again. KernelError, LabError for what nobody can change so."""
        try:
            return self._lab.follow(wanted)
        except (LookupError, ValueError, OSError) as error:  # a device that is not there, a word that no tool has
            told = f"spec.drift says what cannot be made: {type(error).__name__}: {error}"
            raise LabError(told, "`./inv export` of a lab writes what can; docs/handover.md") from error

    async def _load(self, read: ReadFile) -> Picture:
        """The file's objects into the API, and all that follows from them, as if the pods had been started already."""
        picture, self._control.faults.objects.made = await self._loaded(self._control.plane, read)
        self._control.kubelet.adopt()
        return picture

    async def _loaded(self, plane: ControlPlane, read: ReadFile) -> tuple[Picture, Made]:
        """Into this one, with the faults of objects put upon them anew: whatever they had changed may be others."""
        finish, faults = self._control.pulse.finish, self._control.faults
        faults.objects.lift(plane)
        await finish(plane.loading(read.topology, read.documents))
        picture = await finish(plane.expecting())
        broken = faults.of_objects(read, lambda: self._control.design(read, picture, self._control.what_is_given(read)))
        if not broken:
            return picture, {}
        made = put_in(plane, [one for one in broken if one.origin or one.edits(plane.store)])
        return await finish(plane.expecting()), made

    def _told(self, read: ReadFile, brought: Brought) -> Message:
        steps = brought.steps
        return {
            "lab": self._lab.name,
            "steps": len(steps),
            "places": len(brought.places),
            "pods": sum(1 for _ in self._control.plane.store.each(PODS)),
            "milliseconds": brought.milliseconds,
            "warnings": [
                *self._lab.standing().warnings,
                *(stop.told for stop in self._control.stops.all),
                *netem.told(read.topology, self._control.links.all),
                *self._control.readiness.waited_for(),
            ],
            "changes": summary(steps) if len(steps) <= MOST_TOLD else [],
            "kubeconfig": self._control.entrance.kubeconfig,
        }

    async def _judged(self, text: str, file: str, settings: Sequence[str], beside: Attached) -> ReadFile:
        attached = reader(beside)
        return await asyncio.to_thread(read_file, text, file, settings, self._rereader.read, attached)

    async def plan(self, text: str, file: str, settings: Sequence[str], beside: Attached) -> Message:
        """What `up` would do, as a script, and how many steps that is. Objects that came in otherwise stay."""
        from lab.agent.tell.readings import planned  # noqa: PLC0415  40 ms that no `up` should wait for

        read = await self._judged(text, file, settings, beside)
        async with self._control.turn:
            await self._control.links.look_for_netem(read)
            picture, _ = await self._loaded(self._control.plane.twin(), read)
            given = self._control.what_is_given(read)
            wanted = self._control.faults.with_written(self._control.design(read, picture, given))
            return await self._writer.do("a plan", lambda: planned(self._lab, wanted))

    @contextlib.asynccontextmanager
    async def _having_turn(self, tell: Tell, who: str) -> AsyncIterator[None]:
        if self._control.turn.locked():
            tell({"event": "waiting", "for": self._holder or "a change"})
        async with self._control.turn:
            self._holder = who
            try:
                yield
            finally:
                self._holder = ""


def _require_other_mode(before: ReadFile | None, read: ReadFile) -> None:
    """UsageError unless kube-proxy of the lab that stands is to run in another mode."""
    mode = read.topology.spec.services.proxy
    if before is None or before.topology.spec.services.proxy == mode:
        told = "is not up yet" if before is None else f"has a kube-proxy in {mode} mode already"
        raise UsageError(
            f"--leftovers leaves what another mode of kube-proxy made, and this lab {told}",
            "up first with one mode, then with another: --set services.proxy=nftables --leftovers",
        )
