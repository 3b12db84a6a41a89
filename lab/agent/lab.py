"""The lab itself: from a file's text to a network that the kernel holds, and back to the last good one when that
fails.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from lab.agent.listing import listing
from lab.agent.protocol import Message
from lab.agent.reading import Design, read_design
from lab.errors import KernelError, LabError, UsageError
from lab.kernel import features
from lab.kernel.apply import apply
from lab.kernel.holdings import Holdings
from lab.kernel.observe import observe
from lab.kernel.readiness import wait_until_ready
from lab.kernel.verified import Verified
from lab.network.objects import UNDERLAY, Chain, Interface, Namespace, Network, Object, Process
from lab.network.plain import to_plain
from lab.network.survey import lab_map
from lab.plan import Plan, Step, plan
from lab.plan.script import script
from lab.plan.summary import summary

MOST_NAMED = 12
MOST_TOLD = 1_000
PROGRESS_SECONDS = 0.05


class Stopwatch:
    """Milliseconds of each phase of an `up`."""

    def __init__(self) -> None:
        self._last = time.perf_counter()
        self.told: dict[str, float] = {}

    def lap(self, phase: str) -> None:
        now = time.perf_counter()
        self.told[phase] = self.told.get(phase, 0.0) + round((now - self._last) * 1000, 1)
        self._last = now


class Lab:
    """What the agent's writer thread works on. `stands` once the first `up` has succeeded."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._holdings = Holdings()
        self._verified = Verified(self._holdings)
        self._design: Design | None = None
        self._started = time.time()

    @property
    def stands(self) -> bool:
        return self._design is not None

    @property
    def children(self) -> frozenset[int]:
        """Process ids that were started here and are waited for here."""
        server = self._holdings.listeners.pid
        return frozenset(self._holdings.processes.pids.values()) | ({server} if server else frozenset())

    def up(
        self,
        text: str,
        file: str,
        settings: Sequence[str],
        tell: Callable[[Message], None],
        cancelled: Callable[[], bool],
    ) -> Message:
        """Bring the kernel to the file's state. FileError and nothing done; KernelError or Cancelled and back to how
        it was.
        """
        watch = Stopwatch()
        wanted = read_design(text, file, settings, self._design)
        features.require(self._holdings, wanted.network)
        watch.lap("design")
        steps = self._difference(wanted.network, watch)
        if steps:
            self._build(wanted, steps, tell, cancelled, watch)
        self._design = wanted
        return {
            "lab": self._name,
            "steps": len(steps),
            "places": len(wanted.network.places),
            "pods": len(wanted.cluster.pods),
            "milliseconds": watch.told,
            "warnings": list(wanted.warnings),
            "changes": summary(steps) if len(steps) <= MOST_TOLD else [],
        }

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
        if not steps:
            self._verified.record(part, places)
        return steps

    def _other_ends(self, steps: Plan) -> frozenset[str]:
        """Where the other ends are of the links that go: what hangs on them goes as well."""
        removed = [step.object for step in steps.steps if isinstance(step, Step) and step.action == "remove"]
        peers = self._holdings.peers
        links = [(item.place, item.name) for item in removed if isinstance(item, Interface)]
        return frozenset(peers[link][0] for link in links if link in peers)

    def _build(
        self,
        wanted: Design,
        steps: Plan,
        tell: Callable[[Message], None],
        cancelled: Callable[[], bool],
        watch: Stopwatch,
    ) -> None:
        done, told = 0, 0.0

        def progress(number: int, place: str) -> None:
            nonlocal done, told
            done += number
            if time.monotonic() - told < PROGRESS_SECONDS:
                return
            told = time.monotonic()
            tell({"event": "progress", "done": done, "of": len(steps.steps), "place": place})

        try:
            self._verified.building(len(steps))
            apply(self._holdings, steps, wanted.network, progress, cancelled)
            watch.lap("apply")
            wait_until_ready(self._holdings, wanted.network, cancelled)
            watch.lap("ready")
            self._verified.begin()
            left = self._compare(wanted.network, self._verified.touched(frozenset(step.place for step in steps.steps)))
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
        apply(self._holdings, steps, network, lambda _number, _place: None, lambda: False)

    def plan(self, text: str, file: str, settings: Sequence[str]) -> Message:
        """What `up` would do, as a script, and how many steps that is."""
        wanted = read_design(text, file, settings, self._design)
        self._holdings.learn(wanted.network)
        steps = plan(wanted.network, observe(self._holdings, wanted.network))
        return {"script": script(steps), "steps": len(steps)}

    def read(self, what: str) -> Any:  # noqa: ANN401  JSON of several shapes, one per reading
        """One of the readings, as JSON: `map`, `cluster`, `status`."""
        readings: dict[str, Callable[[Design], Any]] = {
            "map": lambda it: lab_map(it.topology, it.cluster, it.addresses, it.network, self._name).to_json(),
            "cluster": lambda it: listing(it.cluster, it.addresses, self._started),
            "status": self._status,
            "drift": self._drift,
        }
        return readings[what](self._standing())

    def objects(self, places: Sequence[str], kinds: Sequence[str]) -> Any:  # noqa: ANN401
        """What these places should hold, as JSON: their objects of these kinds, in the design's order."""
        return to_plain(self._standing().network.only(frozenset(places)), kinds)

    def intents(self, rules: Sequence[Sequence[str]]) -> list[str]:
        """What each rule is there for: given as place, table, chain and text, without a text the chain itself.

        "" where the design has no such rule.
        """
        network = self._standing().network
        return [_intent(network.by_key.get(("chain", place, table, name)), text) for place, table, name, text in rules]

    def place(self, name: str) -> str:
        """The full name of the place that is meant: a pod may be named without its namespace where only one has it."""
        network = self._standing().network
        places = (UNDERLAY, *network.places)
        if name in places:
            return name
        pods = [place for place in places if place.rpartition("/")[2] == name]
        if len(pods) > 1:
            raise UsageError(f"{name!r} is the name of several pods", f"one of: {', '.join(pods)}")
        if not pods:
            raise UsageError(f"there is no place {name!r} in lab {self._name!r}", f"one of: {_some(places)}")
        return pods[0]

    def _standing(self) -> Design:
        if self._design is None:
            raise LabError(f"lab {self._name!r} is not up yet", "wait for its `up` to end")
        return self._design

    def _status(self, it: Design) -> Message:
        kinds = [item.kind for item in it.network if isinstance(item, Namespace)]
        return {
            "lab": self._name,
            "file": it.file,
            "started": self._started,
            "places": {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)},
            "services": len(it.cluster.services),
            "cni": it.topology.spec.cni.plugin,
            "encapsulation": it.topology.spec.cni.encapsulation,
        }

    def _drift(self, it: Design) -> list[dict[str, str]]:
        """What of the kernel's state is not as the file says, everything read afresh."""
        return summary(plan(it.network, observe(self._holdings, it.network)))


def _intent(chain: Object | None, text: str) -> str:
    if not isinstance(chain, Chain):
        return ""
    return next((rule.intent for rule in chain.rules if rule.text == text), "") if text else chain.intent


def _some(places: Sequence[str]) -> str:
    return ", ".join(places) if len(places) <= MOST_NAMED else f"{', '.join(places[:MOST_NAMED])} …"
