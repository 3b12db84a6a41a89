"""The measurements: pods beside their floor, one pod more, many Services, two-subnet's commands, and memory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from bench import ROOT, at_once, followed, labs, restored, services
from bench.figures import Figure
from bench.netlink import figures as netlinks
from bench.peers import MOST_OF_MININET, Floor, Mininet

# design: ms, MiB and multiples of the floor, for two cores.
DELIVERED, REPORTED, SILENT = "trace, delivered", "trace, lost: a rule that drops", "trace, lost: in silence"
OF_P = {
    "up": 8.0,
    "up, no changes": 1.5,
    "get": 1.5,
    "list": 1.5,
    "--help": 1.5,
    DELIVERED: 3.5,
    REPORTED: 12.0,
    SILENT: 28.0,
    "down": 3.0,
}
OF_THE_FLOOR = {100: 1.6, 1000: 1.3}  # by the number of pods
ONE_MORE_APPLIED, ONE_MORE, MEMORY = 50.0, 120.0, 120.0  # ms, ms, MiB
MEMORY_OF_TWO_SUBNET = 70.0  # MiB
BUDGETED_PODS = 1000  # what the budgets of memory and one pod more are for
BUDGETED_NODES, OF_FLOOR_AND_RULES = 100, 1.3
BUDGETED_MANY, NODES_OF_MANY = 10_000, 20
MANY_OF_THE_FLOOR, MEMORY_OF_MANY, TRACE_AMONG_MANY = 3.0, 900.0, 1.5
RESTORED = "iptables-restore, same text, two side by side"
PODS_OF_A_WIDE_NODE = 10
APPLIED = 3  # for each run: it is soon done
CLIENT, TARGET, VIA = "namespace001/pod-0", "myapp.namespace001", "pod-3"
FIREWALL = ("iptables", "-I", "INPUT", "1", "-p", "udp", "--dport", "4789", "-j", "DROP")
BLACKHOLE = ("ip", "route", "add", "blackhole", "10.0.2.10/32")
LOST = 3

Tell = Callable[[str], None]


class Bench:
    """One call of `bench`. `tell` is told what is being measured; labs are named after our process."""

    def __init__(self, runs: int, tell: Tell) -> None:
        self._runs = runs
        self._tell = tell
        self._names = (f"bench-{os.getpid()}-{number}" for number in count())

    def all(self, pods: Sequence[int], services_: Sequence[int], nodes: int, many: int) -> Iterator[Figure]:
        """Every figure, as soon as it is known: labs of so many pods each, one of so many nodes, one of so many pods on
        a few, so many Services.
        """
        with tempfile.TemporaryDirectory(prefix="hoplab-bench-") as name:
            folder = Path(name)
            self._tell("compiling the C floor")
            floor, mininet = Floor(folder), Mininet()
            yield from self._two_subnet()
            yield from self._netlinks(folder)
            for number in pods:
                yield from self._pods(number, labs.nodes_for(number), folder, floor, mininet)
            if nodes:
                yield from self._wide(nodes, folder, floor)
            if many:
                yield from self._many(many, folder, floor)
            for number in services_:
                floor.settle()
                yield from self._services(number, folder)

    @contextmanager
    def _lab(self) -> Iterator[str]:
        name = next(self._names)
        with labs.ended(name):
            yield name

    def _services(self, number: int, folder: Path) -> Iterator[Figure]:
        yield from services.on_a_node(number, self._runs, self._tell)
        if number > services.MOST_IN_A_LAB:
            return
        changes = services.QUICK_CHANGES if self._runs == 1 else services.CHANGES
        for mode in services.MODES:
            file = labs.with_services(number, services.LAB_NODES, mode, folder)
            with self._lab() as name:
                yield from services.in_a_lab(name, mode, number, changes, file, self._tell)

    def _wide(self, nodes: int, folder: Path, floor: Floor) -> Iterator[Figure]:
        """Many nodes with few pods: what is done for each pair of nodes, and for each node's rules, counts here."""
        pods = nodes * PODS_OF_A_WIDE_NODE
        file = labs.with_pods(pods, nodes, folder)
        group = f"{nodes:,} nodes with {PODS_OF_A_WIDE_NODE} pods each"
        floors: list[float] = []
        loads: list[float] = []
        phases: list[dict[str, float]] = []
        used = 0.0
        for run in range(self._runs):
            self._tell(f"{group}, run {run + 1} of {self._runs}")
            floors += floor.measure(pods, nodes)
            loads.append(restored.seconds(file) * 1000 / pods)
            floor.settle()
            with self._lab() as name:
                phases.append(labs.build(name, file))
                used = labs.memory(name)
        bare = Figure(group, "C floor", "ms/pod", tuple(floors), note=floor.missing)
        rules = Figure(group, RESTORED, "ms/pod", tuple(loads))
        both = tuple(map(sum, zip(floors, loads, strict=True))) if floors else ()
        yield from _building(group, pods, phases, bare)
        yield rules
        beside = Figure(group, f"C floor and {RESTORED}", "ms/pod", both, note=floor.missing)
        yield _built(group, pods, phases).over(beside, OF_FLOOR_AND_RULES if nodes == BUDGETED_NODES else None)
        yield Figure(group, "up, in the agent", "ms", tuple(sum(told.values()) for told in phases))
        yield Figure(group, "memory", "MiB", (used,), note="sum of PSS")

    def _many(self, pods: int, folder: Path, floor: Floor) -> Iterator[Figure]:
        """Many pods on nodes that are full: building them, their memory, and a trace among them."""
        group, judged = f"{pods:,} pods on {NODES_OF_MANY} nodes", pods == BUDGETED_MANY
        self._tell(group)
        file = labs.with_pods(pods, NODES_OF_MANY, folder)
        floors = floor.measure(pods, NODES_OF_MANY)
        floor.settle()
        with self._lab() as name, self._lab() as beside:
            phases = labs.build(name, file)
            used = labs.memory(name)
            labs.whole("up", "--topology", "two-subnet", "--lab", beside)
            traces: list[tuple[float, float]] = []
            for _ in range(self._runs + 1):
                among = labs.whole("trace", "--from", "bench/pod-0", "--to", "bench/pod-1", "--lab", name)
                traces.append((among, labs.whole(*_trace(beside))))
        bare = Figure(group, "C floor", "ms/pod", floors, note=floor.missing)
        yield from _building(group, pods, [phases], bare)
        whole = Figure(group, "up, in the agent", "ms/pod", (sum(phases.values()) / pods,))
        yield whole
        yield whole.over(bare, MANY_OF_THE_FLOOR if judged else None)
        yield Figure(group, "memory", "MiB", (used,), MEMORY_OF_MANY if judged else None, "sum of PSS")
        # The first of each finds nothing of the programs' files in the machine's memory.
        traced = Figure(group, "trace of one of them", "ms", tuple(one for one, _ in traces[1:]))
        its = Figure(group, "trace in two-subnet", "ms", tuple(one for _, one in traces[1:]))
        yield traced
        yield its
        yield traced.over(its, TRACE_AMONG_MANY if judged else None)

    def _netlinks(self, folder: Path) -> Iterator[Figure]:
        two_subnet = str(ROOT / "lab" / "topologies" / "two-subnet.yaml")
        for name, file in (("two-subnet", two_subnet), ("100 pods", labs.with_pods(100, 1, folder))):
            self._tell(f"{name} by netlink")
            yield from netlinks.figures(name, file, self._runs)

    def _pods(self, pods: int, nodes: int, folder: Path, floor: Floor, mininet: Mininet) -> Iterator[Figure]:
        group = f"{pods:,} pods, at most {labs.PODS_OF_A_NODE} a node"
        file = labs.with_pods(pods, nodes, folder)
        floors: list[float] = []
        phases: list[dict[str, float]] = []
        hosts: list[float] = []
        more: tuple[Figure, ...] = ()
        # Interleaved: what else the machine does meanwhile falls on all of them.
        for run in range(self._runs):
            self._tell(f"{pods:,} pods, run {run + 1} of {self._runs}")
            floors += floor.measure(pods, nodes)
            floor.settle()
            with self._lab() as name:
                phases.append(labs.build(name, file))
                if run == self._runs - 1:
                    more = tuple(self._one_more(name, pods, folder))
            if not mininet.missing:
                floor.settle()
                hosts += mininet.measure(min(pods, MOST_OF_MININET))
        beside = Figure(group, "C floor", "ms/pod", tuple(floors), note=floor.missing)
        yield from _building(group, pods, phases, beside, OF_THE_FLOOR.get(pods))
        alike = "" if pods <= MOST_OF_MININET else f"with {MOST_OF_MININET} hosts"
        yield Figure(group, "Mininet", "ms/pod", tuple(hosts), note=mininet.missing or alike)
        yield from more

    def _one_more(self, name: str, pods: int, folder: Path) -> Iterator[Figure]:
        """In the lab that stands: its memory, and pods added to it one by one, through the API and by its file."""
        self._tell(f"one pod more than {pods:,}")
        group, judged = f"with {pods:,} pods standing", pods == BUDGETED_PODS
        files = (labs.with_pods(more, labs.nodes_for(pods), folder) for more in count(pods + 1))
        yield Figure(group, "memory", "MiB", (labs.memory(name),), MEMORY if judged else None, "sum of PSS")
        budget = ONE_MORE if judged else None
        applied = tuple(labs.applied(name, f"more-{number}") for number in range(APPLIED * self._runs))
        yield Figure(group, "one more, applied", "ms", applied, ONE_MORE_APPLIED if judged else None)
        phases: list[dict[str, float]] = []
        wholes: list[float] = []
        for _ in range(self._runs):
            phases.append(labs.build(name, next(files)))
            wholes.append(labs.whole("up", "--topology", next(files), "--lab", name))
        for part in phases[0]:
            yield Figure(group, f"one more: {part}", "ms", tuple(told.get(part, 0.0) for told in phases))
        yield Figure(group, "one more, in the agent", "ms", tuple(sum(told.values()) for told in phases))
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
            note = f"python -c '{labs.IMPORTS}'" if what == labs.P else ""
            yield Figure(group, what, "ms", tuple(runs), note=note)
        beside = Figure(group, "P", "ms", tuple(times[labs.P]))
        for what, budget in OF_P.items():
            yield Figure(group, what, "ms", tuple(times[what])).over(beside, budget)
        self._tell("two-subnet, followed")
        with self._lab() as name:
            labs.whole("up", "--topology", "two-subnet", "--lab", name)
            yield Figure(group, "memory", "MiB", (labs.memory(name),), MEMORY_OF_TWO_SUBNET, "sum of PSS")
            yield from followed.figures(name, self._runs)
            self._tell(at_once.GROUP)
            yield from at_once.figures(name, self._runs)


def _building(
    group: str, pods: int, phases: Sequence[dict[str, float]], floor: Figure, budget: float | None = None
) -> Iterator[Figure]:
    def figure(name: str, part: str) -> Figure:
        return Figure(group, name, "ms/pod", tuple(told[part] / pods for told in phases))

    for part in phases[0]:
        if part != labs.VERIFY:
            yield figure(part, part)
    building = _built(group, pods, phases)
    yield building
    yield floor
    yield building.over(floor, budget)
    yield figure("read-back verification", labs.VERIFY)


def _built(group: str, pods: int, phases: Sequence[dict[str, float]]) -> Figure:
    """All of it but the verification."""
    return Figure(group, "build", "ms/pod", tuple((sum(told.values()) - told[labs.VERIFY]) / pods for told in phases))


def _life(name: str) -> Iterator[tuple[str, float]]:
    """What happens to a lab, and how long each took."""
    lab, lost = ("--lab", name), ("trace", "--from", CLIENT, "--to", VIA, "--lab", name)
    yield labs.P, labs.interpreter()
    yield "up", labs.whole("up", "--topology", "two-subnet", *lab)
    yield "up, no changes", labs.whole("up", "--topology", "two-subnet", *lab)
    yield "get", labs.whole("get", "pods", *lab)
    yield "list", labs.whole("list")
    yield "--help", labs.whole("--help")
    yield DELIVERED, labs.whole(*_trace(name))
    labs.whole("exec", "router", *lab, "--", *BLACKHOLE)
    yield SILENT, labs.whole(*lost, status=LOST)
    labs.whole("exec", "router", *lab, "--", *BLACKHOLE[:2], "del", *BLACKHOLE[3:])
    labs.whole("exec", "node-2", *lab, "--", *FIREWALL)
    yield REPORTED, labs.whole(*lost, status=LOST)
    yield "down", labs.whole("down", *lab)


def _trace(lab: str) -> tuple[str, ...]:
    return ("trace", "--from", CLIENT, "--to", TARGET, "--via", VIA, "--lab", lab)
