"""The kube-proxies of a cluster's nodes as it changes: what each has programmed, and what it must change in that.

As the real one's partial sync, it touches the chains of Services that changed, and of what all Services share that
which differs. The real one, in iptables mode, writes those chains again in whole; what is given here says how each was
before, so that whoever loads it can leave alone the rules that stay.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from lab.network.kubeproxy.ipvs.servers import ipvs
from lab.network.kubeproxy.nftables.ruleset import NftTables
from lab.network.kubeproxy.ruleset import RuleSet

if TYPE_CHECKING:
    from lab.cluster.objects import Cluster
    from lab.network.kubeproxy.options import ProxyOptions
    from lab.network.kubeproxy.service_ports import PodAddresses
    from lab.network.objects import Chain, NftObject, Object


@dataclass(frozen=True, slots=True)
class ChangedChain:
    """One chain before and after; None where it is not. One of the two is always there."""

    before: Chain | None
    after: Chain | None


@dataclass(frozen=True, slots=True)
class ChangedTable:
    """All objects that a change may touch, as they were and as they are to be; what is in both may be the same.

    A Service's objects are here together: what names a set that must be made anew has to be written again with it.
    """

    before: tuple[NftObject, ...] = ()
    after: tuple[NftObject, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangedNode:
    """All that follows from Services on a node in ipvs mode, as it was and as it is to be."""

    before: tuple[Object, ...] = ()
    after: tuple[Object, ...] = ()


Proxied = tuple["Cluster", "PodAddresses"]
R = TypeVar("R", RuleSet, NftTables)


class _Proxies(ABC, Generic[R]):
    """`follow` says what the cluster is now; a node may skip states in between."""

    def __init__(self) -> None:
        self._now: R | None = None
        self._programmed: dict[str, R] = {}
        self._compared: tuple[R, R, tuple[str, ...]] | None = None

    @abstractmethod
    def _made(self, cluster: Cluster, addresses: PodAddresses, before: R | None) -> R:
        """The rules for this state; `before` are those of the one before it."""

    def follow(self, cluster: Cluster, addresses: PodAddresses) -> None:
        """The cluster as it is from now on. What did not change is not made again: equal objects should be the same."""
        self._now = self._made(cluster, addresses, self._now)
        self._programmed = {node: rules for node, rules in self._programmed.items() if node in cluster.nodes}

    def programmed(self, node: str) -> None:
        """The node has all that it should have now."""
        self._programmed[node] = self._current

    def forget(self, node: str) -> None:
        """Nothing is known of what the node has: its next sync is a full one, as after a failed one."""
        self._programmed.pop(node, None)

    @property
    def _current(self) -> R:
        if self._now is None:
            raise ValueError("follow() comes first: nobody said what the cluster is")
        return self._now

    def _changed(self, old: R, new: R) -> tuple[str, ...]:
        """The Services whose rules may differ, on whatever node. Most nodes come from the same state: remembered."""
        if self._compared is None or self._compared[0] is not old or self._compared[1] is not new:
            self._compared = (old, new, new.changed(old))
        return self._compared[2]

    def _shared_differ(self, node: str, old: R, new: R) -> bool:
        """Whether what all Services share may differ."""
        services = self._changed(old, new)
        return not old.same_node_ports(node, new) or any(
            old.leads(node, service) != new.leads(node, service) for service in services
        )


class Proxier(_Proxies[RuleSet]):
    """kube-proxy in iptables mode: `sync` says what chains a node must change."""

    def __init__(self, options: ProxyOptions) -> None:
        super().__init__()
        self._options = options

    def _made(self, cluster: Cluster, addresses: PodAddresses, before: RuleSet | None) -> RuleSet:
        return RuleSet(cluster, addresses, self._options, before)

    def chains(self, node: str) -> tuple[Chain, ...]:
        """All chains that the node should have now, for a full sync."""
        return self._current.chains(node)

    def sync(self, node: str) -> tuple[ChangedChain, ...]:
        """What the node must change to be as the cluster is now, after which it counts as programmed."""
        old, new = self._programmed.get(node), self._current
        self._programmed[node] = new
        if old is None:
            return tuple(ChangedChain(None, chain) for chain in new.chains(node))
        return () if old is new else tuple(self._changes(node, old, new))

    def _changes(self, node: str, old: RuleSet, new: RuleSet) -> Iterator[ChangedChain]:
        services = self._changed(old, new)
        if self._shared_differ(node, old, new):
            pairs = zip(old.entries(node), new.entries(node), strict=True)
            yield from (ChangedChain(before, after) for before, after in pairs if before != after)
        before = {chain.name: chain for service in services for chain in old.own(node, service)}
        for service in services:
            for chain in new.own(node, service):
                known = before.pop(chain.name, None)
                if known != chain:
                    yield ChangedChain(known, chain)
        yield from (ChangedChain(chain, None) for chain in before.values())


class NftProxier(_Proxies[NftTables]):
    """kube-proxy in nftables mode: `sync` gives those objects of a node's table that a change may touch."""

    def __init__(self, options: ProxyOptions, service_cidrs: tuple[str, ...]) -> None:
        super().__init__()
        self._options = options
        self._service_cidrs = service_cidrs

    def _made(self, cluster: Cluster, addresses: PodAddresses, before: NftTables | None) -> NftTables:
        return NftTables(cluster, addresses, self._options, self._service_cidrs, before)

    def sync(self, node: str) -> ChangedTable:
        """What the node has to look at to be as the cluster is now, after which it counts as programmed."""
        old, new = self._programmed.get(node), self._current
        self._programmed[node] = new
        if old is None:
            return ChangedTable((), new.objects(node))
        if old is new:
            return ChangedTable()
        names = self._changed(old, new)
        shared = self._shared_differ(node, old, new)
        returning = any(old.returning(node, name) != new.returning(node, name) for name in names)
        before, after = (_touched(tables, node, names, shared, returning) for tables in (old, new))
        return ChangedTable(before, after)


class IpvsProxier:
    """kube-proxy in ipvs mode. It compares all of a node, as the real one, which has no partial sync in this mode."""

    def __init__(self, options: ProxyOptions) -> None:
        self._options = options
        self._now: Proxied | None = None
        self._programmed: dict[str, tuple[Object, ...]] = {}

    def follow(self, cluster: Cluster, addresses: PodAddresses) -> None:
        """The cluster as it is from now on."""
        self._now = (cluster, addresses)
        self._programmed = {node: held for node, held in self._programmed.items() if node in cluster.nodes}

    def programmed(self, node: str) -> None:
        """The node has all that it should have now."""
        self._programmed[node] = self._objects(node)

    def forget(self, node: str) -> None:
        """Nothing is known of what the node has."""
        self._programmed.pop(node, None)

    def sync(self, node: str) -> ChangedNode:
        """All that the node had and is to have, after which it counts as programmed."""
        before, after = self._programmed.get(node, ()), self._objects(node)
        self._programmed[node] = after
        return ChangedNode(before, after)

    def _objects(self, node: str) -> tuple[Object, ...]:
        if self._now is None:
            raise ValueError("follow() comes first: nobody said what the cluster is")
        return ipvs(*self._now, node, self._options).objects


def _touched(
    tables: NftTables, node: str, services: tuple[str, ...], shared: bool, returning: bool
) -> tuple[NftObject, ...]:
    own = [item for service in services for item in tables.own(node, service)]
    return (*(tables.hairpins(node) if returning else ()), *(tables.entries(node) if shared else ()), *own)
