"""The measurements: pods beside their floor, one pod more, two-subnet's commands, and memory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from bench import labs
from bench.figures import Figure
from bench.peers import MOST_OF_MININET, Floor, Mininet

# design: ms, MiB and multiples of the floor, for two cores.
BUDGETS = {"up": 1500.0, "down": 500.0, "trace, delivered": 1000.0, "trace, lost": 2500.0}
OF_THE_FLOOR, ONE_MORE, MEMORY = 1.5, 100.0, 250.0
BUDGETED_PODS = 1000  # what the budgets of building, memory and one pod more are for
CLIENT, TARGET, VIA = "namespace001/pod-0", "myapp.namespace001", "pod-3"
FIREWALL = ("-p", "udp", "--dport", "4789", "-j", "DROP")
LOST = 3

Tell = Callable[[str], None]


class Bench:
    """One call of `bench`. `tell` is told what is being measured; labs are named after our process."""

    def __init__(self, runs: int, tell: Tell) -> None:
        self._runs = runs
        self._tell = tell
        self._names = (f"bench-{os.getpid()}-{number}" for number in count())

    def all(self, counts: Sequence[int]) -> Iterator[Figure]:
        """Every figure, as soon as it is known."""
        with tempfile.TemporaryDirectory(prefix="hoplab-bench-") as name:
            folder = Path(name)
            self._tell("compiling the C floor")
            floor, mininet = Floor(folder), Mininet()
            for pods in counts:
                yield from self._pods(pods, folder, floor, mininet)
            floor.settle()
            yield from self._two_subnet()

    @contextmanager
    def _lab(self) -> Iterator[str]:
        name = next(self._names)
        with labs.ended(name):
            yield name

    def _pods(self, pods: int, folder: Path, floor: Floor, mininet: Mininet) -> Iterator[Figure]:
        group = f"{pods:,} pods, at most {labs.PODS_OF_A_NODE} a node"
        file = labs.with_pods(pods, labs.nodes_for(pods), folder)
        floors: list[float] = []
        phases: list[dict[str, float]] = []
        hosts: list[float] = []
        more: tuple[Figure, ...] = ()
        # Interleaved: what else the machine does meanwhile falls on all of them.
        for run in range(self._runs):
            self._tell(f"{pods:,} pods, run {run + 1} of {self._runs}")
            floors += floor.measure(pods)
            floor.settle()
            with self._lab() as name:
                phases.append(labs.build(name, file))
                if run == self._runs - 1:
                    more = tuple(self._one_more(name, pods, folder))
            if not mininet.missing:
                floor.settle()
                hosts += mininet.measure(min(pods, MOST_OF_MININET))
        yield from _building(group, pods, phases, Figure(group, "C floor", "ms/pod", tuple(floors), note=floor.missing))
        alike = "" if pods <= MOST_OF_MININET else f"with {MOST_OF_MININET} hosts"
        yield Figure(group, "Mininet", "ms/pod", tuple(hosts), note=mininet.missing or alike)
        yield from more

    def _one_more(self, name: str, pods: int, folder: Path) -> Iterator[Figure]:
        """In the lab that stands: its memory, and pods added to it one by one."""
        self._tell(f"one pod more than {pods:,}")
        group, judged = f"with {pods:,} pods standing", pods == BUDGETED_PODS
        files = (labs.with_pods(more, labs.nodes_for(pods), folder) for more in count(pods + 1))
        yield Figure(group, "memory", "MiB", (labs.memory(name),), MEMORY if judged else None, "sum of PSS")
        phases: list[dict[str, float]] = []
        wholes: list[float] = []
        for _ in range(self._runs):
            phases.append(labs.build(name, next(files)))
            wholes.append(labs.whole("up", "--topology", next(files), "--lab", name))
        budget = ONE_MORE if judged else None
        for part in phases[0]:
            yield Figure(group, f"one more: {part}", "ms", tuple(told.get(part, 0.0) for told in phases))
        yield Figure(group, "one more, in the agent", "ms", tuple(sum(told.values()) for told in phases), budget)
        yield Figure(group, "one more, whole process", "ms", tuple(wholes), budget)

    def _two_subnet(self) -> Iterator[Figure]:
        times: dict[str, list[float]] = {}
        for run in range(self._runs):
            self._tell(f"two-subnet, run {run + 1} of {self._runs}")
            with self._lab() as name:
                for what, spent in _life(name):
                    times.setdefault(what, []).append(spent)
        group = "two-subnet, whole processes"
        for what, runs in times.items():
            yield Figure(group, what, "ms", tuple(runs), BUDGETS.get(what))


def _building(group: str, pods: int, phases: Sequence[dict[str, float]], floor: Figure) -> Iterator[Figure]:
    def figure(name: str, *wanted: str) -> Figure:
        return Figure(group, name, "ms/pod", tuple(sum(told[key] for key in wanted) / pods for told in phases))

    parts = [key for key in phases[0] if key != labs.VERIFY]
    for part in parts:
        yield figure(part, part)
    building = figure("build", *parts)
    yield building
    yield floor
    yield building.over(floor, OF_THE_FLOOR if pods == BUDGETED_PODS else None)
    yield figure("read-back verification", labs.VERIFY)


def _life(name: str) -> Iterator[tuple[str, float]]:
    """What happens to a lab, and how long each took."""
    lab, trace = ("--lab", name), ("trace", "--from", CLIENT, "--to", TARGET, "--via", VIA, "--lab", name)
    yield "up", labs.whole("up", "--topology", "two-subnet", *lab)
    yield "up, no changes", labs.whole("up", "--topology", "two-subnet", *lab)
    yield "trace, delivered", labs.whole(*trace)
    labs.whole("exec", "node-2", *lab, "--", "iptables", "-I", "INPUT", "1", *FIREWALL)
    yield "trace, lost", labs.whole(*trace, status=LOST)
    yield "down", labs.whole("down", *lab)
