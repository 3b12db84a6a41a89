"""Carrying out a plan: netlink in one batch per place, rules in one load per place, side by side."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import TypeVar

from lab.errors import KernelError
from lab.kernel import files, rules, step_requests, sysctl
from lab.kernel.cancelled import Cancelled
from lab.kernel.holdings import Holdings
from lab.kernel.netlink import Request, RequestError, RouteSocket
from lab.kernel.readiness import wait_until_ready
from lab.kernel.rtnetlink import device_settings, interface
from lab.network.objects import (
    Address,
    FdbEntry,
    File,
    Interface,
    IpSet,
    Listener,
    Namespace,
    Neighbour,
    Network,
    Process,
    Route,
    Symlink,
    Sysctl,
)
from lab.plan import Plan, RuleStep, Step
from lab.plan.commands import commands, ipset_input
from lab.plan.restore import restore_input

Progress = Callable[[int, str], None]
T = TypeVar("T")
PROCESSORS = os.cpu_count() or 1


def apply(holdings: Holdings, plan: Plan, desired: Network, progress: Progress, cancelled: Callable[[], bool]) -> None:
    """Carry out all steps. KernelError names the step, the kernel's words and the command; Cancelled when
    `cancelled()` says so.

    `progress(number, place)` is told how many steps of which place were just done.
    """
    _Application(holdings, desired, progress, cancelled).run(plan)


class _Application:
    def __init__(self, holdings: Holdings, desired: Network, progress: Progress, cancelled: Callable[[], bool]) -> None:
        self._holdings = holdings
        self._desired = desired
        self._progress = progress
        self._cancelled = cancelled
        self._loading: list[rules.Running] = []
        self._waiting: deque[RuleStep] = deque()
        self._fresh: dict[str, int] = {}

    def run(self, plan: Plan) -> None:
        removals = [step for step in plan.steps if isinstance(step, Step) and step.action == "remove"]
        others = [step for step in plan.steps if isinstance(step, RuleStep) or step.action != "remove"]
        # A set cannot go while rules still name it.
        sets = [step for step in removals if isinstance(step.object, IpSet)]
        self._remove([step for step in removals if not isinstance(step.object, IpSet)])
        serving: list[Step] = []
        try:
            for place, steps in groupby(others, key=_place_or_new):
                if self._cancelled():
                    raise Cancelled
                if place:
                    serving += self._place(place, _Kinds(steps))
                else:
                    self._create_all(list(steps))
            # New servers come up while the rules still load; who waits until they are ready waits for both.
            self._serve([step for step in serving if not isinstance(step.before, Process)])
            self._finish_loading()
        finally:
            for running in self._loading:
                running.process.kill()
                running.process.communicate()
        self._remove(sets)
        self._serve([step for step in serving if isinstance(step.before, Process)])

    def _place(self, place: str, kinds: _Kinds) -> list[Step]:
        """Everything of one place but its servers, which are given back."""
        self._load_sets(place, kinds[IpSet])
        self._waiting.extend(kinds.rules)
        # A processor stays ours: more programs at once would only make the links wait.
        self._load_rules(beside=max(1, PROCESSORS - 1))
        self._settings(place, kinds[Sysctl])
        self._netlink(place, kinds)
        for step in (*kinds[File], *kinds[Symlink]):
            assert isinstance(step.object, File | Symlink)
            _guarded(step, files.write, step.object)
        self._progress(kinds.number, place)
        return [*kinds[Listener], *kinds[Process]]

    def _create_all(self, steps: Sequence[Step | RuleStep]) -> None:
        for step in steps:
            self._create(step)
        self._progress(len(steps), "places")

    def _create(self, step: Step | RuleStep) -> None:
        if step.place in self._holdings.namespaces:
            _guarded(step, self._holdings.namespaces.name, step.place)  # somebody took only its name away
            return
        _guarded(step, self._holdings.namespaces.create, step.place)
        if not self._fresh:
            # Not only lo: the ipip module, once loaded, puts its tunl0 into every new namespace.
            with self._holdings.namespaces.entered(step.place), RouteSocket() as netlink:
                self._fresh = interface.read(netlink, step.place).indexes
        self._holdings.changes.follow(step.place, self._holdings.namespaces.fd(step.place))
        self._holdings.indexes[step.place] = dict(self._fresh)

    def _load_sets(self, place: str, steps: Sequence[Step]) -> None:
        text = "".join(ipset_input(step.object) for step in steps if isinstance(step.object, IpSet))
        if text:
            rules.start_ipset(self._holdings.namespaces, place, text).result()

    def _load_rules(self, beside: int) -> None:
        """Have at most so many programs load rules at this moment, starting those that wait."""
        for program in [program for program in self._loading if program.process.poll() is not None]:
            self._loading.remove(program)
            program.result()
        while self._waiting and len(self._loading) < beside:
            step = self._waiting.popleft()
            text = restore_input(step.changes)
            self._loading.append(rules.start_restore(self._holdings.namespaces, step.place, text))

    def _finish_loading(self) -> None:
        self._load_rules(beside=PROCESSORS)
        while self._loading:
            self._loading.pop(0).result()
            self._load_rules(beside=PROCESSORS)

    def _settings(self, place: str, steps: Sequence[Step]) -> None:
        """Those that are files, before any link is made: new links inherit from them."""
        items = [(step, step.object) for step in steps if isinstance(step.object, Sysctl)]
        chosen = [(step, item) for step, item in items if device_settings.device_of(item.name) is None]
        if chosen:
            with self._holdings.namespaces.entered(place):
                for step, item in chosen:
                    _guarded(step, sysctl.write, item)

    def _netlink(self, place: str, kinds: _Kinds) -> None:
        requests: list[Request] = []
        owners: list[Step] = []
        for step, made in self._requests(place, kinds):
            requests += made
            owners += [step] * len(made)
        if requests:
            self._execute(place, requests, owners)

    def _execute(self, place: str, requests: list[Request], owners: list[Step]) -> None:
        try:
            with self._holdings.namespaces.entered(place), RouteSocket() as netlink:
                netlink.execute(requests)
        except RequestError as error:
            raise _failure(owners[error.position], error) from error

    def _requests(self, place: str, kinds: _Kinds) -> Iterator[tuple[Step, list[Request]]]:
        """Links are all made before the first is brought up: the first may be a port of the second."""
        indexes = self._holdings.indexes.setdefault(place, {"lo": 1})
        settings = step_requests.device_settings_of(kinds[Sysctl])
        links = [(step, step.object) for step in kinds[Interface] if isinstance(step.object, Interface)]
        for step, item in links:
            if step.action == "add" and item.primary and item.name not in indexes:
                yield step, [self._link(item, indexes)]
        for step, item in links:
            if step.action == "add" and (item.primary or item.up):
                yield step, interface.bring_up(item, indexes, settings.pop(item.name, ()))
            else:
                assert step.before is None or isinstance(step.before, Interface)
                yield step, interface.change(item, indexes, step.before)
        for device, pairs in settings.items():
            owner = next(
                step for step in kinds[Sysctl] if isinstance(step.object, Sysctl) and f".{device}." in step.object.name
            )
            yield owner, [interface.set_device(indexes[device], pairs)]
        for kind in (Sysctl, Address, Route, Neighbour, FdbEntry):
            for step in kinds[kind]:
                yield step, list(step_requests.additions(step, indexes))

    def _link(self, item: Interface, indexes: dict[str, int]) -> Request:
        index = indexes[item.name] = max(indexes.values()) + 1
        peer = None
        if item.kind == "veth":
            other = self._desired.by_key["link", item.peer_place, item.peer_name]
            assert isinstance(other, Interface)
            there = self._holdings.indexes.setdefault(item.peer_place, {"lo": 1})
            there[other.name] = max(there.values()) + 1
            peer = (other, there[other.name], self._holdings.namespaces.fd(item.peer_place))
        return interface.add(item, index, indexes, peer)

    def _remove(self, steps: Sequence[Step]) -> None:
        for step in steps:
            item = step.object
            if isinstance(item, Process):
                self._holdings.processes.stop(item)
            elif isinstance(item, File | Symlink):
                self._holdings.files.pop(item.key, None)
                _guarded(step, files.remove, item)
            elif isinstance(item, IpSet):
                rules.start_ipset(self._holdings.namespaces, item.place, f"destroy {item.name}\n").result()
            elif isinstance(item, Namespace):
                self._holdings.namespaces.remove(item.place)
                self._holdings.changes.forget(item.place)
                self._holdings.indexes.pop(item.place, None)
            elif not isinstance(item, Listener):
                self._remove_by_netlink(step)
        stopped = [step.object for step in steps if isinstance(step.object, Listener)]
        if stopped:
            self._holdings.listeners.change(stopped, ())

    def _remove_by_netlink(self, step: Step) -> None:
        indexes = self._holdings.indexes[step.place]
        requests = list(step_requests.removals(step, indexes))
        self._execute(step.place, requests, [step] * len(requests))
        if isinstance(step.object, Interface):
            indexes.pop(step.object.name, None)
            peer = self._holdings.peers.get((step.place, step.object.name))
            if peer and peer[0] in self._holdings.indexes:
                self._holdings.indexes[peer[0]].pop(peer[1], None)

    def _serve(self, steps: Sequence[Step]) -> None:
        stale = [step.before for step in steps if isinstance(step.before, Listener)]
        wanted = [step.object for step in steps if isinstance(step.object, Listener)]
        if wanted:
            self._holdings.listeners.change(stale, wanted)
        for step in steps:
            if not isinstance(step.object, Process):
                continue
            if isinstance(step.before, Process):
                self._holdings.processes.stop(step.before)
            _guarded(step, self._holdings.processes.start, step.object)
            if isinstance(step.before, Process):
                # One DNS server at a time: while one is started anew the others answer.
                wait_until_ready(self._holdings, self._desired, self._cancelled, (step.object,))


class _Kinds:
    """The steps of one place by the kind of their object, in the plan's order."""

    def __init__(self, steps: Iterable[Step | RuleStep]) -> None:
        self._steps: dict[type, list[Step]] = {}
        self.rules: list[RuleStep] = []
        self.number = 0
        for step in steps:
            self.number += 1
            if isinstance(step, RuleStep):
                self.rules.append(step)
            else:
                self._steps.setdefault(type(step.object), []).append(step)

    def __getitem__(self, kind: type) -> list[Step]:
        return self._steps.get(kind, [])


def _place_or_new(step: Step | RuleStep) -> str:
    return "" if isinstance(step, Step) and isinstance(step.object, Namespace) else step.place


def _guarded(step: Step | RuleStep, action: Callable[[T], None], subject: T) -> None:
    try:
        action(subject)
    except OSError as error:
        raise _failure(step, error) from error


def _failure(step: Step | RuleStep, error: OSError) -> KernelError:
    command = commands(step)
    return KernelError(f"{step.place}: {error.strerror or error}", f"by hand in `./inv shell`: {command}")
