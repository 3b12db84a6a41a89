"""A file that adds little to a lab which is as it was left: the way from one design to the next, whose parts alone are
designed, built and read back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lab.agent.comparison import Comparison
from lab.agent.design.blueprint import Design
from lab.agent.design.stale_flows import forget_flows
from lab.agent.design.transition import Following, NodeProxies, adds_little
from lab.agent.stopwatch import Stopwatch
from lab.errors import KernelError
from lab.kernel.apply import apply
from lab.kernel.check import features
from lab.kernel.holdings import Holdings
from lab.kernel.readiness import wait_until_ready
from lab.network.objects import Network, Process
from lab.network.wiring import INTERNET
from lab.plan import Plan, Step
from lab.plan.steps import AnyStep, takes_more_away


class Addition:
    """The way there. `done` are the steps that were carried out on it, wherever it ended."""

    def __init__(self, holdings: Holdings, comparison: Comparison, proxies: NodeProxies) -> None:
        self._holdings, self._comparison, self._proxies = holdings, comparison, proxies
        self.done: list[AnyStep] = []

    def bring(
        self,
        before: Design,
        wanted: Design,
        watch: Stopwatch,
        cancelled: Callable[[], bool],
        lap: Callable[[str], None],
    ) -> bool:
        """Whether the lab holds what is wanted now, read back and compared. Otherwise everything has to be looked at:
        more differs than a little, somebody has changed something by hand, or the kernel refused a step. Cancelled and
        MachineError half way.
        """
        if not adds_little(before, wanted) or not self._comparison.is_as_left():
            return False
        watch.lap("observe")
        right = self._follow(before, wanted, watch, cancelled, lap)
        if right:
            right = self._comparison.is_as_worked_on(self.done)
            watch.lap("verify")
        if not right:
            self._proxies.forget()
        return right

    def _follow(
        self,
        before: Design,
        wanted: Design,
        watch: Stopwatch,
        cancelled: Callable[[], bool],
        lap: Callable[[str], None],
    ) -> bool:
        """Whether all steps were carried out."""
        alike = replace(wanted, read=replace(wanted.read, topology=before.topology))
        for number, (steps, after) in enumerate(Following(self._proxies, before, alike).strides()):
            watch.lap("design")
            if any(map(takes_more_away, steps.steps)):
                return False
            features.require(self._holdings, after)
            self._holdings.learn(after)
            self._comparison.work(steps)
            try:
                if steps:
                    apply(self._holdings, steps, after, lambda _number, place: watch.show(place), cancelled, lap)
                if number == 0 and (begun := programs_begun(steps)):
                    wait_until_ready(self._holdings, after, cancelled, begun)
                elif number and (self.done or steps):  # all servers answer, as after every change
                    internet = self._comparison.verified.expected(frozenset((INTERNET,))) or ()
                    wait_until_ready(self._holdings, Network.of(after, internet), cancelled)
            except KernelError:
                return False
            watch.lap("ready")
            if number == 0:  # as in Lab.follow
                forget_flows(self._holdings, before, wanted)
            self.done += steps.steps
        return True


def programs_begun(steps: Plan) -> tuple[Process, ...]:
    """The programs that were started."""
    programs = (step.object for step in steps.steps if isinstance(step, Step) and step.action != "remove")
    return tuple(item for item in programs if isinstance(item, Process))
