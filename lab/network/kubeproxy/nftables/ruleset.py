"""kube-proxy in nftables mode: one table of its own, in which maps lead from a Service's address to its chain.

Source of table, chains, maps and order: kube-proxy, nftables mode (`table ip kube-proxy`). The kernel's other tables,
iptables' among them, are untouched by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from lab.network.kubeproxy.iptables.portrules import Here, differs_by_node, everywhere, here
from lab.network.kubeproxy.nftables import fixed
from lab.network.kubeproxy.nftables.fixed import ADDRESSES, CLUSTER_IPS, HAIRPINS, NODE_PORT_IPS, SETS, TABLE, Kept
from lab.network.kubeproxy.nftables.portrules import PortParts, port_parts
from lab.network.kubeproxy.options import EVERYWHERE
from lab.network.kubeproxy.service_ports import ProxiedPort, ProxiedService, proxied_services
from lab.network.objects import NftChain, NftElement, NftObject, NftSet

if TYPE_CHECKING:
    from lab.cluster.objects import Cluster
    from lab.network.kubeproxy.options import ProxyOptions
    from lab.network.kubeproxy.service_ports import PodAddresses

__all__ = ["TABLE", "NftTables", "tables"]

T = TypeVar("T")

MOST_KEPT = 4
_Elements = dict[str, tuple[NftElement, ...]]  # of all sets and maps, by name


def tables(
    cluster: Cluster, addresses: PodAddresses, node: str, options: ProxyOptions, service_cidrs: tuple[str, ...] = ()
) -> tuple[NftObject, ...]:
    """All of kube-proxy's table on `node`: the table, its sets and maps, its chains.

    What does not depend on the node is made once: asking for another node costs little.
    """
    return _tables(_Same(cluster), _Same(addresses), options, service_cidrs).objects(node)


class _Same(Generic[T]):
    """A key that is equal to itself alone: hashing a whole cluster costs as much as making its rules."""

    def __init__(self, it: T) -> None:
        self.it = it

    def __hash__(self) -> int:
        return id(self.it)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.it is other.it


@lru_cache(maxsize=2)
def _tables(
    cluster: _Same[Cluster], addresses: _Same[PodAddresses], options: ProxyOptions, service_cidrs: tuple[str, ...]
) -> NftTables:
    return NftTables(cluster.it, addresses.it, options, service_cidrs)


class _ServiceParts(NamedTuple):
    """A Service with the parts of its ports; None for a port whose part is not the same on all nodes."""

    proxied: ProxiedService
    ports: tuple[PortParts | None, ...]


class NftTables:
    """kube-proxy's table on every node, for one state of the cluster.

    `service_cidrs` are the prefixes of the ClusterIPs (ServiceCIDR objects); what no Service has of them is dropped.
    `before` is of an earlier state under the same options: only to save work, the tables do not depend on it.
    """

    def __init__(
        self,
        cluster: Cluster,
        addresses: PodAddresses,
        options: ProxyOptions,
        service_cidrs: tuple[str, ...] = (),
        before: NftTables | None = None,
    ) -> None:
        self._addresses = addresses
        self._zones = cluster.zone_of
        self._options = options
        self._service_cidrs = service_cidrs
        old = before.services if before and before._options == options else {}
        proxied = proxied_services(cluster, addresses, {name: one.proxied for name, one in old.items()})
        self.services: dict[str, _ServiceParts] = {}
        """By NAMESPACE/NAME, sorted. What did not change is the very object that `before` has."""
        for name, service in proxied.items():
            known = old.get(name)
            self.services[name] = known if known and known.proxied is service else self._shared(service)
        self._specific = tuple(
            port
            for service in self.services.values()
            for port, parts in zip(service.proxied.ports, service.ports, strict=True)
            if parts is None
        )
        self._hairpins: dict[str, dict[str, NftElement]] = {}
        # Not a cache that knows this very object: that would be left to the garbage collector.
        self._kept: dict[tuple[Here, ...], tuple[list[PortParts], _Elements]] = {}

    def objects(self, node: str) -> tuple[NftObject, ...]:
        """The table on `node`, as a node lists it: sets and maps first, then base chains, then the others."""
        parts, elements = self._assembled(self._here(node))
        every_address = self._node_port_ips(node) is None
        return (
            fixed.table(node),
            self._hairpin_set(node),
            *self._sets(node, elements),
            *_affinity_sets(node, parts),
            *fixed.chains(node, every_address, self._options, self._service_cidrs),
            *_chains(node, parts),
        )

    def entries(self, node: str) -> tuple[NftObject, ...]:
        """The sets and maps on `node` that all Services share, but that of the hairpins."""
        return tuple(self._sets(node, self._assembled(self._here(node))[1]))

    def hairpins(self, node: str) -> tuple[NftObject, ...]:
        """The set of the endpoints on `node`."""
        return (self._hairpin_set(node),)

    def own(self, node: str, service: str) -> tuple[NftObject, ...]:
        """The sets and chains on `node` that are one Service's alone; none where there is no such Service."""
        parts = tuple(self._ports(node, service))
        return (*_affinity_sets(node, parts), *_chains(node, parts))

    def leads(self, node: str, service: str) -> tuple[object, ...]:
        """What one Service adds to the sets and maps that all share, but to that of the hairpins."""
        found = self.services.get(service)
        address = found.proxied.service.cluster_ip if found else ""
        return (address, *(parts.elements for parts in self._ports(node, service)))

    def returning(self, node: str, service: str) -> tuple[NftElement, ...]:
        """What one Service adds to the set of the hairpins on `node`."""
        return tuple([one for parts in self._ports(node, service) for where, one in parts.hairpins if where == node])

    def same_node_ports(self, node: str, other: NftTables) -> bool:
        """Whether node ports answer on the same addresses of the node in both."""
        return self._node_port_ips(node) == other._node_port_ips(node)

    def changed(self, other: NftTables) -> tuple[str, ...]:
        """The Services whose objects may differ between `other` and this, on whatever node."""
        names = dict.fromkeys([name for name, parts in self.services.items() if other.services.get(name) is not parts])
        names |= dict.fromkeys([name for name in other.services if name not in self.services])
        if (self._addresses.nodes, self._zones) != (other._addresses.nodes, other._zones):
            names |= dict.fromkeys([name for name, parts in self.services.items() if None in parts.ports])
        return tuple(names)

    def _ports(self, node: str, service: str) -> Iterator[PortParts]:
        if found := self.services.get(service):
            for port, parts in zip(found.proxied.ports, found.ports, strict=True):
                yield parts or self._port(port, self._found(port, node))

    def _sets(self, node: str, elements: _Elements) -> Iterator[NftSet]:
        own = self._node_port_ips(node)
        answering = tuple(NftElement(one, "", "", "node ports answer on it") for one in own or ())
        for kept in SETS:
            if kept.name != NODE_PORT_IPS:
                found = elements.get(kept.name, ())
            elif own is None:
                continue
            else:
                found = answering
            yield _filled(node, kept, found)

    def _hairpin_set(self, node: str) -> NftSet:
        if not self._hairpins:
            self._hairpins = self._shared_hairpins()
        found = dict(self._hairpins.get(node, {}))
        for port in self._specific:
            for where, element in self._port(port, self._found(port, node)).hairpins:
                if where == node:
                    found.setdefault(element.key, element)
        return _filled(node, HAIRPINS, tuple([found[key] for key in sorted(found)]))

    def _shared_hairpins(self) -> dict[str, dict[str, NftElement]]:
        """Of the ports that are the same on all nodes, by node and key. Services may share an endpoint."""
        found: dict[str, dict[str, NftElement]] = {}
        for service in self.services.values():
            for parts in service.ports:
                for node, element in parts.hairpins if parts else ():
                    found.setdefault(node, {}).setdefault(element.key, element)
        return found

    def _node_port_ips(self, node: str) -> tuple[str, ...] | None:
        """Addresses on which node ports answer: the node's own unless told otherwise; None for all that it has."""
        if not self._options.nodeport_addresses:
            return (self._addresses.nodes[node],)
        if EVERYWHERE in self._options.nodeport_addresses:
            return None
        return self._options.node_port_addresses(self._addresses.held(node))

    def _here(self, node: str) -> tuple[Here, ...]:
        return tuple([self._found(port, node) for port in self._specific])

    def _found(self, port: ProxiedPort, node: str) -> Here:
        return here(port, node, self._zones[node], self._addresses.nodes[node])

    def _shared(self, service: ProxiedService) -> _ServiceParts:
        parts = [None if differs_by_node(port) else self._port(port, everywhere(port)) for port in service.ports]
        return _ServiceParts(service, tuple(parts))

    def _port(self, port: ProxiedPort, found: Here) -> PortParts:
        return port_parts(port, found, self._options.cluster_cidr)

    def _assembled(self, found: tuple[Here, ...]) -> tuple[list[PortParts], _Elements]:
        """As below, made once: most nodes have no endpoint of a Local policy."""
        if found not in self._kept:
            if len(self._kept) == MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[found] = self._assemble(found)
        return self._kept[found]

    def _assemble(self, found: tuple[Here, ...]) -> tuple[list[PortParts], _Elements]:
        """All ports' parts, and the elements of the sets and maps, on a node where the specific ports find `found`."""
        specific = iter([self._port(port, local) for port, local in zip(self._specific, found, strict=True)])
        parts = [part or next(specific) for service in self.services.values() for part in service.ports]
        by_name: dict[str, dict[str, NftElement]] = {CLUSTER_IPS: {}}
        for name, service in self.services.items():
            address = service.proxied.service.cluster_ip
            by_name[CLUSTER_IPS][address] = NftElement(address, "", "", f"ClusterIP of Service {name}")
        for part in parts:
            for name, element in part.elements:
                # Of two Services that claim the same external address the first has it.
                by_name.setdefault(name, {}).setdefault(element.key, element)
        return parts, {name: tuple([of[key] for key in sorted(of)]) for name, of in by_name.items()}


def _filled(node: str, kept: Kept, elements: tuple[NftElement, ...]) -> NftSet:
    return NftSet(node, TABLE, kept.name, kept.type, elements, 0, kept.comment, kept.intent)


def _affinity_sets(node: str, parts: Iterable[PortParts]) -> list[NftSet]:
    return [
        NftSet(node, TABLE, name, ADDRESSES, (), seconds, "", intent)
        for part in parts
        for name, seconds, intent in part.affinities
    ]


def _chains(node: str, parts: Iterable[PortParts]) -> list[NftChain]:
    return [
        NftChain(node, TABLE, name, rules, None, "", intent) for part in parts for name, rules, intent in part.chains
    ]
