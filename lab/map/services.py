"""Services as readers of a lab see them: ports, and the endpoints behind each, ready or not, with why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a Service port leads: `pod` is its place, "" for a bare address.

    `node` is where a bare address is, if that is known; `LabMap.node_of` tells it of any endpoint. `serving` is said of
    one that is `terminating` only: then it is the last resort. `why` says why it is not ready, "" for one that is.
    `for_nodes` and `for_zones` are hints: for whose traffic it is meant.
    """

    address: str
    port: int
    pod: str = ""
    ready: bool = True
    serving: bool = False
    terminating: bool = False
    node: str = ""
    why: str = ""
    for_nodes: tuple[str, ...] = ()
    for_zones: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The pod, or the bare address."""
        return self.pod or self.address

    @property
    def leaving(self) -> bool:
        """Whether it serves while it terminates."""
        return self.serving and self.terminating


def preferred(endpoints: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
    """The ready ones; where there are none, those that serve while they terminate. Source: kube-proxy."""
    ready = tuple(one for one in endpoints if one.ready)
    return ready or tuple(one for one in endpoints if one.leaving)


@dataclass(frozen=True, slots=True)
class ServicePort:
    """`protocol` is TCP, UDP or SCTP, as Kubernetes writes it. Where there is no endpoint at all, or nobody listens
    behind it, `why` says why. `mends` are the kubectl commands that have it answered then, as far as they are known.
    """

    port: int
    protocol: str = "TCP"
    name: str = ""
    node_port: int = 0
    endpoints: tuple[Endpoint, ...] = ()
    why: str = ""
    mends: tuple[str, ...] = ()

    @property
    def preferred(self) -> tuple[Endpoint, ...]:
        """Those that get traffic, as far as policies let them."""
        return preferred(self.endpoints)


@dataclass(frozen=True, slots=True)
class Service:
    """`cluster_ip` is "" for headless and ExternalName Services. The policies are Cluster or Local.

    `left_to` is the label that hands it to another proxy than kube-proxy, "" for most.
    """

    namespace: str
    name: str
    cluster_ip: str = ""
    type: str = "ClusterIP"
    external_name: str = ""
    ports: tuple[ServicePort, ...] = ()
    external_ips: tuple[str, ...] = ()
    load_balancer_ips: tuple[str, ...] = ()
    internal_policy: str = "Cluster"
    external_policy: str = "Cluster"
    left_to: str = ""

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def is_headless(self) -> bool:
        """Whether DNS answers with its endpoints' own addresses."""
        return not self.cluster_ip and not self.external_name

    @property
    def addresses(self) -> tuple[str, ...]:
        """Those that every node takes for its own, on its ports: ClusterIP, external and load balancer's addresses."""
        return tuple(filter(None, (self.cluster_ip, *self.external_ips, *self.load_balancer_ips)))
