"""Carrying out a plan: netlink in one batch per place, rules in one load per place, side by side."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from itertools import groupby

from lab.errors import KernelError
from lab.kernel import files, sysctl
from lab.kernel.cancelled import Cancelled
from lab.kernel.changeover import run
from lab.kernel.failure import failure, guarded
from lab.kernel.holdings import Holdings
from lab.kernel.netlink import offload, step_requests
from lab.kernel.netlink.rtnetlink import device_settings, interface
from lab.kernel.netlink.transport import Request, RequestError, RouteSocket
from lab.kernel.place_requests import PlaceRequests
from lab.kernel.rules import iptables
from lab.kernel.rules.loaders import Loading
from lab.kernel.step_kinds import NEED_LINKS, Kinds, holds_sets, is_anywhere, needs_all, place_or_new, says_other
from lab.network.objects import (
    File,
    Interface,
    IpSet,
    Listener,
    Namespace,
    Network,
    Offload,
    Process,
    RealServer,
    Symlink,
    Sysctl,
    VirtualServer,
    WireguardDevice,
    WireguardPeer,
)
from lab.plan import AnyStep, NftStep, Plan, RuleStep, Step
from lab.plan.commands import ipset_input

Progress = Callable[[int, str], None]
PROCESSORS = os.cpu_count() or 1
# Programs that load rules wait for the kernel half of their time.
LOADS_AT_ONCE = max(4, PROCESSORS)


def apply(
    holdings: Holdings,
    plan: Plan,
    desired: Network,
    progress: Progress,
    cancelled: Callable[[], bool],
    lap: Callable[[str], None],
) -> None:
    """Carry out all steps. KernelError names the step, the kernel's words and the command; Cancelled when
    `cancelled()` says so.

    `progress(number, place)` is told how many steps of which place were just done, `lap` when all links and rules are
    there ("rules") and when the programs that had to be started anew answer ("programs").
    """
    _Application(holdings, desired, progress, cancelled, lap).run(plan)


class _Application:
    def __init__(
        self,
        holdings: Holdings,
        desired: Network,
        progress: Progress,
        cancelled: Callable[[], bool],
        lap: Callable[[str], None],
    ) -> None:
        self._lap = lap
        self._holdings = holdings
        self._desired = desired
        self._requests = PlaceRequests(holdings, desired)
        self._progress = progress
        self._cancelled = cancelled
        self._loading = Loading(holdings.namespaces)
        self._fresh: dict[str, int] = {}
        self._ordered: dict[int, list[Step]] = {}  # whose requests each order of the hand's is
        self._behind: deque[tuple[int, RuleStep | NftStep]] = deque()  # rules that wait for that order
        self._reached: set[str] = set()  # places that get a link by an order
        self._refusal: KernelError | None = None

    def run(self, plan: Plan) -> None:
        removals = [step for step in plan.steps if isinstance(step, Step) and step.action == "remove"]
        others = [step for step in plan.steps if not isinstance(step, Step) or step.action != "remove"]
        # A set cannot go while rules, or a set of sets, still name it; a real server not before there is another.
        sets = sorted((one for one in removals if isinstance(one.object, IpSet)), key=holds_sets, reverse=True)
        balanced = [step for step in removals if isinstance(step.object, VirtualServer | RealServer)]
        self._remove([step for step in removals if not isinstance(step.object, IpSet | VirtualServer | RealServer)])
        serving: list[Step] = []
        try:
            places = [(place, Kinds(steps)) for place, steps in groupby(others, key=place_or_new)]
            if any(kinds[Listener] for _, kinds in places):
                self._holdings.listeners.begin()
            for place, kinds in places:
                if place:
                    self._settings(place, kinds[Sysctl], of_links=False)
                else:
                    self._create_all(kinds[Namespace])
            for place, kinds in places:
                if self._cancelled():
                    raise Cancelled
                if place:
                    serving += self._place(place, kinds)
            if self._holdings.hand:  # while it still makes links
                self._serve([step for step in serving if is_anywhere(step)])
                serving = [step for step in serving if not is_anywhere(step)]
            self._links_done()
            self._load_behind()
            # New servers come up while the rules still load; who waits until they are ready waits for both.
            self._serve([step for step in serving if not needs_all(step)])
            self._loading.finish(beside=LOADS_AT_ONCE)
        finally:
            self._loading.end()
            self._holdings.let_go_of_hand()
        self._remove(sets)
        self._holdings.balancing.remove(balanced)
        self._lap("rules")
        self._serve([step for step in serving if needs_all(step)])
        self._lap("programs")
        if self._refusal is not None:
            raise self._refusal

    def _place(self, place: str, kinds: Kinds) -> list[Step]:
        """Everything of one place but its servers, which are given back."""
        self._load_sets(place, kinds[IpSet])
        self._settings(place, kinds[Sysctl], of_links=True)
        self._netlink(place, kinds)
        # After the links: the kernel takes in no link of a place while it takes in rules there, and meanwhile none of
        # any other place.
        self._behind += ((max(self._ordered, default=0), loaded) for loaded in kinds.rules)
        self._load_behind()
        if any(kinds[kind] for kind in NEED_LINKS):
            self._links_done()
        self._encrypt(place, [*kinds[WireguardDevice], *kinds[WireguardPeer]])
        self._holdings.balancing.carry_out(place, [*kinds[VirtualServer], *kinds[RealServer]])
        self._offloads(place, kinds[Offload])
        for step in (*kinds[File], *kinds[Symlink]):
            assert isinstance(step.object, File | Symlink)
            guarded(step, files.write, step.object)
        self._progress(kinds.number, place)
        return [*kinds[Listener], *kinds[Process]]

    def _create_all(self, steps: Sequence[AnyStep]) -> None:
        made: dict[str, int] = {}
        for step in steps:
            if step.place in self._holdings.namespaces:  # somebody took only its name away
                guarded(step, self._holdings.namespaces.name, step.place)
            else:
                made[step.place] = self._create(step)
        self._holdings.changes.follow(made)
        self._progress(len(steps), "places")

    def _create(self, step: AnyStep) -> int:
        hand = self._holdings.hand
        made = hand.namespace() if hand else None
        guarded(step, lambda place: self._holdings.namespaces.create(place, made), step.place)
        if not self._fresh:
            # Not only lo: the ipip module, once loaded, puts its tunl0 into every new namespace.
            with self._holdings.namespaces.entered(step.place), RouteSocket() as netlink:
                self._fresh = interface.read(netlink, step.place).indexes
        self._holdings.indexes[step.place] = dict(self._fresh)
        return self._holdings.namespaces.fd(step.place)

    def _load_sets(self, place: str, steps: Sequence[Step]) -> None:
        ordered = sorted(steps, key=holds_sets)
        text = "".join(
            ipset_input(step.object, step.before if isinstance(step.before, IpSet) else None)
            for step in ordered
            if isinstance(step.object, IpSet)
        )
        if text:
            iptables.start_ipset(self._holdings.namespaces, place, text).result()

    def _settings(self, place: str, steps: Sequence[Step], *, of_links: bool) -> None:
        """Those that are files. What is not about one link comes before any link of any place is made: new links
        inherit from it, and the kernel takes it in only while nobody makes links.
        """
        items = [(step, step.object) for step in steps if isinstance(step.object, Sysctl)]
        in_files = [(step, item) for step, item in items if device_settings.device_of(item.name) is None]
        chosen = [(step, item) for step, item in in_files if bool(sysctl.link_of(item.name)) == of_links]
        if chosen:
            if of_links and place in self._reached:
                self._links_done()
            with self._holdings.namespaces.entered(place):
                for step, item in chosen:
                    guarded(step, sysctl.write, item)

    def _encrypt(self, place: str, steps: Sequence[Step]) -> None:
        if steps:
            from lab.kernel.netlink import wireguard  # noqa: PLC0415  pyroute2 for these devices alone

            with self._holdings.namespaces.entered(place):
                wireguard.carry_out(steps)

    def _offloads(self, place: str, steps: Sequence[Step]) -> None:
        if steps:
            with self._holdings.namespaces.entered(place):
                for step in steps:
                    assert isinstance(step.object, Offload)
                    guarded(step, offload.switch_off, step.object)

    def _netlink(self, place: str, kinds: Kinds) -> None:
        requests: list[Request] = []
        owners: list[Step] = []
        for step, made in self._requests.of(place, kinds):
            requests += made
            owners += [step] * len(made)
        hand = self._holdings.hand
        if requests and hand:
            self._reached |= {step.object.peer_place for step in kinds[Interface] if isinstance(step.object, Interface)}
            for number, start in hand.order(self._holdings.namespaces.fd(place), requests):
                self._ordered[number] = owners[start:]
        elif requests:
            self._execute(place, requests, owners)

    def _links_done(self) -> None:
        """Until the hand has carried out all orders. KernelError of the first that failed."""
        hand = self._holdings.hand
        if not hand or not self._ordered:
            return
        while hand.done < hand.given:
            hand.wait(self._behind[0][0] if self._behind else hand.given)
            self._load_behind()
        if failed := hand.finish():
            order, error = failed
            raise failure(self._ordered[order][error.position], error) from error

    def _load_behind(self) -> None:
        """Have the rules loaded whose place has its links by now. Where there are many, a processor stays ours."""
        hand = self._holdings.hand
        done = hand.done if hand else 0
        while self._behind and self._behind[0][0] <= done:
            self._loading.add(self._behind.popleft()[1])
        self._loading.advance(beside=max(1, PROCESSORS - 1) if hand else LOADS_AT_ONCE)

    def _execute(self, place: str, requests: list[Request], owners: list[Step]) -> None:
        try:
            with self._holdings.namespaces.entered(place), RouteSocket() as netlink:
                netlink.execute(requests)
        except RequestError as error:
            raise failure(owners[error.position], error) from error

    def _remove(self, steps: Sequence[Step]) -> None:
        for step in steps:
            item = step.object
            if isinstance(item, Process):
                self._holdings.processes.stop(item)
            elif isinstance(item, File | Symlink):
                self._holdings.files.pop(item.key, None)
                guarded(step, files.remove, item)
            elif isinstance(item, Offload):
                with self._holdings.namespaces.entered(item.place):
                    guarded(step, offload.switch_on, item)
            elif isinstance(item, WireguardPeer):
                self._encrypt(item.place, [step])
            elif isinstance(item, IpSet):
                iptables.start_ipset(self._holdings.namespaces, item.place, f"destroy {item.name}\n").result()
            elif isinstance(item, Namespace):
                self._holdings.namespaces.remove(item.place)
                self._holdings.processes.forget(item.place)
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
        said = [step.object for step in steps if says_other(step)]
        stale = [step.before for step in steps if isinstance(step.before, Listener) and not says_other(step)]
        wanted = [step.object for step in steps if isinstance(step.object, Listener) and not says_other(step)]
        if said:
            self._holdings.listeners.say([one for one in said if isinstance(one, Listener)])
        if wanted:
            try:
                self._holdings.listeners.change(stale, wanted)
            except KernelError as refusal:  # what the others need is done all the same
                self._refusal = self._refusal or refusal
        programs = [step for step in steps if isinstance(step.object, Process)]
        run(programs, self._holdings, self._desired, self._cancelled)
