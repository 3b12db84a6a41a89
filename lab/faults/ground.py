"""What faults are put on: a lab's design and cluster, asked where something of a kind is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from lab.network.objects import Interface, Listener, Namespace, Network, Object, Vxlan

if TYPE_CHECKING:
    from lab.cluster.objects import Cluster
    from lab.network.ipam import Addresses
    from lab.topology.schema import Topology

T = TypeVar("T", bound=Object)


@dataclass(frozen=True)
class Ground:
    """One design; `network` is what it would hold if nothing was broken."""

    topology: Topology
    cluster: Cluster
    addresses: Addresses
    network: Network

    @cached_property
    def kinds(self) -> dict[str, str]:
        """Of every place, in the design's order: node, pod, router, gateway, internet."""
        return {item.place: item.kind for item in self.network if isinstance(item, Namespace)}

    def of_kind(self, *kinds: str) -> tuple[str, ...]:
        return tuple(place for place, kind in self.kinds.items() if kind in kinds)

    @property
    def pods(self) -> tuple[str, ...]:
        """Those that are not the cluster's own."""
        own = {pod.place for pod in self.cluster.pods if pod.system}
        return tuple(place for place in self.of_kind("pod") if place not in own)

    @property
    def services(self) -> tuple[str, ...]:
        """The full names of the cluster's Services."""
        return tuple(one.full_name for one in self.cluster.services)

    def ready(self, service: str) -> tuple[str, ...]:
        """The pods that a Service sends to now."""
        pieces = (one for one in self.cluster.slices if f"{one.namespace}/{one.service}" == service)
        ends = (end for piece in pieces for port in piece.ports for end in port.endpoints if end.ready and end.pod)
        return tuple(dict.fromkeys(end.pod for end in ends))

    def node_of(self, pod: str) -> str:
        return next(one.node for one in self.cluster.pods if one.place == pod)

    def held(self, place: str, kind: type[T]) -> Iterator[T]:
        """What of a kind a place should hold."""
        return (item for item in self._by_place.get(place, ()) if isinstance(item, kind))

    @cached_property
    def _by_place(self) -> dict[str, list[Object]]:
        return self.network.by_place()

    def link(self, place: str, name: str) -> Interface | None:
        found = self.network.by_key.get(("link", place, name))
        return found if isinstance(found, Interface) else None

    def vxlan(self, node: str) -> tuple[Interface, Vxlan] | None:
        """A node's VXLAN device."""
        return next(((item, item.vxlan) for item in self.held(node, Interface) if item.vxlan is not None), None)

    @cached_property
    def vxlan_nodes(self) -> tuple[str, ...]:
        """The nodes that have one, and somebody to send to."""
        found = tuple(node for node in self.of_kind("node") if self.vxlan(node))
        return found if len(found) > 1 else ()

    @cached_property
    def tunnel_nodes(self) -> tuple[str, ...]:
        """The nodes that have a tunnel of any kind, and somebody to send to."""
        found = tuple(node for node in self.of_kind("node") if self.tunnel(node))
        return found if len(found) > 1 else ()

    def tunnel(self, node: str) -> Interface | None:
        """A node's tunnel device, VXLAN or IPIP."""
        return next((item for item in self.held(node, Interface) if item.vxlan or item.ipip), None)

    @property
    def is_bridged(self) -> bool:
        """Whether a node's pods hang on a bridge, as flannel has them."""
        return self.topology.spec.cni.plugin == "flannel"

    def listens(self, place: str) -> tuple[Listener, ...]:
        """What the built-in server answers there."""
        return tuple(self.held(place, Listener))

    def others(self, node: str) -> tuple[str, ...]:
        """The other nodes, those of another subnet first: it is they that tunnels lead to."""
        subnets = {one.name: one.subnet for one in self.topology.spec.nodes}
        return tuple(
            sorted((one for one in self.of_kind("node") if one != node), key=lambda one: subnets[one] == subnets[node])
        )
