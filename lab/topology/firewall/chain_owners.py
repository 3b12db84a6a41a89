"""Whose a chain, a rule or a set of a saved node is: what each component of Kubernetes makes, and which a place has.

Sources of names: kube-proxy, kubelet, Felix, flanneld, and the CNI plugins bridge and portmap.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.topology.firewall.iptables_rule import FirewallRule
    from lab.topology.schema import Spec


@dataclass(frozen=True, slots=True)
class Component:
    """What one makes, by how the names begin: chains, sets, and the comments of its rules in built-in chains."""

    title: str
    chains: tuple[str, ...]
    besides: tuple[str, ...] = ()
    """chains that begin so, and are somebody else's"""
    comments: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()

    def has(self, chain: str) -> bool:
        """Whether the chain is one of its own."""
        return chain.startswith(self.chains) and not chain.startswith(self.besides)


_KUBE_ROUTER = ("KUBE-ROUTER-", "KUBE-POD-FW-", "KUBE-NWPLCY-")

KUBE_PROXY = Component("kube-proxy", ("KUBE-",), _KUBE_ROUTER)
KUBELET = Component("kubelet", ("KUBE-FIREWALL", "KUBE-KUBELET-CANARY", "KUBE-IPTABLES-HINT", "KUBE-MARK-DROP"))
CALICO = Component("Calico", ("cali-", "cali:"), comments=("cali:",), sets=("cali4", "cali6"))
FLANNEL = Component("flannel", ("FLANNEL-",), comments=("flanneld ",))
PLUGINS = Component("the CNI plugins", ("CNI-",))
ALL = (KUBE_PROXY, CALICO, FLANNEL, PLUGINS)
"""Those that a saved node may come with."""

_PROXIES = {"iptables": (KUBE_PROXY,), "ipvs": (replace(KUBE_PROXY, sets=("KUBE-",)),)}
_SETS = ("cali40all-ipam-pools", "cali40masq-ipam-pools", "cali40this-host")
_TUNNEL_SETS = {"VXLAN": ("cali40all-vxlan-net",), "IPIP": ("cali40all-hosts-net",)}


@dataclass(frozen=True, slots=True)
class Household:
    """The components that a place of the lab has, and the sets that they make there."""

    components: tuple[Component, ...] = ()
    sets: tuple[str, ...] = ()

    def owner(self, rule: FirewallRule) -> Component | None:
        """The one that makes this chain or rule by itself; None for what is the machine's own."""
        return _owner(self.components, rule)

    def keeps(self, name: str) -> bool:
        """Whether the set is one that a component here makes."""
        return any(name.startswith(one.sets) for one in self.components)


def household(spec: Spec, place: str) -> Household:
    """What `place` has: a node kubelet, kube-proxy's mode and the network plugin, a router nothing."""
    if all(node.name != place for node in spec.nodes):
        return Household()
    proxy = _PROXIES.get(spec.services.proxy, ())
    if spec.cni.plugin == "flannel":
        return Household((*proxy, KUBELET, FLANNEL, PLUGINS))
    tunnel = (spec.cni.encapsulation or "").removesuffix("CrossSubnet")
    return Household((*proxy, KUBELET, CALICO, PLUGINS), (*_SETS, *_TUNNEL_SETS.get(tunnel, ())))


def maker(rule: FirewallRule) -> Component | None:
    """The component that makes such a chain or rule on a real node; None for none that is known."""
    return _owner(ALL, rule)


def is_component(chain: str) -> bool:
    """Whether a Kubernetes component makes this chain."""
    return any(one.has(chain) for one in ALL)


def _owner(components: Iterable[Component], rule: FirewallRule) -> Component | None:
    chains = (rule.chain,) if rule.action == "policy" else (rule.chain, rule.target)
    comment = rule.comment
    for one in components:
        if any(map(one.has, chains)) or comment.startswith(one.comments):
            return one
    return None
