"""What kube-proxy programs on every node whatever the Services are: jumps from the built-in chains, and fixed chains.

Source: kube-proxy, iptables mode (its jump chains, and what a full sync writes before the Services).
"""

from __future__ import annotations

from lab.network.objects import Rule

_NEW = "-m conntrack --ctstate NEW "


def _jump(match: str, comment: str, chain: str, intent: str) -> Rule:
    said = f'-m comment --comment "{comment}" ' if comment else ""
    return Rule(f"{match}{said}-j {chain}", intent)


EXTERNAL_INTENT = "external addresses and node ports of Services without endpoints"
_EXTERNAL = _jump(_NEW, "kubernetes externally-visible service portals", "KUBE-EXTERNAL-SERVICES", EXTERNAL_INTENT)
_NODE_PORTS = _jump("", "kubernetes health check service ports", "KUBE-NODEPORTS", "health check ports of Services")
_REFUSED = _jump(_NEW, "kubernetes service portals", "KUBE-SERVICES", "ClusterIPs of Services without a ready endpoint")
_FORWARD = _jump("", "kubernetes forwarding rules", "KUBE-FORWARD", "traffic of Services may be forwarded")
_SOURCES = _jump(
    _NEW, "kubernetes load balancer firewall", "KUBE-PROXY-FIREWALL", "who may use a load balancer's address"
)
_LOCALNET = _jump("", "", "KUBE-FIREWALL", "nobody outside reaches 127.0.0.0/8")
_TRANSLATE = _jump("", "kubernetes service portals", "KUBE-SERVICES", "Services: from a ClusterIP to an endpoint")
_SNAT = _jump("", "kubernetes postrouting rules", "KUBE-POSTROUTING", "marked Service traffic is masqueraded")

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


NODE_PORTS_LAST = Rule(
    '-m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" '
    "-m addrtype --dst-type LOCAL -j KUBE-NODEPORTS",
    "node ports: whatever is sent to an address of this node",
)
"""Last rule of KUBE-SERVICES in the nat table."""

_MARKED = "-m mark --mark 0x4000/0x4000"
_ESTABLISHED = "-m conntrack --ctstate RELATED,ESTABLISHED"

# Each as (name, rules, intent).
FILTER: tuple[tuple[str, tuple[Rule, ...], str], ...] = (
    ("KUBE-NODEPORTS", (), "health check ports of Services"),
    (
        "KUBE-FORWARD",
        (
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
        ),
        "traffic of Services may be forwarded",
    ),
    ("KUBE-PROXY-FIREWALL", (), "who may use a load balancer's address"),
    (
        "KUBE-FIREWALL",
        (
            Rule(
                '! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" '
                "-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP",
                "nobody outside reaches 127.0.0.0/8, which route_localnet would allow",
            ),
        ),
        "nobody outside reaches 127.0.0.0/8",
    ),
)
"""Chains of the filter table besides KUBE-SERVICES and KUBE-EXTERNAL-SERVICES."""

NAT: tuple[tuple[str, tuple[Rule, ...], str], ...] = (
    (
        "KUBE-POSTROUTING",
        (
            Rule("-m mark ! --mark 0x4000/0x4000 -j RETURN", "what was not marked keeps its source"),
            Rule("-j MARK --set-xmark 0x4000/0x0", "the mark is taken off: masqueraded once is enough"),
            Rule(
                '-m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
                "marked Service traffic leaves with this node's address",
            ),
        ),
        "marked Service traffic is masqueraded",
    ),
    (
        "KUBE-MARK-MASQ",
        (Rule("-j MARK --set-xmark 0x4000/0x4000", "marked: KUBE-POSTROUTING will masquerade it"),),
        "marks what KUBE-POSTROUTING shall masquerade",
    ),
)
"""Chains of the nat table besides KUBE-SERVICES, KUBE-NODEPORTS and those of the Services."""
