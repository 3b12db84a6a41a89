"""The whole rule set of a place: built-in chains with what every component puts into them, then all other chains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING

from lab.network import flannel, kubelet
from lab.network.calico import dataplane, filter
from lab.network.calico import rules as calico_rules
from lab.network.kubeproxy.iptables import fixed
from lab.network.kubeproxy.iptables.ruleset import chains as kubeproxy_chains
from lab.network.kubeproxy.ipvs import chains
from lab.network.kubeproxy.options import ProxyOptions
from lab.network.objects import Chain, NftObject, Object, Rule
from lab.network.underlay import firewall
from lab.network.underlay.firewall import BuiltIn

if TYPE_CHECKING:
    from lab.cluster.objects import Pod
    from lab.network.components import Proxied
    from lab.network.ipam import Addresses
    from lab.topology.schema import Topology

TABLES = ("raw", "mangle", "nat", "filter", "security")
HOOKS = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")


def node_chains(
    topology: Topology, addresses: Addresses, node: str, residents: list[Pod], proxied: Proxied
) -> Iterator[Chain]:
    """All chains of a node: built-in ones, the network plugin's, kube-proxy's (which knows the cluster as `proxied`),
    and those of its own firewall.
    """
    plugin = topology.spec.cni.plugin
    proxy = topology.spec.services.proxy
    yield from _built_in(topology, node, {where: list(rules) for where, rules in _components(plugin, proxy).items()})
    yield from plugin_chains(topology, addresses, node, residents)
    if proxy == "iptables":
        yield from kubeproxy_chains(*proxied, node, proxy_options(topology, addresses))
    else:
        yield kubelet.chain(node)


def plugin_chains(topology: Topology, addresses: Addresses, node: str, residents: list[Pod]) -> Iterator[Chain]:
    """The network plugin's own chains on a node with these pods."""
    is_calico = topology.spec.cni.plugin == "calico"
    yield from dataplane.chains(topology, node, residents) if is_calico else flannel.chains(addresses, node)


def node_tables(topology: Topology, addresses: Addresses, node: str, proxied: Proxied) -> Iterable[NftObject]:
    """What a node has in nft tables of its own, beside iptables': kube-proxy's, in nftables mode."""
    if topology.spec.services.proxy != "nftables":
        return ()
    from lab.network.kubeproxy.nftables.ruleset import tables  # noqa: PLC0415  10 ms for this mode alone

    return tables(*proxied, node, proxy_options(topology, addresses), service_cidrs(topology))


def node_servers(topology: Topology, addresses: Addresses, node: str, proxied: Proxied) -> Iterable[Object]:
    """What a node has for IPVS, in ipvs mode: what its kube-proxy makes, but for the jumps from built-in chains."""
    if topology.spec.services.proxy != "ipvs":
        return ()
    from lab.network.kubeproxy.ipvs import servers  # noqa: PLC0415  for this mode alone

    made = servers.ipvs(*proxied, node, proxy_options(topology, addresses))
    return (*servers.settings(node), servers.device(node), *made.objects)


def proxy_options(topology: Topology, addresses: Addresses) -> ProxyOptions:
    """How kube-proxy runs on every node: what the file says, and the pods' network."""
    services = topology.spec.services
    return ProxyOptions(
        addresses.pod_cidr,
        services.masquerade_all,
        services.node_port_addresses,
        scheduler=services.ipvs.scheduler,
    )


def service_cidrs(topology: Topology) -> tuple[str, ...]:
    """The prefixes of which Services get their addresses."""
    return (topology.spec.services.cidr,)


def router_chains(topology: Topology, router: str) -> Iterator[Chain]:
    """A router's chains: those of its firewall, if it has one."""
    yield from _built_in(topology, router, {})


def _built_in(topology: Topology, place: str, rules: BuiltIn) -> Iterator[Chain]:
    """The built-in chains that are not empty, and the chains that the place's firewall makes."""
    policies, made = firewall.place_rules(firewall.rules_on(topology, place), place, rules)
    for where in sorted(rules.keys() | policies.keys(), key=_order):
        table, chain = where
        chosen = policies.get(where)
        policy = "" if where in made else chosen.text if chosen else "ACCEPT"
        intent = firewall.intent(place) if where in made else f"{chain} of {table}"
        if chosen and chosen.text != "ACCEPT":
            intent = f"{intent}, {chosen.text} by the {firewall.intent(place, chosen.origin)}"
        yield Chain(place, table, chain, tuple(rules.get(where, ())), policy, intent)


def _order(where: tuple[str, str]) -> tuple[int, int, str]:
    table, chain = where
    return TABLES.index(table), HOOKS.index(chain) if chain in HOOKS else len(HOOKS), chain


@cache
def _components(plugin: str, proxy: str) -> dict[tuple[str, str], tuple[Rule, ...]]:
    """Rules of the built-in chains of every node, top to bottom.

    Felix keeps its jumps on top, kube-proxy's inserted ones are below; what flanneld and Felix append comes last.
    """
    before = calico_rules.jumps() if plugin == "calico" else {}
    after = {("filter", "FORWARD"): filter.forward_end()} if plugin == "calico" else flannel.jumps()
    middle = fixed.jumps() if proxy == "iptables" else kubelet.jumps()
    if proxy == "ipvs":
        balanced = chains.jumps()
        middle = {key: (*balanced.get(key, ()), *middle.get(key, ())) for key in dict.fromkeys((*balanced, *middle))}
    keys = dict.fromkeys((*before, *middle, *after))
    return {key: (*before.get(key, ()), *middle.get(key, ()), *after.get(key, ())) for key in keys}
