"""The programs of a cluster that may be stopped and started by themselves, as faults and people want it: a table.

What is stopped is a part of the agent's state; what follows from it is worked out where each program's work is: a
design has the rules that a stopped kube-proxy left (`Design.stale`), the controllers' queue is not worked on, probes
are not sent, a DNS server's container does not run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from lab.errors import UsageError
from lab.suggestion import did_you_mean

if TYPE_CHECKING:
    from lab.cluster.objects import Cluster
    from lab.network.ipam import Addresses

KUBE_PROXY, DNS, CONTROLLERS, PROBES = "kube-proxy", "dns", "controllers", "probes"
NODES, DNS_PODS, CLUSTER = "nodes", "dns pods", ""


@dataclass(frozen=True, slots=True)
class Component:
    """`on` says of what places each has one of its own, "" for the one that the whole cluster has. `also` are its names
    elsewhere; `stopped` says what is so while it is stopped.
    """

    name: str
    on: str
    also: tuple[str, ...]
    stopped: str


COMPONENTS = (
    Component(KUBE_PROXY, NODES, ("proxy",), "the node's rules and remembered flows do not follow the API"),
    Component(DNS, DNS_PODS, ("coredns", "dnsmasq", "kube-dns"), "the pod's DNS server does not run"),
    Component(
        CONTROLLERS,
        CLUSTER,
        ("kube-controller-manager", "kube-scheduler", "controller-manager"),
        "nothing follows from objects: no pod of a Deployment is made, no EndpointSlice changes",
    ),
    Component(PROBES, NODES, ("kubelet",), "pods of the node stay as ready as they were: nobody probes them"),
)


@dataclass(frozen=True, slots=True)
class Stop:
    """A component that somebody wants stopped, `since` seconds since 1970; `place` is "" for the whole cluster's."""

    component: str
    place: str = ""
    since: float = 0.0

    @property
    def where(self) -> str:
        """`kube-proxy on node-1`, `controllers`."""
        return f"{self.component} on {self.place}" if self.place else self.component

    @property
    def told(self) -> str:
        """In a line, with what brings it back."""
        on = f" --on {self.place}" if self.place else ""
        return f"{self.where} is stopped: {named(self.component).stopped} (./inv component.start {self.component}{on})"


Proxied = tuple["Cluster", "Addresses"]
"""What a kube-proxy has programmed: the cluster at the moment at which it was stopped."""

Stale = Mapping[str, Proxied]
"""By node, where kube-proxy is stopped."""

NONE_STALE: Stale = MappingProxyType({})


def named(name: str) -> Component:
    """The component of that name, or of one that it has elsewhere. UsageError."""
    for one in COMPONENTS:
        if name == one.name or name in one.also:
            return one
    known = [name for one in COMPONENTS for name in (one.name, *one.also)]
    names = ", ".join(one.name for one in COMPONENTS)
    raise UsageError(f"there is no component {name!r}", did_you_mean(name, known, f"one of: {names}"))


def places(component: Component, cluster: Cluster) -> tuple[str, ...]:
    """Where a cluster has it."""
    if component.on == NODES:
        return cluster.nodes
    if component.on == DNS_PODS:
        return tuple(pod.place for pod in cluster.pods if pod.system)
    return ("",)


def chosen(component: Component, on: str, cluster: Cluster) -> tuple[str, ...]:
    """The places that are meant: all that have it, or the one that is named. UsageError."""
    there = places(component, cluster)
    if not on:
        return there
    if component.on == CLUSTER:
        raise UsageError(f"the cluster has one {component.name}, on no place in particular", "leave out --on")
    found = [place for place in there if on in (place, place.rpartition("/")[2])]
    if not found:
        raise UsageError(f"there is no {component.name} on {on!r}", did_you_mean(on, there, f"it is on {_some(there)}"))
    return tuple(found)


def stopped(stops: Iterable[Stop], component: str) -> frozenset[str]:
    """Where it is stopped."""
    return frozenset(stop.place for stop in stops if stop.component == component)


def _some(names: Iterable[str]) -> str:
    return ", ".join(names)
