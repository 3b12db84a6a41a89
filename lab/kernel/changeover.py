"""Programs of a plan: started, told to read again, or succeeded by one that takes their port."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lab.kernel.failure import guarded
from lab.kernel.holdings import Holdings
from lab.kernel.programs.takeover import Takeover
from lab.kernel.readiness import READY_SECONDS, wait_until_ready
from lab.network.objects import Network, Process
from lab.plan import Step


def run(steps: Sequence[Step], holdings: Holdings, desired: Network, cancelled: Callable[[], bool]) -> None:
    """Carry out the steps of programs. KernelError when one does not come up: whoever it was to succeed goes on."""
    processes = holdings.processes
    takeovers: list[Takeover] = []
    try:
        for step in steps:
            item, before = step.object, step.before
            assert isinstance(item, Process)
            if isinstance(before, Process) and item.differs_in_reload_only(before):
                processes.reload(item)
            elif isinstance(before, Process) and item.overlaps and (takeover := processes.succeed(item)):
                takeovers.append(takeover)
            else:
                _start(step, item, holdings, desired, cancelled)
        for takeover in takeovers:
            takeover.take(READY_SECONDS, cancelled)
        if takeovers:
            # Whoever bound the port last has the questions: it is the new ones that answer.
            wait_until_ready(holdings, desired, cancelled, tuple(takeover.process for takeover in takeovers))
    except BaseException:
        for takeover in takeovers:
            takeover.give_up()
        raise
    for takeover in takeovers:
        takeover.complete()


def _start(step: Step, item: Process, holdings: Holdings, desired: Network, cancelled: Callable[[], bool]) -> None:
    if isinstance(step.before, Process):
        holdings.processes.stop(step.before)
    guarded(step, holdings.processes.start, item)
    if isinstance(step.before, Process):
        # One server at a time: while one is started anew the others answer.
        wait_until_ready(holdings, desired, cancelled, (item,))
