"""Probes that are really run, from each pod's node into the pod, as a kubelet's prober runs them.

A timer of the loop for each probe, a task only while it is under way; many at once wait their turn, and the time they
have counts from then. While a startup probe has not succeeded, the others do not begin.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, KeysView, Mapping
from dataclasses import dataclass, field
from zlib import crc32

from lab.agent.kubelet.children import Children
from lab.agent.kubelet.dialling import DialError, Enter, dial
from lab.agent.kubelet.execprobe import run
from lab.agent.kubelet.httpget import HttpProbe
from lab.agent.kubelet.probes import (
    LIVENESS,
    READINESS,
    STARTUP,
    Exec,
    GrpcHealth,
    HttpGet,
    Impossible,
    Probe,
    ProbeTarget,
    Result,
    Tally,
    TcpSocket,
)

AT_ONCE = 32

Changed = Callable[[str, str, bool, str], None]
Failed = Callable[[str, str, str], None]


@dataclass(slots=True)
class _Watched:
    """A pod's container since its (last) start."""

    target: ProbeTarget
    probes: Mapping[str, Probe]
    since: float
    workers: dict[str, _Worker] = field(default_factory=dict)


@dataclass(slots=True)
class _Worker:
    """One probe of one container; `due` is the loop's time of the next. `phase` is what the first interval is shorter
    by, in seconds: containers that start together are not probed together for ever.
    """

    kind: str
    tally: Tally
    due: float
    phase: float
    timer: asyncio.TimerHandle | None = None
    task: asyncio.Task[None] | None = None
    over: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How a container stands by its probes; a kind that it does not have counts as passed."""

    started: bool
    ready: bool
    alive: bool


class Prober:
    """All of the lab's probes; pods are known by their places.

    `changed(place, kind, ok, message)` tells what crossed its threshold, before that `failed(place, kind, message)`
    each failure; both on the loop, and they may call back. Exec probes are `children`. Readiness begins as failed,
    liveness as passed. A container whose liveness or startup has failed is probed no more until it is `restarted`.
    """

    def __init__(
        self,
        enter: Enter,
        changed: Changed,
        failed: Failed,
        children: Children | None = None,
        at_once: int = AT_ONCE,
    ) -> None:
        self.children = children or Children()
        self._enter = enter
        self._changed = changed
        self._failed = failed
        self._turns = asyncio.Semaphore(at_once)
        self._watched: dict[str, _Watched] = {}
        self.stopped: frozenset[str] = frozenset()  # nodes from which nobody probes

    @property
    def watched(self) -> KeysView[str]:
        """The pods that are probed."""
        return self._watched.keys()

    def watches(self, place: str, node: str, address: str) -> bool:
        """Whether the pod is probed, from that node at that address."""
        watched = self._watched.get(place)
        return watched is not None and watched.target == ProbeTarget(place, node, address)

    def watch(self, place: str, node: str, address: str, probes: Mapping[str, Probe]) -> None:
        """Probe a pod, whose container starts now, from its node. One that is watched begins anew."""
        self.forget(place)
        now = asyncio.get_running_loop().time()
        watched = self._watched[place] = _Watched(ProbeTarget(place, node, address), dict(probes), now)
        self._begin(watched, (STARTUP,) if STARTUP in probes else (READINESS, LIVENESS))

    def restarted(self, place: str) -> None:
        """The container has started anew: not ready, and probed from the beginning. Nothing if it is not watched."""
        watched = self._watched.get(place)
        if watched is not None:
            self.watch(place, watched.target.node, watched.target.address, watched.probes)

    def forget(self, place: str) -> None:
        """The pod goes: nothing more is told of it. Nothing if it is not watched."""
        watched = self._watched.pop(place, None)
        for worker in watched.workers.values() if watched else ():
            _end(worker)

    def standing(self, place: str) -> Standing | None:
        """How the pod's container stands; None if it is not watched."""
        watched = self._watched.get(place)
        if watched is None:
            return None
        told = {kind: worker.tally.standing for kind, worker in watched.workers.items()}
        started = STARTUP not in watched.probes or bool(told.get(STARTUP))
        ready = started and (READINESS not in watched.probes or bool(told.get(READINESS)))
        return Standing(started, ready, told.get(LIVENESS) is not False and told.get(STARTUP) is not False)

    def _begin(self, watched: _Watched, kinds: tuple[str, ...]) -> None:
        loop = asyncio.get_running_loop()
        for kind in kinds:
            probe = watched.probes.get(kind)
            if probe is None:
                continue
            initial = {READINESS: False, LIVENESS: True}.get(kind)
            due = max(loop.time(), watched.since + probe.initial_delay)
            phase = probe.period * (crc32(watched.target.place.encode()) % 1000) / 2000
            worker = watched.workers[kind] = _Worker(kind, Tally(probe, initial), due, phase)
            worker.timer = loop.call_at(due, self._probe, watched, worker)

    def _probe(self, watched: _Watched, worker: _Worker) -> None:
        worker.timer = None
        worker.task = asyncio.get_running_loop().create_task(self._round(watched, worker))

    async def _round(self, watched: _Watched, worker: _Worker) -> None:
        probe = worker.tally.probe
        if watched.target.node not in self.stopped:
            async with self._turns:
                result = await self._result(watched.target, probe)
            worker.task = None
            self._count(watched, worker, result)
        worker.task = None
        if worker.over:
            return
        # A probe that took longer than its period has missed its turns: the next is at the next multiple of it.
        now = asyncio.get_running_loop().time()
        worker.due += probe.period * max(1, -(-(now - worker.due) // probe.period)) - worker.phase
        worker.phase = 0.0
        worker.timer = asyncio.get_running_loop().call_at(worker.due, self._probe, watched, worker)

    def _count(self, watched: _Watched, worker: _Worker, result: Result) -> None:
        changes = worker.tally.count(result.ok)
        if not result.ok:
            self._failed(watched.target.place, worker.kind, result.message)
        if worker.over or not changes:
            return
        if worker.kind == STARTUP or (worker.kind == LIVENESS and not result.ok):
            # A startup probe has said all that it can; one that is to be restarted is left in peace until then.
            for one in watched.workers.values() if not result.ok else (worker,):
                _end(one)
        self._changed(watched.target.place, worker.kind, result.ok, result.message)
        if worker.kind == STARTUP and result.ok and self._watched.get(watched.target.place) is watched:
            self._begin(watched, (READINESS, LIVENESS))

    async def _result(self, target: ProbeTarget, probe: Probe) -> Result:
        match probe.action:
            case HttpGet() as wanted:
                return await HttpProbe(self._enter, target.node, target.address, wanted).run(probe.timeout)
            case Exec(argv):
                return await run(self.children, target.place, argv, probe.timeout)
            case TcpSocket(port, host):
                return await self._connects(target.node, host or target.address, port, probe.timeout)
            case GrpcHealth() as asked:
                from lab.agent.kubelet.grpchealth import GrpcProbe  # noqa: PLC0415  30 ms for a kind that few pods have

                return await GrpcProbe(self._enter, target.node, target.address, asked).run(probe.timeout)
            case Impossible(why):
                return Result(False, why)

    async def _connects(self, node: str, host: str, port: int, seconds: float) -> Result:
        try:
            async with asyncio.timeout(seconds):
                connection = await dial(self._enter, node, host, port)
        except TimeoutError:
            return Result(False, f"dial tcp {host}:{port}: i/o timeout")
        except DialError as error:
            return Result(False, str(error))
        connection.close()
        return Result(True)


def _end(worker: _Worker) -> None:
    worker.over = True
    if worker.timer:
        worker.timer.cancel()
    if worker.task:
        worker.task.cancel()
