"""The rules of kube-proxy on every node, for one state of the cluster.

What is the same on all nodes is made once and shared; what did not change since an earlier state is taken from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from lab.network.kubeproxy.iptables import fixed
from lab.network.kubeproxy.iptables.portrules import (
    Here,
    PortRules,
    Style,
    differs_by_node,
    everywhere,
    here,
    port_rules,
)
from lab.network.kubeproxy.service_ports import ProxiedPort, ProxiedService, proxied_services
from lab.network.objects import Chain, Rule

if TYPE_CHECKING:
    from lab.cluster.objects import Cluster
    from lab.network.kubeproxy.options import ProxyOptions
    from lab.network.kubeproxy.service_ports import PodAddresses

Assembled = tuple[tuple[Chain, ...], tuple[Chain, ...]]

MOST_KEPT = 4

LARGE_CLUSTER = 1000
"""Above so many endpoints in all kube-proxy leaves out the comments of the rules it has one of per endpoint."""


class ServiceRules(NamedTuple):
    """A Service with the rules of its ports; None for a port whose rules are not the same on all nodes."""

    proxied: ProxiedService
    ports: tuple[PortRules | None, ...]


class RuleSet:
    """`before` is one of an earlier state under the same options: only to save work, the rules do not depend on it."""

    def __init__(
        self, cluster: Cluster, addresses: PodAddresses, options: ProxyOptions, before: RuleSet | None = None
    ) -> None:
        self._place = cluster.nodes[0]
        self._addresses = addresses.nodes
        self._held = addresses.held
        self._zones = cluster.zone_of
        self._options = options
        old: Mapping[str, ServiceRules] = before.services if before else {}
        proxied = proxied_services(cluster, addresses, {name: one.proxied for name, one in old.items()})
        count = sum([len(port.targets) for service in proxied.values() for port in service.ports])
        self._style = Style(options.cluster_cidr, options.masquerade_all, count <= LARGE_CLUSTER)
        if before is None or (before._style, before._place) != (self._style, self._place):
            old = {}
        self.services: dict[str, ServiceRules] = {}
        """By NAMESPACE/NAME, sorted. What did not change is the very object that `before` has."""
        for name, service in proxied.items():
            known = old.get(name)
            self.services[name] = known if known and known.proxied is service else self._shared(service)
        self._specific = tuple(
            (name, at, service.proxied.ports[at])
            for name, service in self.services.items()
            for at, rules in enumerate(service.ports)
            if rules is None
        )
        self._made: dict[tuple[str, int, Here], PortRules] = {}
        # Not a cache that knows this very object: that would be left to the garbage collector.
        self._kept: dict[tuple[tuple[Here, ...], tuple[Rule, ...]], Assembled] = {}

    def chains(self, node: str) -> tuple[Chain, ...]:
        """All of kube-proxy's chains on `node`, the filter table's first."""
        entries, own = self._assembled(self._here(node), self._to_node_ports(node))
        return tuple(self._on(node, entries + own))

    def entries(self, node: str) -> tuple[Chain, ...]:
        """The chains on `node` that all Services share, and those that do not depend on any."""
        return tuple(self._on(node, self._assembled(self._here(node), self._to_node_ports(node))[0]))

    def own(self, node: str, service: str) -> tuple[Chain, ...]:
        """The chains on `node` that are one Service's alone; none where there is no such Service."""
        return tuple(self._on(node, [chain for rules in self._ports(node, service) for chain in rules.chains]))

    def leads(self, node: str, service: str) -> list[tuple[tuple[Rule, ...], ...]]:
        """What one Service adds to the chains that all share, port by port."""
        return [(*rules[:-1],) for rules in self._ports(node, service)]

    def same_node_ports(self, node: str, other: RuleSet) -> bool:
        """Whether node ports answer on the same addresses of the node in both."""
        return self._to_node_ports(node) == other._to_node_ports(node)

    def changed(self, other: RuleSet) -> tuple[str, ...]:
        """The Services whose rules may differ between `other` and this, on whatever node."""
        names = dict.fromkeys([name for name, rules in self.services.items() if other.services.get(name) is not rules])
        names |= dict.fromkeys([name for name in other.services if name not in self.services])
        if (self._addresses, self._zones) != (other._addresses, other._zones):
            names |= dict.fromkeys([name for name, _, _ in self._specific])
        return tuple(names)

    def _shared(self, service: ProxiedService) -> ServiceRules:
        return ServiceRules(
            service,
            tuple(
                [
                    None if differs_by_node(port) else port_rules(self._place, port, everywhere(port), self._style)
                    for port in service.ports
                ]
            ),
        )

    def _to_node_ports(self, node: str) -> tuple[Rule, ...]:
        return fixed.to_node_ports(self._options, self._held(node))

    def _here(self, node: str) -> tuple[Here, ...]:
        return tuple([self._found(port, node) for _, _, port in self._specific])

    def _found(self, port: ProxiedPort, node: str) -> Here:
        return here(port, node, self._zones[node], self._addresses[node])

    def _on(self, node: str, chains: Iterable[Chain]) -> Iterable[Chain]:
        if node == self._place:
            return chains
        return [Chain(node, one.table, one.name, one.rules, "", one.intent) for one in chains]

    def _ports(self, node: str, service: str) -> Iterator[PortRules]:
        if found := self.services.get(service):
            for at, (port, rules) in enumerate(zip(found.proxied.ports, found.ports, strict=True)):
                yield rules or self._port(service, at, port, self._found(port, node))

    def _port(self, service: str, at: int, port: ProxiedPort, found: Here) -> PortRules:
        key = (service, at, found)
        if key not in self._made:
            self._made[key] = port_rules(self._place, port, found, self._style)
        return self._made[key]

    def _assembled(self, found: tuple[Here, ...], to_node_ports: tuple[Rule, ...]) -> Assembled:
        """As below, made once: most nodes have no endpoint of a Local policy."""
        key = found, to_node_ports
        if key not in self._kept:
            if len(self._kept) == MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = self._assemble(*key)
        return self._kept[key]

    def _assemble(self, found: tuple[Here, ...], to_node_ports: tuple[Rule, ...]) -> Assembled:
        """The shared chains and the Services' own, on a node where its specific ports find what `found` says."""
        specific = iter([self._port(*port, local) for port, local in zip(self._specific, found, strict=True)])
        ports = [rules or next(specific) for service in self.services.values() for rules in service.ports]
        filters = (
            ("KUBE-SERVICES", [rule for port in ports for rule in port.filter_services], fixed.REFUSED_INTENT),
            (
                "KUBE-EXTERNAL-SERVICES",
                [rule for port in ports for rule in port.filter_external],
                fixed.EXTERNAL_INTENT,
            ),
            ("KUBE-NODEPORTS", [rule for port in ports for rule in port.filter_node_ports], fixed.HEALTH_INTENT),
            ("KUBE-FORWARD", fixed.FORWARD, fixed.FORWARD_INTENT),
            ("KUBE-PROXY-FIREWALL", [rule for port in ports for rule in port.filter_firewall], fixed.SOURCES_INTENT),
            ("KUBE-FIREWALL", fixed.firewall(self._options), fixed.FIREWALL_INTENT),
        )
        services = [rule for port in ports for rule in port.nat_services]
        nat = (
            ("KUBE-SERVICES", [*services, *to_node_ports], "addresses of all Services"),
            ("KUBE-NODEPORTS", [rule for port in ports for rule in port.nat_node_ports], "node ports of Services"),
            ("KUBE-POSTROUTING", fixed.POSTROUTING, fixed.SNAT_INTENT),
            ("KUBE-MARK-MASQ", fixed.MARK_MASQ, "marks what KUBE-POSTROUTING shall masquerade"),
        )
        return (
            (
                *(Chain(self._place, "filter", name, tuple(rules), "", intent) for name, rules, intent in filters),
                *(Chain(self._place, "nat", name, tuple(rules), "", intent) for name, rules, intent in nat),
            ),
            tuple([chain for port in ports for chain in port.chains]),
        )
