"""The kernel's side of a lab: from a design to a network that the kernel holds, and back to the last good one when that
fails. Everything here runs in the agent's writer thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from lab import spans
from lab.agent.design.blueprint import Design
from lab.agent.design.leaving import without_leaving
from lab.agent.design.stale_flows import forget_flows
from lab.agent.design.transition import Following, NodeProxies
from lab.agent.protocol import Message
from lab.agent.tell.happenings import CARRIED
from lab.errors import KernelError, LabError
from lab.kernel.apply import apply
from lab.kernel.cell.cell import Cell
from lab.kernel.check import features
from lab.kernel.holdings import Holdings
from lab.kernel.host import memory
from lab.kernel.observe import observe
from lab.kernel.programs.processes import nothing_in
from lab.kernel.readiness import wait_until_ready
from lab.kernel.sandbox import capabilities
from lab.kernel.sandbox.cgroups import cgroup
from lab.kernel.sandbox.confinement import Confinement
from lab.kernel.verified import Verified
from lab.network import pods
from lab.network.components import Stale
from lab.network.objects import Interface, Listener, Namespace, Network, Process
from lab.network.place_names import UNDERLAY
from lab.plan import Plan, Step, plan
from lab.plan.script import script
from lab.plan.steps import AnyStep

MOST_NAMED = 12
MOST_TOLD = 1_000
PROGRESS_SECONDS = 0.05
SERVER = "the built-in server"

Built = Callable[[Holdings], None]
"""Called when links and rules are there, before the programs that need them are started."""


class Stopwatch:
    """Milliseconds of each phase of an `up`."""

    def __init__(self) -> None:
        self._last = self._shown = spans.now()
        self.told: dict[str, float] = {}

    def lap(self, phase: str) -> None:
        self.told[phase] = self.told.get(phase, 0.0) + round((spans.now() - self._last) / 1e6, 1)
        spans.note(phase, self._last)
        self._last = self._shown = spans.now()

    def show(self, part: str) -> None:
        """A part of the phase that is going on has ended, and the next one begins."""
        spans.note(part, self._shown)
        self._shown = spans.now()


@dataclass(frozen=True, slots=True)
class Brought:
    """What was done: the steps, the places that are there now, and the milliseconds of each phase."""

    steps: Plan
    places: tuple[str, ...]
    milliseconds: dict[str, float]


class Lab:
    """What the agent's writer thread works on. `stands` once the first design was brought about."""

    def __init__(self, name: str, confinement: Confinement) -> None:
        self.name = name
        self.confinement = confinement
        self._holdings = Holdings(confinement)
        self._files_in: Callable[[str], Mapping[str, str]] = nothing_in
        self._verified = Verified(self._holdings)
        self._design: Design | None = None
        self._proxier = NodeProxies()
        self._killed = 0
        self._netem: bool | None = None
        self.began = time.time()
        self._uncertain: frozenset[str] = frozenset()  # places in which the last work was left half done

    @property
    def stands(self) -> bool:
        return self._design is not None

    @property
    def design(self) -> Design | None:
        """The last one that was brought about."""
        return self._design

    @property
    def places(self) -> frozenset[str]:
        """All network namespaces of the last design."""
        return frozenset(self._design.places) if self._design else frozenset()

    def knows(self, stale: Stale) -> bool:
        """Whether the last design was made for kube-proxies that are stopped as these are."""
        return self._design is not None and self._design.stale.keys() == stale.keys()

    def has_netem(self) -> bool:
        """Whether the kernel has it: tried once in a lab."""
        if self._netem is None:
            self._netem = features.has_netem(self._holdings)
        return self._netem

    def entered(self, place: str) -> AbstractContextManager[None]:
        """The calling thread is in the place's network namespace for the block. OSError when the place is gone."""
        return self._holdings.namespaces.entered(place)

    def cell(self, place: str) -> Cell:
        """Where programs of a place run, and what a person's may do there."""
        pods = self._design.cluster.pods if self._design else ()
        node = next((pod.node for pod in pods if pod.place == place), "")
        if node:
            return Cell.within(self.confinement, place, node, capabilities.POD, self._files_in)
        kept = capabilities.SHELL if place == UNDERLAY else capabilities.NODE
        return Cell.within(self.confinement, place, "", kept, self._files_in)

    def variables(self, place: str) -> dict[str, str]:
        """What whatever runs in that place is given beside what every program has: of a pod, what its container has."""
        design = self._design
        pod = next((one for one in design.cluster.pods if one.place == place), None) if design else None
        if design is None or pod is None or pod.system:
            return {}
        return pods.variables(design.topology, pod, design.addresses)

    def put_into_places(self, files: Callable[[str], Mapping[str, str]]) -> None:
        """What is put into each place from now on when something first runs there: paths and contents."""
        self._files_in = self._holdings.processes.files_in = files

    def keep_logs(self, is_outlived: Callable[[str], bool]) -> None:
        """From now on the logs of a place that goes stay for as long as this says so."""
        self._holdings.processes.is_outlived = is_outlived

    @property
    def has_old_logs(self) -> bool:
        """Whether there are logs of places that are gone which need not be kept any more."""
        return self._holdings.processes.has_old_logs

    def let_go_of_logs(self) -> None:
        """Remove those."""
        self._holdings.processes.let_go_of_logs()

    def ended(self) -> list[tuple[str, int, str]]:
        """Pods whose programs have ended since this was last asked, the status as a shell gives it, and why the program
        never began, "" where it did.
        """
        processes = self._holdings.processes
        return [
            (process.place, status if status >= 0 else 128 - status, processes.refusal(process))
            for process, status in processes.ended()
        ]

    def was_short_of_memory(self) -> bool:
        """Whether the kernel has ended a program of a place for want of memory since this was last asked."""
        before, self._killed = self._killed, cgroup.killed_for_memory()
        return self._killed > before

    def ask_to_end(self, place: str) -> bool:
        """Whether the pod has a program that runs; it was sent its stop signal."""
        return self._holdings.processes.ask_to_end(place)

    def said(self, place: str, lines: int) -> dict[str, list[tuple[str, str]]]:
        """The last lines of every program of the place, with their times, by the program's name. Any thread may ask."""
        return self._holdings.processes.said(place, lines)

    @property
    def ended_parts(self) -> tuple[str, ...]:
        """What has ended, belongs to no pod, and has something to do: in words."""
        server = (SERVER,) if self._holdings.listeners.ended_places() else ()
        return (*server, *(process.intent for process in self._dead()))

    def _dead(self) -> tuple[Process, ...]:
        """Programs of the lab's own, which no kubelet starts again."""
        kinds = self._holdings.kinds
        return tuple(one for one in self._holdings.processes.dead() if kinds[one.place].kind != "pod")

    @property
    def nameless(self) -> tuple[str, ...]:
        """Places whose names somebody has taken away."""
        return self._holdings.namespaces.nameless

    @property
    def children(self) -> frozenset[int]:
        """Process ids that were started here and are waited for here."""
        hand = self._holdings.hand
        own = frozenset({hand.pid} if hand else ())
        return self._holdings.processes.children | self._holdings.listeners.pids | own

    def expect(self, places: int) -> None:
        """So many places will stand in a moment: what can be made of them before they are designed, is."""
        self._holdings.take_hand(places - len(self._holdings.namespaces.places))

    def expect_nothing(self) -> None:
        """They will not stand after all."""
        self._holdings.let_go_of_hand()

    @property
    def waits_for_connections(self) -> bool:
        """Whether real servers of IPVS are to go when their last connections have ended."""
        return self._holdings.balancing.waits

    def end_leaving(self) -> None:
        """Take those away whose last connection has ended."""
        try:
            self._holdings.balancing.end_leaving()
        except OSError:  # somebody else took it away, or its place, at this very moment: next time it is known
            return

    def bring(
        self,
        wanted: Design,
        tell: Callable[[Message], None],
        cancelled: Callable[[], bool],
        built: Built,
        spent: float,
        *,
        leftovers: bool = False,
    ) -> Brought:
        """Bring the kernel to the design, whatever it holds now. KernelError or Cancelled and back to how it was.

        `spent` is how many milliseconds went into the design. With `leftovers` what kube-proxy made in its mode of
        before stays, though nobody designed it.
        """
        watch = Stopwatch()
        watch.told["design"] = round(spent, 1)
        network = wanted.network
        if leftovers and self._design is not None:
            from lab.network.kubeproxy.leftovers import with_leftovers  # noqa: PLC0415  for few an `up`

            network = with_leftovers(network, self._design.network)
        watch.lap("design")
        features.require(self._holdings, network)
        self.let_go_of_logs()
        first = self._let_nobody_in(wanted)
        if first:
            watch.lap("rules")
        steps = self._difference(network, watch)
        if steps:
            self._build(network, steps, tell, cancelled, watch, built)
        self._holdings.let_go_of_hand()
        self._design = wanted
        self._uncertain = frozenset()
        self._proxier.forget()
        return Brought(Plan((*first, *steps.steps)), wanted.places, dict(watch.told))

    def _let_nobody_in(self, wanted: Design) -> tuple[AnyStep, ...]:
        """Nothing new goes to pods that are about to go. The steps that this took; the last good state stays what it
        was.
        """
        standing = self._design
        between = without_leaving(standing, wanted) if standing else None
        if between is None:
            return ()
        try:
            return self.follow(between).steps.steps
        except KernelError:  # all of it is read in a moment, and brought about whatever it is
            return ()
        finally:
            self._design = standing
            self._proxier.forget()

    def follow(self, wanted: Design) -> Brought:
        """Bring the kernel from the last design to this one, touching nothing that is the same in both.

        What people did by hand stays, as it does on a node where kube-proxy follows the API. Where their doing is in
        the way, the places in question are brought to the design whatever they hold. KernelError when that fails too.
        """
        watch = Stopwatch()
        before = self.standing()
        self.let_go_of_logs()
        try:
            if self._uncertain:  # what the last time left is not what the last design says
                places = frozenset(step.place for step in plan(wanted.network, before.network).steps)
                done = list(self._by_reading(wanted, places, watch).steps)
                forget_flows(self._holdings, before, wanted)
            else:
                done = self._by_design(before, wanted, watch)
        except Exception as error:
            if not isinstance(error, KernelError):  # a defect: it may have stopped anywhere
                self._uncertain = frozenset((UNDERLAY, *before.places, *wanted.places))
            raise
        self._design = wanted
        self._holdings.forget_gone(wanted.places)
        return Brought(Plan(tuple(done)), wanted.places, dict(watch.told))

    def _by_design(self, before: Design, wanted: Design, watch: Stopwatch) -> list[AnyStep]:
        """The steps from one design to the other, done."""
        done: list[AnyStep] = []
        for number, (steps, after) in enumerate(Following(self._proxier, before, wanted).strides()):
            watch.lap("design")
            self._holdings.learn(after)
            try:
                self._carry_out(after, steps, watch)
            except KernelError:
                self._by_reading(wanted, frozenset(step.place for step in steps.steps) | self._other_ends(steps), watch)
            if number == 0:  # packets go the new ways: names come after that, and may take longer
                forget_flows(self._holdings, before, wanted)
            done += steps.steps
            watch.told.setdefault(CARRIED, round(sum(watch.told.values()), 1))
        return done

    def _by_reading(self, wanted: Design, places: frozenset[str], watch: Stopwatch) -> Plan:
        """Bring these places to the design whatever they hold, and those that were left half done before."""
        self._proxier.forget()
        self._uncertain |= places
        steps = self._compare(wanted.network, self._uncertain)
        further = self._other_ends(steps) - self._uncertain
        if further:
            self._uncertain |= further
            steps = self._compare(wanted.network, self._uncertain)
        self._carry_out(wanted.network, steps, watch)
        self._uncertain = frozenset()
        return steps

    def warm(self) -> None:
        """Be ready to follow the first change as fast as those after it, and hold no more memory than that takes."""
        if self._design is not None:
            self._proxier.begin(self._design)
        memory.give_back()

    def _carry_out(self, wanted: Network, steps: Plan, watch: Stopwatch) -> None:
        self._revive()
        apply(self._holdings, steps, wanted, lambda _number, _place: None, lambda: False, watch.lap)
        begun = _servers(steps)
        if begun:
            wait_until_ready(self._holdings, wanted, lambda: False, begun)
        watch.lap("ready")

    def _revive(self) -> None:
        """Have the built-in server serve again what it served when it ended, and the lab's other programs run again.
        KernelError when one does not.
        """
        places = self._holdings.listeners.ended_places()
        if places:  # only then: the whole network is designed for it
            lost = [item for item in self.standing().network if isinstance(item, Listener) and item.place in places]
            if lost:
                self._holdings.listeners.change((), lost)
        for process in self._dead():
            self._holdings.processes.start(process)
            wait_until_ready(self._holdings, self.standing().network, lambda: False, (process,))

    def _difference(self, wanted: Network, watch: Stopwatch) -> Plan:
        """Read what may not be as wanted, and compare. What is found right counts as verified from now on."""
        self._verified.begin()
        doubtful = self._verified.doubtful(wanted)
        steps = self._compare(wanted, doubtful)
        further = self._other_ends(steps) - doubtful
        if further:
            steps = self._compare(wanted, doubtful | further)
        watch.lap("observe")
        return steps

    def _compare(self, wanted: Network, places: frozenset[str]) -> Plan:
        part = wanted.only(places)
        self._holdings.learn(part)
        steps = plan(part, observe(self._holdings, part, places))
        self._verified.record(part, places - frozenset(step.place for step in steps.steps))
        return steps

    def _other_ends(self, steps: Plan) -> frozenset[str]:
        """Where the other ends are of the links that go, or whose places go: what hangs on them goes as well."""
        removed = [step.object for step in steps.steps if isinstance(step, Step) and step.action == "remove"]
        peers = self._holdings.peers
        links = [(item.place, item.name) for item in removed if isinstance(item, Interface)]
        gone = {item.place for item in removed if isinstance(item, Namespace)}
        links += [link for link in peers if link[0] in gone] if gone else []
        return frozenset(peers[link][0] for link in links if link in peers) - gone

    def _build(
        self,
        wanted: Network,
        steps: Plan,
        tell: Callable[[Message], None],
        cancelled: Callable[[], bool],
        watch: Stopwatch,
        built: Built,
    ) -> None:
        done, told = 0, 0.0

        def progress(number: int, place: str) -> None:
            nonlocal done, told
            done += number
            watch.show(place)
            if time.monotonic() - told < PROGRESS_SECONDS:
                return
            told = time.monotonic()
            tell({"event": "progress", "done": done, "of": len(steps.steps), "place": place})

        def lap(phase: str) -> None:
            watch.lap(phase)
            if phase == "rules":
                built(self._holdings)  # DNS servers that are about to start want to be heard at once

        try:
            self._verified.building(len(steps))
            apply(self._holdings, steps, wanted, progress, cancelled, lap)
            wait_until_ready(self._holdings, wanted, cancelled)
            watch.lap("ready")
            self._verified.begin()
            left = self._compare(wanted, self._verified.touched(frozenset(step.place for step in steps.steps)))
            watch.lap("verify")
            if left:
                self._require_programs(left)
                raise KernelError(f"the kernel does not hold what it was asked to:\n{script(left)}")
        except Exception:  # whatever it was, a defect of ours included
            self._back()
            raise

    def _require_programs(self, left: Plan) -> None:
        """KernelError with the last words of a program that was started and is no more."""
        for step in left.steps:
            if isinstance(step, Step) and isinstance(step.object, Process):
                self._holdings.processes.require_alive(step.object)

    def _back(self) -> None:
        """To the last good state. Without one there is nothing to go back to: the agent ends, and with it all of it."""
        if self._design is None:
            return
        network = self._design.network
        self._holdings.learn(network)
        steps = plan(network, observe(self._holdings, network))
        apply(self._holdings, steps, network, lambda _number, _place: None, lambda: False, lambda _phase: None)

    def observed(self) -> Network:
        """What the kernel holds now of all that was ever designed, everything read afresh."""
        return observe(self._holdings, self.standing().network)

    def differences(self, places: frozenset[str]) -> Plan:
        """What bringing these places back to the design would do, everything read afresh."""
        part = self.standing().network.only(places)
        return plan(part, observe(self._holdings, part, places))

    def steps_to(self, wanted: Design) -> Plan:
        """What bringing the kernel to that design would do."""
        self._holdings.learn(wanted.network)
        return plan(wanted.network, observe(self._holdings, wanted.network))

    def standing(self) -> Design:
        """The last design that was brought about. LabError when there is none yet."""
        if self._design is None:
            raise LabError(f"lab {self.name!r} is not up yet", "wait for its `up` to end")
        return self._design


def _servers(steps: Plan) -> tuple[Process, ...]:
    """The DNS servers that were started."""
    programs = (step.object for step in steps.steps if isinstance(step, Step) and step.action != "remove")
    return tuple(item for item in programs if isinstance(item, Process) and item.ready_udp)
