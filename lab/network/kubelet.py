"""What kubelet itself puts into a node's rules, whatever the mode of kube-proxy: KUBE-FIREWALL.

Its canary and hint chains, which hold no rules, are left out. In iptables mode kube-proxy has this chain as well.
"""

from __future__ import annotations

from lab.network.kubeproxy.iptables.fixed import FIREWALL_INTENT, firewall
from lab.network.kubeproxy.options import ProxyOptions
from lab.network.objects import Chain, Rule

_JUMP = (Rule("-j KUBE-FIREWALL", FIREWALL_INTENT),)


def jumps() -> dict[tuple[str, str], tuple[Rule, ...]]:
    """Rules of the built-in chains by (table, chain)."""
    return {("filter", "INPUT"): _JUMP, ("filter", "OUTPUT"): _JUMP}


def chain(node: str) -> Chain:
    """KUBE-FIREWALL on a node."""
    return Chain(node, "filter", "KUBE-FIREWALL", firewall(ProxyOptions()), "", FIREWALL_INTENT)
