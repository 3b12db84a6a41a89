"""What people, and faults, want stopped in a lab: the one place where that is kept, and what follows at once."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lab.network.components import (
    CONTROLLERS,
    DNS,
    KUBE_PROXY,
    NONE_STALE,
    PROBES,
    Component,
    Stale,
    Stop,
    named,
    places,
    stopped,
)

if TYPE_CHECKING:
    from lab.agent.kubelet.kubelet import Kubelet
    from lab.agent.kubelet.probing import Prober
    from lab.cluster.objects import Cluster
    from lab.control.plane import Picture
    from lab.control.queue import Runner


class Stops:
    """Those of one lab. They outlast every `up`; a place that goes takes its own with it."""

    def __init__(self, runner: Runner, kubelet: Kubelet, prober: Prober) -> None:
        self._runner, self._kubelet, self._prober = runner, kubelet, prober
        self.all: tuple[Stop, ...] = ()
        self.stale: Stale = NONE_STALE

    def stop(self, component: Component, places_: Iterable[str], now: Picture) -> tuple[Stop, ...]:
        """Stop it there. Gives what was not stopped before. `now` is what the kernel has followed."""
        before = stopped(self.all, component.name)
        made = tuple(Stop(component.name, place, time.time()) for place in places_ if place not in before)
        self._keep((*self.all, *made), now)
        return made

    def start(self, component: Component, places_: Iterable[str], now: Picture) -> tuple[Stop, ...]:
        """Start it there. Gives what was stopped until now."""
        there = frozenset(places_)
        gone = tuple(one for one in self.all if one.component == component.name and one.place in there)
        self._keep(tuple(one for one in self.all if one not in gone), now)
        return gone

    def forget_gone(self, cluster: Cluster, now: Picture) -> None:
        """What was stopped in places that are no more is not stopped any more."""
        if self.all:
            self._keep(tuple(one for one in self.all if one.place in places(named(one.component), cluster)), now)

    def _keep(self, stops: tuple[Stop, ...], now: Picture) -> None:
        self.all = stops
        # A kube-proxy knows what it knew when it was stopped.
        nodes = stopped(stops, KUBE_PROXY)
        self.stale = {node: self.stale.get(node, (now.cluster, now.addresses)) for node in sorted(nodes)}
        self._runner.stopped = bool(stopped(stops, CONTROLLERS))
        self._prober.stopped = stopped(stops, PROBES)
        self._kubelet.hold_down(stopped(stops, DNS))
