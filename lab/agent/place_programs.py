"""What runs in a lab's places: where, with what, what it said last, and that it has ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from lab.agent.design.blueprint import Design
from lab.kernel.cell.cell import Cell
from lab.kernel.holdings import Holdings
from lab.kernel.programs.processes import nothing_in
from lab.kernel.readiness import wait_until_ready
from lab.kernel.sandbox import capabilities
from lab.kernel.sandbox.cgroups import cgroup
from lab.kernel.sandbox.confinement import Confinement
from lab.network import pods
from lab.network.objects import Listener, Process
from lab.network.place_names import UNDERLAY
from lab.plan import Plan, Step

SERVER = "the built-in server"


class Programs:
    """Those of one lab; `design` gives the last one that was brought about, if there is one."""

    def __init__(self, holdings: Holdings, confinement: Confinement, design: Callable[[], Design | None]) -> None:
        self._holdings = holdings
        self._confinement = confinement
        self._design = design
        self._files_in: Callable[[str], Mapping[str, str]] = nothing_in
        self._killed = 0

    def entered(self, place: str) -> AbstractContextManager[None]:
        """The calling thread is in the place's network namespace for the block. OSError when the place is gone."""
        return self._holdings.namespaces.entered(place)

    def cell(self, place: str) -> Cell:
        """Where programs of a place run, and what a person's may do there."""
        pods = design.cluster.pods if (design := self._design()) else ()
        node = next((pod.node for pod in pods if pod.place == place), "")
        if node:
            return Cell.within(self._confinement, place, node, capabilities.POD, self._files_in)
        kept = capabilities.SHELL if place == UNDERLAY else capabilities.NODE
        return Cell.within(self._confinement, place, "", kept, self._files_in)

    def variables(self, place: str) -> dict[str, str]:
        """What whatever runs in that place is given beside what every program has: of a pod, what its container has."""
        design = self._design()
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

    def require_alive(self, left: Plan) -> None:
        """KernelError with the last words of a program that was started and is no more, where such are left to do."""
        for step in left.steps:
            if isinstance(step, Step) and isinstance(step.object, Process):
                self._holdings.processes.require_alive(step.object)

    def said(self, place: str, lines: int) -> dict[str, list[tuple[str, str]]]:
        """The last lines of every program of the place, with their times, by the program's name. Any thread may ask."""
        return self._holdings.processes.said(place, lines)

    @property
    def ended_parts(self) -> tuple[str, ...]:
        """What has ended, belongs to no pod, and has something to do: in words."""
        server = (SERVER,) if self._holdings.listeners.ended_places() else ()
        return (*server, *(process.intent for process in self.dead()))

    def dead(self) -> tuple[Process, ...]:
        """Programs of the lab's own, which no kubelet starts again."""
        kinds = self._holdings.kinds
        return tuple(one for one in self._holdings.processes.dead() if kinds[one.place].kind != "pod")

    def revive(self, standing: Design) -> None:
        """Have the built-in server serve again what it served when it ended, and the lab's other programs run again.
        KernelError when one does not.
        """
        places = self._holdings.listeners.ended_places()
        if places:  # only then: the whole network is designed for it
            lost = [item for item in standing.held if isinstance(item, Listener) and item.place in places]
            if lost:
                self._holdings.listeners.change((), lost)
        for process in self.dead():
            self._holdings.processes.start(process)
            wait_until_ready(self._holdings, standing.held, lambda: False, (process,))

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
