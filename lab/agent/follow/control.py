"""The living side of a lab: whatever changes in the API is followed by the kernel, and what the kernel holds and probes
find is told to the API. All of it happens in the agent's loop; the kernel's part is done by the writer.
"""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from lab.agent.apiserver.entrance import Entrance
from lab.agent.apiserver.outside import Outside
from lab.agent.apiserver.served import Served
from lab.agent.design.blueprint import Design, ReadFile
from lab.agent.follow.breaking.injected import Injected
from lab.agent.follow.draining import Draining
from lab.agent.follow.links import Links
from lab.agent.follow.netns_names import Names
from lab.agent.follow.place_files import PlaceFiles
from lab.agent.follow.readiness import Readiness
from lab.agent.follow.standing import Standing
from lab.agent.follow.stops import Stops
from lab.agent.follow.topology_file import TopologyFile
from lab.agent.follow.troubles import Troubles
from lab.agent.follow.waiting import Waiting
from lab.agent.follow.writer import Writer
from lab.agent.kubelet.children import Children
from lab.agent.kubelet.kubelet import Kubelet
from lab.agent.kubelet.probing import Prober
from lab.agent.kubelet.storage import Storage
from lab.agent.lab import Lab
from lab.agent.protocol import Message
from lab.agent.pulse import Pulse
from lab.agent.stopwatch import Brought
from lab.agent.tell.chronicle import Chronicle
from lab.agent.tell.happenings import causes, consequences
from lab.agent.tell.node_info import node_info
from lab.agent.tell.nodes_asking import NodesAsking
from lab.api.authorization.tokens import Tokens
from lab.api.store import Change
from lab.control.plane import ControlPlane, Picture
from lab.control.pods.unready import unready
from lab.errors import LabError
from lab.kernel.cell.nursery import Nursery
from lab.kernel.sandbox.confinement import Confinement
from lab.network.components import COMPONENTS, chosen, named, places
from lab.network.dns.coredns import NOTHING, Given

MOST_TRYING = 4  # nodes whose BGP sessions are tried at once: each takes a socket for every peer
# Changes that come together are followed together, as kube-proxy does; whoever waits notices nothing of so little.
TOGETHER_SECONDS = 0.002


class Control:
    """One lab's."""

    def __init__(
        self,
        name: str,
        writer: Writer,
        outside: Outside,
        confinement: Confinement,
        pulse: Pulse,
        nursery: Nursery | None = None,
    ) -> None:
        self.pulse = pulse
        self.lab = Lab(name, confinement)
        self.chronicle = Chronicle(time.time)
        self.writer = writer
        self._loop = asyncio.get_running_loop()
        self.plane = ControlPlane(_now, lambda: str(uuid.uuid4()), time.monotonic, node_info())
        self._children = Children(self.lab.programs.cell, self.lab.programs.variables, nursery)
        self.prober = Prober(self.lab.programs.entered, self._probed, self._probe_failed, self._children)
        self.kubelet = Kubelet(
            self.plane.store,
            self.plane.recorder,
            self.prober,
            self.lab.programs,
            self._loop.call_later,
            lambda: self.plane.names,
        )
        self.readiness = Readiness(self.plane.store, self.prober)
        self.stops = Stops(self.plane.runner, self.kubelet, self.prober)
        tokens = Tokens(self.plane.store, secrets.token_bytes(32))
        self.served = Served(self.plane.registry, self._children, tokens, pulse, lambda: self.lab.places)
        self.entrance = Entrance(name, outside, tokens, self.served.app)
        self.trying_sessions = asyncio.Semaphore(MOST_TRYING)
        self._nodes_asking = NodesAsking(self.lab.programs, self.calicoctl)
        self._files = PlaceFiles(self.lab, self.plane.store, self.entrance)
        self.lab.programs.put_into_places(self._files.given)
        self.lab.programs.keep_logs(self._files.is_outlived)
        self.now = Standing()
        self.file = TopologyFile(self)
        self._waiting = Waiting()
        self._wake = asyncio.Event()
        self._quiet = asyncio.Event()
        self.turn = asyncio.Lock()
        self.links = Links(self.lab, writer, self.chronicle, self.turn, self.kubelet.finished, self.standing_design)
        self.faults = Injected(self)
        self._troubles = Troubles(self.plane.runner, self.chronicle, self._wake_up)
        self._follower: asyncio.Task[None] | None = None
        self._watchers: tuple[object, ...] = ()
        self._warming: asyncio.Task[None] | None = None
        self.plane.store.listen(self._heard)

    @property
    def has_come_up(self) -> bool:
        """Whether an `up` has succeeded: without one, nobody has been told of this lab."""
        return self.now.read is not None

    async def cell(self, place: str) -> Message:
        """The cell of a place, made if there is none: the process id of its init, and what a person's command may."""
        found = self.lab.programs.cell(place)
        if self._files.is_node(place):
            await self._nodes_asking.serve(place)
        return {
            "place": place,
            "init": await self._children.make(place),
            "capabilities": found.capabilities,
            "shared": found.shared,
            "variables": self.lab.programs.variables(place),
        }

    async def calicoctl(self, typed: Sequence[str], node: str) -> Message:
        """What calicoctl says to these words on that node: `lab.agent.tell.calico.ask`."""
        from lab.agent.tell import calico  # noqa: PLC0415  few ask for it

        return await calico.ask(self, typed, node)

    def forget_waiting(self) -> None:
        """What has changed so far is known, or undone."""
        self._waiting = Waiting()

    async def taken_over(self, brought: Brought) -> None:
        """A file has been brought about: what follows the API goes on from there, or begins."""
        self.forget_waiting()
        assert self.now.picture is not None
        self.stops.forget_gone(self.now.picture.cluster, self.now.picture)
        self.links.keep_within(brought.places)
        self.faults.keep_within(brought.places)
        self._nodes_asking.keep(brought.places)
        await self._kubelet_follows(self.now.picture, frozenset(brought.places))
        if brought.steps:
            self.chronicle.write(
                (f"up: {len(brought.steps)} steps",), consequences((), brought.steps, brought.milliseconds)
            )
        self._warming = self._loop.create_task(self.writer.do("getting ready to follow", self.lab.warm))
        if self._follower is None:
            self._follower = self._loop.create_task(self._follow())
            self._watchers = (
                Storage(self.kubelet.evictable, self.kubelet.evict),
                Names(self.lab.programs, self.writer, self.chronicle),
                Draining(self.lab.programs, self.writer),
            )

    def design(self, read: ReadFile, picture: Picture, given: Given) -> Design:
        known = self.stops.stale, self.links.all, self.faults.of_networks
        return Design(read, picture.cluster, picture.addresses, given, *known)

    def standing_design(self) -> Design:
        """What stands, with what is known now of stopped components and impaired links."""
        assert self.now.read is not None
        assert self.now.picture is not None
        return self.design(self.now.read, self.now.picture, self.now.given)

    def what_is_given(self, read: ReadFile) -> Given:
        if read.topology.spec.dns.server != "coredns":
            return NOTHING
        return self.entrance.given(self.plane.corefile)

    async def switch(self, name: str, on: str, *, running: bool) -> list[str]:
        """Start or stop a component, wherever it is or on one place. Gives where that changed something, once the
        kernel has followed. UsageError for what there is not.
        """
        async with self.turn:
            if self.now.picture is None:
                raise LabError(f"lab {self.lab.name!r} is not up yet", "wait for its `up` to end")
            component = named(name)
            there = chosen(component, on, self.now.picture.cluster)
            change = self.stops.start if running else self.stops.stop
            changed = [stop.where for stop in change(component, there, self.now.picture)]
            for where in changed:
                self.chronicle.write((f"{where} {'started' if running else 'stopped'} by hand",), ())
            self._wake_up()
        await self.settled()
        return changed

    def components(self) -> list[Message]:
        """Every component, and where and since when it is stopped."""
        cluster = self.now.picture.cluster if self.now.picture else None
        since = {(stop.component, stop.place): stop.since for stop in self.stops.all}
        return [
            {"name": one.name, "place": place, "since": since.get((one.name, place), 0.0), "stopped": one.stopped}
            for one in COMPONENTS
            for place in (places(one, cluster) if cluster else ())
        ]

    def unready(self) -> dict[str, str]:
        """Why pods are not ready, in words, by their places."""
        return unready(self.plane.store)

    def troubles(self) -> list[str]:
        """What does not go on by itself just now: controllers that fail, and what the kernel could not follow."""
        return self._troubles.told()

    @property
    def children(self) -> frozenset[int]:
        """Process ids that were started here and are waited for here."""
        return self.lab.programs.children | self._children.pids

    async def settled(self) -> None:
        """Until the kernel has followed everything that is in the API now."""
        await self._quiet.wait()

    def children_ended(self) -> None:
        """Some program of the lab has ended."""
        ended = self.lab.programs.ended()
        if ended:
            self.kubelet.ended(ended, short_of_memory=self.lab.programs.was_short_of_memory())
        if self.lab.stands and self.lab.programs.ended_parts:
            self._wake_up()

    def _heard(self, change: Change) -> None:
        if not self._waiting.changes:
            self._waiting.since = time.time()
        self._waiting.changes.append(change)
        self._wake_up()

    def _wake_up(self) -> None:
        self._quiet.clear()
        self._wake.set()

    async def _follow(self) -> None:
        """Forever: what changed is worked on by the controllers, then the kernel follows, then the kubelet reports."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(TOGETHER_SECONDS)
            async with self.turn:
                self._wake.clear()
                try:
                    await self._catch_up()
                    self._troubles.over()
                except Exception as error:  # a defect of ours included: the lab goes on, and it is told
                    self._troubles.met(error)
                if not self._wake.is_set():
                    self._quiet.set()

    async def _catch_up(self) -> None:
        assert self.now.read is not None
        read, since = self.now.read, self._waiting.since
        picture = await self.pulse.finish(self.plane.picturing())
        given = self.what_is_given(read)
        waiting, self._waiting = self._waiting, Waiting()
        revived = self.lab.programs.ended_parts
        wanted = self.design(read, picture, given)
        as_before = picture == self.now.picture and given == self.now.given and self.lab.knows(wanted.stale)
        if as_before and not revived:
            if self.lab.programs.has_old_logs:
                await self.writer.do("following the API", self.lab.programs.let_go_of_logs)
            self._report(waiting, None, since)
            await self._kubelet_follows(picture, self.lab.places)
            return
        try:
            brought = await self.writer.do("following the API", lambda: self.lab.follow(wanted))
        except BaseException:
            self._waiting.changes[:0] = waiting.changes
            self._waiting.since = since
            raise
        self.now.picture, self.now.given = picture, given
        self.links.keep_within(brought.places)
        self.faults.keep_within(brought.places)
        for part in revived:
            self.chronicle.write((f"{part} ended",), ("a new one serves again what it served",))
        self._report(waiting, brought, since)
        await self._kubelet_follows(picture, self.lab.places)

    async def _kubelet_follows(self, picture: Picture, there: frozenset[str]) -> None:
        await self.pulse.finish(self.kubelet.bringing(picture.addresses, there, picture.pods))

    def _report(self, waiting: Waiting, brought: Brought | None, since: float) -> None:
        what = causes(waiting.changes)
        followed = consequences(waiting.changes, brought.steps, brought.milliseconds) if brought else ()
        if what or followed:
            self.chronicle.write(what, followed, since=since or None)

    def _probed(self, place: str, kind: str, ok: bool, _message: str) -> None:
        self.kubelet.probed(place, kind, ok)

    def _probe_failed(self, place: str, kind: str, message: str) -> None:
        self.kubelet.probe_failed(place, kind, message)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
