"""What kube-proxy programs on every node whatever the Services are: jumps from the built-in chains, and fixed chains.

Source: kube-proxy, iptables mode (its jump chains, and what a full sync writes before the Services).
"""

from __future__ import annotations

from lab.network.kubeproxy.options import LOOPBACK, ProxyOptions
from lab.network.objects import Rule

_NEW = "-m conntrack --ctstate NEW "


def _jump(match: str, comment: str, chain: str, intent: str) -> Rule:
    said = f'-m comment --comment "{comment}" ' if comment else ""
    return Rule(f"{match}{said}-j {chain}", intent)


REFUSED_INTENT = "ClusterIPs of Services without an endpoint for this node"
EXTERNAL_INTENT = "external addresses and node ports of Services without an endpoint for this node"
HEALTH_INTENT = "health check ports of Services"
FORWARD_INTENT = "traffic of Services may be forwarded"
SOURCES_INTENT = "who may use a load balancer's address"
FIREWALL_INTENT = "nobody outside reaches 127.0.0.0/8"
SNAT_INTENT = "marked Service traffic is masqueraded"

_EXTERNAL = _jump(_NEW, "kubernetes externally-visible service portals", "KUBE-EXTERNAL-SERVICES", EXTERNAL_INTENT)
_NODE_PORTS = _jump("", "kubernetes health check service ports", "KUBE-NODEPORTS", HEALTH_INTENT)
_REFUSED = _jump(_NEW, "kubernetes service portals", "KUBE-SERVICES", REFUSED_INTENT)
_FORWARD = _jump("", "kubernetes forwarding rules", "KUBE-FORWARD", FORWARD_INTENT)
_SOURCES = _jump(_NEW, "kubernetes load balancer firewall", "KUBE-PROXY-FIREWALL", SOURCES_INTENT)
_LOCALNET = _jump("", "", "KUBE-FIREWALL", FIREWALL_INTENT)
_TRANSLATE = _jump("", "kubernetes service portals", "KUBE-SERVICES", "Services: from their addresses to an endpoint")
_SNAT = _jump("", "kubernetes postrouting rules", "KUBE-POSTROUTING", SNAT_INTENT)

# In the order in which kube-proxy inserts them.
_INSERTED: dict[tuple[str, str], tuple[Rule, ...]] = {
    ("filter", "INPUT"): (_EXTERNAL, _NODE_PORTS, _SOURCES, _LOCALNET),
    ("filter", "FORWARD"): (_EXTERNAL, _REFUSED, _FORWARD, _SOURCES),
    ("filter", "OUTPUT"): (_REFUSED, _SOURCES, _LOCALNET),
    ("nat", "PREROUTING"): (_TRANSLATE,),
    ("nat", "OUTPUT"): (_TRANSLATE,),
    ("nat", "POSTROUTING"): (_SNAT,),
}


def jumps() -> dict[tuple[str, str], tuple[Rule, ...]]:
    """Rules of the built-in chains by (table, chain), from top to bottom: each was inserted (-I) above the one before.

    On a node whose kubelet started before kube-proxy, KUBE-FIREWALL stands at the bottom: kubelet inserted it first.
    """
    return {where: tuple(reversed(rules)) for where, rules in _INSERTED.items()}


_LAST = '-m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" '


def to_node_ports(options: ProxyOptions, held: tuple[str, ...]) -> tuple[Rule, ...]:
    """The end of KUBE-SERVICES in the nat table on a node with the addresses `held`: who asks one of its node ports.

    With --nodeport-addresses, a rule for each address of the node that is among them, 127.0.0.1 included.
    """
    if options.any_node_port_address:
        but = "" if options.localhost_nodeports else "! -d 127.0.0.0/8 "
        intent = "node ports: whatever is sent to an address of this node"
        told = intent if options.localhost_nodeports else f"{intent}, but 127.0.0.0/8"
        return (Rule(f"{but}{_LAST}-m addrtype --dst-type LOCAL -j KUBE-NODEPORTS", told),)
    return tuple(
        Rule(f"-d {one}/32 {_LAST}-j KUBE-NODEPORTS", f"node ports: whatever is sent to {one}")
        for one in options.node_port_addresses((*held, *((LOOPBACK,) if options.localhost_nodeports else ())))
    )


_MARKED = "-m mark --mark 0x4000/0x4000"
_ESTABLISHED = "-m conntrack --ctstate RELATED,ESTABLISHED"

FORWARD = (
    Rule(
        "-m conntrack --ctstate INVALID -j DROP",
        "a packet that belongs to no known connection would be forwarded without its translation",
    ),
    Rule(
        f'-m comment --comment "kubernetes forwarding rules" {_MARKED} -j ACCEPT',
        "traffic of Services that will be masqueraded",
    ),
    Rule(
        f'-m comment --comment "kubernetes forwarding conntrack rule" {_ESTABLISHED} -j ACCEPT',
        "the rest of connections already let through, and replies",
    ),
)
"""KUBE-FORWARD in the filter table."""

_MARTIANS = Rule(
    '! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" '
    "-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP",
    "nobody outside reaches 127.0.0.0/8, which route_localnet would allow",
)


def firewall(options: ProxyOptions) -> tuple[Rule, ...]:
    """KUBE-FIREWALL in the filter table: empty where no node port answers on 127.0.0.1, for which it is there."""
    return (_MARTIANS,) if options.serves_localhost else ()


POSTROUTING = (
    Rule("-m mark ! --mark 0x4000/0x4000 -j RETURN", "what was not marked keeps its source"),
    Rule("-j MARK --set-xmark 0x4000/0x0", "the mark is taken off: masqueraded once is enough"),
    Rule(
        '-m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
        "marked Service traffic leaves with this node's address",
    ),
)
"""KUBE-POSTROUTING in the nat table."""

MARK_MASQ = (Rule("-j MARK --set-xmark 0x4000/0x4000", "marked: KUBE-POSTROUTING will masquerade it"),)
"""KUBE-MARK-MASQ in the nat table."""
