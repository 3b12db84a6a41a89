"""The living side of a lab: whatever changes in the API is followed by the kernel, and what the kernel holds and probes
find is told to the API. All of it happens in the agent's loop; the kernel's part is done by the writer.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from lab import spans
from lab.agent.apiserver.entrance import Entrance
from lab.agent.apiserver.outside import Outside
from lab.agent.client.attachments import Given as Attached
from lab.agent.client.attachments import reader
from lab.agent.design.blueprint import Design, ReadFile, read_file
from lab.agent.follow import netem as impairing
from lab.agent.follow.draining import Draining
from lab.agent.follow.netns_names import Names
from lab.agent.follow.stops import Stops
from lab.agent.follow.troubles import Troubles
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
from lab.agent.tell.nodes_asking import PROGRAM, NodesAsking, program
from lab.api.authorization.tokens import Tokens
from lab.api.resources import PODS
from lab.api.store import Change
from lab.control.plane import ControlPlane, Picture
from lab.control.pods import podstatus
from lab.control.pods.running import place_of
from lab.control.pods.unready import unready
from lab.errors import LabError, UsageError
from lab.kernel.cell.nursery import Nursery
from lab.kernel.sandbox.confinement import Confinement
from lab.network.components import COMPONENTS, chosen, named, places
from lab.network.dns.coredns import NOTHING, Given
from lab.network.place_names import UNDERLAY
from lab.network.underlay.netem import NONE, impaired
from lab.plan.summary import summary
from lab.topology.yaml.edited_text import Rereader

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from lab.agent.apiserver.beside import Beside
    from lab.network.underlay.netem import Impairments

MOST_TOLD = 1_000
MOST_TRYING = 4  # nodes whose BGP sessions are tried at once: each takes a socket for every peer
# Changes that come together are followed together, as kube-proxy does; whoever waits notices nothing of so little.
TOGETHER_SECONDS = 0.002
POLL_SECONDS = 0.01
PROBED_SECONDS = 5.0  # an `up` waits so long for pods that have to be probed first

Tell = Callable[[Message], None]


@dataclass(slots=True)
class _Waiting:
    """Changes that the kernel has not followed yet, and since when."""

    changes: list[Change] = field(default_factory=list)
    since: float = 0.0


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
        self._name = name
        self._writer = writer
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
        self.stops = Stops(self.plane.runner, self.kubelet, self.prober)
        self._tokens = Tokens(self.plane.store, secrets.token_bytes(32))
        self.entrance = Entrance(name, outside, self._tokens, self._app)
        self.trying_sessions = asyncio.Semaphore(MOST_TRYING)
        self._nodes_asking = NodesAsking(self.lab, self.calicoctl)
        self.lab.programs.put_into_places(self._files_in)
        self.lab.programs.keep_logs(self._is_outlived)
        self.impairments = NONE
        self._read: ReadFile | None = None
        self._rereader = Rereader()
        self._brought: Picture | None = None
        self._given = NOTHING
        self._waiting = _Waiting()
        self._wake = asyncio.Event()
        self._quiet = asyncio.Event()
        self.turn = asyncio.Lock()
        self._troubles = Troubles(self.plane.runner, self.chronicle, self._wake_up)
        self._follower: asyncio.Task[None] | None = None
        self._names: Names | None = None
        self._draining: Draining | None = None
        self._storage: Storage | None = None
        self._holder = ""
        self._warming: asyncio.Task[None] | None = None
        self.plane.store.listen(self._heard)

    @property
    def has_come_up(self) -> bool:
        """Whether an `up` has succeeded: without one, nobody has been told of this lab."""
        return self._read is not None

    @cached_property
    def api(self) -> Beside:
        """The API as clients ask it, imported when the first one does."""
        from lab.agent.apiserver.beside import Beside  # noqa: PLC0415  40 ms that no `up` should wait for

        return Beside(self.plane.registry, self._loop)

    def _app(self, token: str) -> ASGIApp:
        """What the API server serves; its owner has that token."""
        from lab.agent.apiserver.app import make_app  # noqa: PLC0415  80 ms, as above
        from lab.agent.apiserver.authentication import Authentication  # noqa: PLC0415
        from lab.agent.apiserver.streams import PodStreams  # noqa: PLC0415

        return make_app(
            self.api,
            PodStreams(self._children, lambda place: place in self.lab.places),
            Authentication(token, self._tokens.user_of),
            self.pulse,
        )

    def _files_in(self, place: str) -> Mapping[str, str]:
        """With what programs of a place speak to the API: a pod's as its ServiceAccount, a node's as the node, which
        has a calicoctl as well.
        """
        if not self.entrance.is_prepared:
            return {}
        namespace, _, name = place.rpartition("/")
        pod = self.plane.store.find(PODS, namespace, name) if namespace else None
        if pod is not None:
            return self.entrance.mounted(pod)
        return {**self.entrance.node_files(place), PROGRAM: program()} if self._is_node(place) else {}

    def _is_node(self, place: str) -> bool:
        design = self.lab.design
        return design is not None and any(node.name == place for node in design.topology.spec.nodes)

    def _is_outlived(self, place: str) -> bool:
        """Whether it is the place of a pod that has finished, and is still in the API: its log can be asked for."""
        namespace, _, name = place.rpartition("/")
        pod = self.plane.store.find(PODS, namespace, name) if namespace else None
        return pod is not None and podstatus.is_finished(pod)

    async def cell(self, place: str) -> Message:
        """The cell of a place, made if there is none: the process id of its init, and what a person's command may."""
        found = self.lab.programs.cell(place)
        if self._is_node(place):
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
        from lab.agent.tell import calico  # noqa: PLC0415  as above

        return await calico.ask(self, typed, node)

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
        async with self._having_turn(tell, who):
            began = time.perf_counter()
            before = self._read
            with spans.span("reading the file"):
                read = await self._judged(text, file, settings, beside)
            if leftovers:
                _require_other_mode(before, read)
            entrance = asyncio.ensure_future(self.entrance.prepare(read))
            expecting = asyncio.ensure_future(self._writer.do("getting ready", lambda: self.lab.expect(read.places)))
            try:
                brought = await self._bring_file(read, entrance, tell, cancelled, began, leftovers=leftovers)
            except BaseException:
                entrance.cancel()
                await expecting
                await self._writer.do("letting go", self.lab.expect_nothing)
                if before is not None:
                    await self._load(before)
                    self._waiting = _Waiting()
                raise
            self._read = read
            with spans.span("kubelet"):
                await self._taken_over(brought)
        with spans.span("waiting for probes"):
            await self.until_probed()
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
        await self._look_for_netem(read)
        with spans.span("controllers"):
            picture = await self._load(read)
        if any(pod.command for pod in picture.cluster.pods):
            await entrance  # and so are pods with programs of their own
        given = self._what_is_given(read)
        spent = (time.perf_counter() - began) * 1000

        def work() -> Brought:
            wanted = self._design(read, picture, given)
            return self.lab.bring(wanted, tell, cancelled, self.entrance.built, spent, leftovers=leftovers)

        brought = await self._writer.do(f"another up of {read.file}", work)
        with spans.span("waiting for the API server"):
            await entrance
        self._brought, self._given = picture, given
        return brought

    async def _load(self, read: ReadFile) -> Picture:
        """The file's objects into the API, and all that follows from them, as if the pods had been started already."""
        await self.pulse.finish(self.plane.loading(read.topology, read.documents))
        picture = await self.pulse.finish(self.plane.expecting())
        self.kubelet.adopt()
        return picture

    async def _taken_over(self, brought: Brought) -> None:
        self._waiting = _Waiting()
        assert self._brought is not None
        self.stops.forget_gone(self._brought.cluster, self._brought)
        self._forget_impaired(brought.places)
        self._nodes_asking.keep(brought.places)
        await self._kubelet_follows(self._brought, frozenset(brought.places))
        if brought.steps:
            self.chronicle.write(
                (f"up: {len(brought.steps)} steps",), consequences((), brought.steps, brought.milliseconds)
            )
        self._warming = self._loop.create_task(self._writer.do("getting ready to follow", self.lab.warm))
        if self._follower is None:
            self._follower = self._loop.create_task(self._follow())
            self._storage = Storage(self.kubelet.evictable, self.kubelet.evict)
            self._names = Names(self.lab, self._writer, self.chronicle)
            self._draining = Draining(self.lab, self._writer)

    def _told(self, read: ReadFile, brought: Brought) -> Message:
        steps = brought.steps
        return {
            "lab": self._name,
            "steps": len(steps),
            "places": len(brought.places),
            "pods": sum(1 for _ in self.plane.store.each(PODS)),
            "milliseconds": brought.milliseconds,
            "warnings": [
                *self.lab.standing().warnings,
                *(stop.told for stop in self.stops.all),
                *impairing.told(read.topology, self.impairments),
                *self._unready(),
            ],
            "changes": summary(steps) if len(steps) <= MOST_TOLD else [],
            "kubeconfig": self.entrance.kubeconfig,
        }

    async def _judged(self, text: str, file: str, settings: Sequence[str], beside: Attached) -> ReadFile:
        attached = reader(beside)
        return await asyncio.to_thread(read_file, text, file, settings, self._rereader.read, attached)

    async def plan(self, text: str, file: str, settings: Sequence[str], beside: Attached) -> Message:
        """What `up` would do, as a script, and how many steps that is. Objects that came in otherwise stay."""
        from lab.agent.tell.readings import planned  # noqa: PLC0415  as above

        read = await self._judged(text, file, settings, beside)
        async with self.turn:
            await self._look_for_netem(read)
            picture = await self.pulse.finish(self.plane.preview(read.topology, read.documents))
            given = self._what_is_given(read)
            wanted = self._design(read, picture, given)
            return await self._writer.do("a plan", lambda: planned(self.lab, wanted))

    def _design(self, read: ReadFile, picture: Picture, given: Given) -> Design:
        return Design(read, picture.cluster, picture.addresses, given, self.stops.stale, self.impairments)

    async def _look_for_netem(self, read: ReadFile) -> None:
        """Where links are to be impaired, whether the kernel has it decides how."""
        if any(link.impairment for link in read.topology.spec.links):
            netem = await self._writer.do("looking for netem", self.lab.has_netem)
            self.impairments = replace(self.impairments, netem=netem)

    async def impair(self, where: str, given: Mapping[str, str]) -> Message:
        """Impair what leaves by a device, whatever was set there before; gives it as `impaired_links` does. UsageError,
        MachineError, and KernelError and all as before.
        """
        wanted = impairing.read(given)
        async with self.turn:
            place, device = await self._device(where)
            netem = await self._writer.do("looking for netem", self.lab.has_netem)
            network = self.lab.standing().network
            if not netem:
                impairing.require_means(network, place, wanted)
            known = impairing.with_one(self.impairments, place, device, wanted)
            await self._impair(replace(known, netem=netem))
            self.chronicle.write((f"{place}/{device} impaired by hand: {wanted.words}",), ())
        return next(one for one in self.impaired_links() if one["where"] == f"{place}/{device}")

    async def unimpair(self, where: str) -> list[str]:
        """Take away what was set live on a device, or on all ("" for `where`): where there was something."""
        async with self.turn:
            place, device = await self._device(where) if where else ("", "")
            known = impairing.without(self.impairments, place, device)
            gone = [f"{one.place}/{one.device}" for one in self.impairments.live if one not in known.live]
            if not gone and where:
                self._refuse_to_clear(place, device)
            if gone:
                await self._impair(known)
                self.chronicle.write((f"no longer impaired by hand: {', '.join(gone)}",), ())
        return gone

    def _refuse_to_clear(self, place: str, device: str) -> None:
        for one, _ in impaired(self.lab.standing().topology, self.impairments):
            if (one.place, one.device) == (place, device):
                told = f"{one.where} is impaired by the topology, not by hand: {one.words}"
                raise UsageError(told, f"take it out of {one.origin}, and `up` again")

    def impaired_links(self) -> list[Message]:
        """Every impaired device, what is done to what leaves there, by what, and where that is written."""
        it = self.lab.standing()
        return [
            {
                "where": one.where,
                "impairment": one.words,
                "by": one.means,
                "from": one.origin,
                "stands_in": "" if "netem" in one.means else impairing.stands_in(one),
            }
            for one, _ in impaired(it.topology, self.impairments)
        ]

    async def _device(self, where: str) -> tuple[str, str]:
        """A device of a place, both as the design names them. UsageError."""
        from lab.agent.tell import readings  # noqa: PLC0415  as above

        self.lab.standing()
        name, device = impairing.split(where)
        finished = self.kubelet.finished()
        place = await self._writer.do("a reading", lambda: readings.place(self.lab, name, finished))
        impairing.require_device(self.lab.standing().network, place, device)
        return place, device

    async def _impair(self, wanted: Impairments) -> None:
        """Have the kernel follow at once; where it does not, all is as it was."""
        assert self._read is not None
        assert self._brought is not None
        before, self.impairments = self.impairments, wanted
        design = self._design(self._read, self._brought, self._given)
        try:
            await self._writer.do("impairing a link", lambda: self.lab.follow(design))
        except BaseException:
            self.impairments = before
            raise

    def _forget_impaired(self, places: Iterable[str]) -> None:
        """A place that goes takes with it what was set there."""
        self.impairments = impairing.within(self.impairments, frozenset((UNDERLAY, *places)))

    async def switch(self, name: str, on: str, *, running: bool) -> list[str]:
        """Start or stop a component, wherever it is or on one place. Gives where that changed something, once the
        kernel has followed. UsageError for what there is not.
        """
        async with self.turn:
            if self._brought is None:
                raise LabError(f"lab {self._name!r} is not up yet", "wait for its `up` to end")
            component = named(name)
            there = chosen(component, on, self._brought.cluster)
            change = self.stops.start if running else self.stops.stop
            changed = [stop.where for stop in change(component, there, self._brought)]
            for where in changed:
                self.chronicle.write((f"{where} {'started' if running else 'stopped'} by hand",), ())
            self._wake_up()
        await self.settled()
        return changed

    def components(self) -> list[Message]:
        """Every component, and where and since when it is stopped."""
        cluster = self._brought.cluster if self._brought else None
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
        assert self._read is not None
        read, since = self._read, self._waiting.since
        picture = await self.pulse.finish(self.plane.picturing())
        given = self._what_is_given(read)
        waiting, self._waiting = self._waiting, _Waiting()
        revived = self.lab.programs.ended_parts
        wanted = self._design(read, picture, given)
        as_before = picture == self._brought and given == self._given and self.lab.knows(wanted.stale)
        if as_before and not revived:
            if self.lab.programs.has_old_logs:
                await self._writer.do("following the API", self.lab.programs.let_go_of_logs)
            self._report(waiting, None, since)
            await self._kubelet_follows(picture, self.lab.places)
            return
        try:
            brought = await self._writer.do("following the API", lambda: self.lab.follow(wanted))
        except BaseException:
            self._waiting.changes[:0] = waiting.changes
            self._waiting.since = since
            raise
        self._brought, self._given = picture, given
        self._forget_impaired(brought.places)
        for part in revived:
            self.chronicle.write((f"{part} ended",), ("a new one serves again what it served",))
        self._report(waiting, brought, since)
        await self._kubelet_follows(picture, self.lab.places)

    async def _kubelet_follows(self, picture: Picture, there: frozenset[str]) -> None:
        await self.pulse.finish(self.kubelet.bringing(picture.addresses, there, picture.pods))

    def _report(self, waiting: _Waiting, brought: Brought | None, since: float) -> None:
        what = causes(waiting.changes)
        followed = consequences(waiting.changes, brought.steps, brought.milliseconds) if brought else ()
        if what or followed:
            self.chronicle.write(what, followed, since=since or None)

    def _what_is_given(self, read: ReadFile) -> Given:
        if read.topology.spec.dns.server != "coredns":
            return NOTHING
        return self.entrance.given(self.plane.corefile)

    def _probed(self, place: str, kind: str, ok: bool, _message: str) -> None:
        self.kubelet.probed(place, kind, ok)

    def _probe_failed(self, place: str, kind: str, message: str) -> None:
        self.kubelet.probe_failed(place, kind, message)

    async def until_probed(self) -> None:
        """Until every pod is ready that was not told to be otherwise, but not for ever."""
        deadline = self._loop.time() + PROBED_SECONDS
        while self._unready() and self._loop.time() < deadline:
            await asyncio.sleep(POLL_SECONDS)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.settled(), PROBED_SECONDS)

    def _unready(self) -> list[str]:
        """Pods whose readiness probe has not succeeded, in words."""
        pods = (pod for pod in self.plane.store.each(PODS) if place_of(pod) in self.prober.watched)
        waiting = (place_of(pod) for pod in pods if not podstatus.is_ready(pod) and not podstatus.is_held_back(pod))
        return [f"{place} is not ready: its probe has not succeeded yet: ./inv events" for place in sorted(waiting)]

    @contextlib.asynccontextmanager
    async def _having_turn(self, tell: Tell, who: str) -> AsyncIterator[None]:
        if self.turn.locked():
            tell({"event": "waiting", "for": self._holder or "a change"})
        async with self.turn:
            self._holder = who
            try:
                yield
            finally:
                self._holder = ""


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _require_other_mode(before: ReadFile | None, read: ReadFile) -> None:
    """UsageError unless kube-proxy of the lab that stands is to run in another mode."""
    mode = read.topology.spec.services.proxy
    if before is None or before.topology.spec.services.proxy == mode:
        told = "is not up yet" if before is None else f"has a kube-proxy in {mode} mode already"
        raise UsageError(
            f"--leftovers leaves what another mode of kube-proxy made, and this lab {told}",
            "up first with one mode, then with another: --set services.proxy=nftables --leftovers",
        )
