"""The kernel's side of a lab: from a design to the kernel, and back when that fails; in the agent's writer thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from lab.agent.addition import Addition, programs_begun
from lab.agent.comparison import Comparison
from lab.agent.design.blueprint import Design
from lab.agent.design.leaving import without_leaving
from lab.agent.design.stale_flows import forget_flows
from lab.agent.design.transition import Following, NodeProxies
from lab.agent.place_programs import Programs
from lab.agent.protocol import Message
from lab.agent.stopwatch import Brought, Stopwatch
from lab.agent.tell.happenings import CARRIED
from lab.errors import KernelError, LabError
from lab.kernel.apply import apply
from lab.kernel.cancelled import Cancelled
from lab.kernel.check import features
from lab.kernel.holdings import Holdings
from lab.kernel.host import memory
from lab.kernel.readiness import wait_until_ready
from lab.kernel.sandbox.confinement import Confinement
from lab.network.components import Stale
from lab.network.objects import Network
from lab.network.place_names import UNDERLAY
from lab.plan import Plan, plan
from lab.plan.script import script
from lab.plan.steps import AnyStep

PROGRESS_SECONDS = 0.05

Built = Callable[[Holdings], None]
"""Called when links and rules are there, before the programs that need them are started."""

Asked = Callable[[], bool]
Lap = Callable[[str], None]


class Lab:
    """What the agent's writer thread works on. `stands` once the first design was brought about."""

    def __init__(self, name: str, confinement: Confinement) -> None:
        self.name = name
        self.confinement = confinement
        self._holdings = Holdings(confinement)
        self.comparison = Comparison(self._holdings)
        self.programs = Programs(self._holdings, confinement, lambda: self._design)
        self._design: Design | None = None
        self._proxier = NodeProxies()
        self._netem: bool | None = None
        self.began = time.time()
        self._uncertain: frozenset[str] = frozenset()  # places in which the last work was left half done
        self._more_is_there = False  # what another kube-proxy left, which no design has

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

    def expect(self, places: int) -> None:
        """So many places will stand in a moment: what can be made of them before they are designed, is."""
        self._holdings.take_hand(places - len(self._holdings.namespaces.places))

    def expect_nothing(self) -> None:
        """They will not stand after all."""
        self._holdings.let_go_of_hand()

    def bring(
        self,
        wanted: Design,
        tell: Callable[[Message], None],
        cancelled: Asked,
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
        self.programs.let_go_of_logs()

        def lap(phase: str) -> None:
            watch.lap(phase)
            if phase == "rules":
                built(self._holdings)  # DNS servers that are about to start want to be heard at once

        addition = Addition(self._holdings, self.comparison, self._proxier)
        if not leftovers and self._is_added(addition, wanted, watch, cancelled, lap):
            return self._stands_now(wanted, addition.done, watch)
        network = wanted.held
        if leftovers and self._design is not None:
            from lab.network.kubeproxy.leftovers import with_leftovers  # noqa: PLC0415  for few an `up`

            network = with_leftovers(network, self._design.held)
        watch.lap("design")
        features.require(self._holdings, network)
        if first := (*addition.done, *self._let_nobody_in(wanted)):
            watch.lap("rules")
        if steps := self.comparison.difference(network, watch):
            self._build(network, steps, tell, cancelled, watch, lap)
        self._holdings.let_go_of_hand()
        self._uncertain = frozenset()
        self._more_is_there = leftovers
        self._proxier.forget()
        return self._stands_now(wanted, (*first, *steps.steps), watch)

    def _is_added(self, addition: Addition, wanted: Design, watch: Stopwatch, cancelled: Asked, lap: Lap) -> bool:
        """Whether it was so little that it is done already."""
        if self._design is None or self._uncertain or self._more_is_there:
            return False
        try:
            return addition.bring(self._design, wanted, watch, cancelled, lap)
        except Exception:
            self._back()
            raise

    def _stands_now(self, wanted: Design, done: Iterable[AnyStep], watch: Stopwatch) -> Brought:
        self._design = wanted
        self._holdings.forget_gone(wanted.places)
        return Brought(Plan(tuple(done)), wanted.places, dict(watch.told))

    def _let_nobody_in(self, wanted: Design) -> tuple[AnyStep, ...]:
        """Nothing new goes to pods that are about to go. The steps that this took; the last good state stays."""
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
        self.programs.let_go_of_logs()
        try:
            if self._uncertain:  # what the last time left is not what the last design says
                places = frozenset(step.place for step in plan(wanted.held, before.held).steps)
                done = list(self._by_reading(wanted, places, watch).steps)
                forget_flows(self._holdings, before, wanted)
            elif (before.faults, before.drift) != (wanted.faults, wanted.drift):
                self._uncertain, steps = self.comparison.otherwise(wanted.held, before.held)
                self._carry_out(wanted.held, steps, watch)
                self._proxier.forget()
                self._uncertain, done = frozenset(), list(steps.steps)
            else:
                done = self._by_design(before, wanted, watch)
        except Exception as error:
            if not isinstance(error, KernelError):  # a defect: it may have stopped anywhere
                self._uncertain = frozenset((UNDERLAY, *before.places, *wanted.places))
            raise
        return self._stands_now(wanted, done, watch)

    def _by_design(self, before: Design, wanted: Design, watch: Stopwatch) -> list[AnyStep]:
        """The steps from one design to the other, done."""
        done: list[AnyStep] = []
        for number, (steps, after) in enumerate(Following(self._proxier, before, wanted).strides()):
            watch.lap("design")
            self._holdings.learn(after)
            self.comparison.work(steps)
            try:
                self._carry_out(after, steps, watch)
            except KernelError:
                self._by_reading(
                    wanted, frozenset(step.place for step in steps.steps) | self.comparison.other_ends(steps), watch
                )
            if number == 0:  # packets go the new ways: names come after that, and may take longer
                forget_flows(self._holdings, before, wanted)
            done += steps.steps
            watch.told.setdefault(CARRIED, round(sum(watch.told.values()), 1))
        return done

    def _by_reading(self, wanted: Design, places: frozenset[str], watch: Stopwatch) -> Plan:
        """Bring these places to the design whatever they hold, and those that were left half done before."""
        self._proxier.forget()
        self._uncertain |= places
        self.comparison.verified.forget()
        steps = self.comparison.compare(wanted.held, self._uncertain)
        further = self.comparison.other_ends(steps) - self._uncertain
        if further:
            self._uncertain |= further
            steps = self.comparison.compare(wanted.held, self._uncertain)
        self._carry_out(wanted.held, steps, watch)
        self._uncertain = frozenset()
        return steps

    def warm(self) -> None:
        """Be ready to follow the first change as fast as those after it, and hold no more memory than that takes."""
        if self._design is not None:
            self._proxier.begin(self._design)
        memory.give_back()

    def _carry_out(self, wanted: Network, steps: Plan, watch: Stopwatch) -> None:
        self.programs.revive(self.standing())
        apply(self._holdings, steps, wanted, lambda _number, _place: None, lambda: False, watch.lap)
        begun = tuple(one for one in programs_begun(steps) if one.ready_udp)
        if begun:
            wait_until_ready(self._holdings, wanted, lambda: False, begun)
        watch.lap("ready")

    def _build(
        self,
        wanted: Network,
        steps: Plan,
        tell: Callable[[Message], None],
        cancelled: Asked,
        watch: Stopwatch,
        lap: Lap,
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

        try:
            self.comparison.verified.building(len(steps))
            apply(self._holdings, steps, wanted, progress, cancelled, lap)
            wait_until_ready(self._holdings, wanted, cancelled)
            watch.lap("ready")
            left = self._left(wanted, steps)
            if left:  # more went with what was taken away than could be known, such as a renamed cable's other end
                apply(self._holdings, left, wanted, progress, cancelled, lap)
                wait_until_ready(self._holdings, wanted, cancelled)
                left = self._left(wanted, left)
            watch.lap("verify")
            if left:
                self.programs.require_alive(left)
                raise KernelError(f"the kernel does not hold what it was asked to:\n{script(left)}")
            if cancelled():  # whoever asked hung up while the last rules were loaded
                raise Cancelled
        except Exception:  # whatever it was, a defect of ours included
            self._back()
            raise

    def _left(self, wanted: Network, done: Plan) -> Plan:
        """What is still not as wanted where these steps were carried out, and where something has changed since."""
        self.comparison.verified.begin()
        places = self.comparison.verified.touched(frozenset(step.place for step in done.steps))
        return self.comparison.compare(wanted, places)

    def _back(self) -> None:
        """To the last good state. Without one there is nothing to go back to: the agent ends, and with it all of it."""
        if self._design is None:
            return
        self._proxier.forget()
        self.comparison.verified.forget()
        network = self._design.held
        steps = self.comparison.steps_to(network)
        apply(self._holdings, steps, network, lambda _number, _place: None, lambda: False, lambda _phase: None)

    def standing(self) -> Design:
        """The last design that was brought about. LabError when there is none yet."""
        if self._design is None:
            raise LabError(f"lab {self.name!r} is not up yet", "wait for its `up` to end")
        return self._design
